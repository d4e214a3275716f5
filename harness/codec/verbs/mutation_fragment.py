"""Fragments: a mutation cut into its rows, as streaming and repair carry it.

Source:
    Scylla, idl/mutation.idl.hh (mutation_fragment and its alternatives); frozen_mutation.cc.
"""

from typing import Annotated

from harness.codec.verbs.common import Key, Tombstone
from harness.codec.verbs.mutation import DeletableRow, RangeTombstone, Row
from harness.codec.verbs.wire import IN_BLOB, WRITABLE, sized


@sized
class ClusteringRow:
    """A row."""

    row: DeletableRow


@sized
class StaticRow:
    """The static row."""

    cells: Row


@sized
class PartitionStart:
    """A partition begins."""

    key: Key
    tombstone: Tombstone


@sized
class PartitionEnd:
    """The partition ends."""


@sized
class MutationFragment:
    """One fragment."""

    fragment: Annotated[ClusteringRow | StaticRow | RangeTombstone | PartitionStart | PartitionEnd, WRITABLE]


FrozenMutationFragment = Annotated[MutationFragment, IN_BLOB]
