"""Mutations of captured fragments."""

from collections.abc import Iterable
from uuid import UUID

from harness.backends.simulation.streaming.fragments import FragmentAssembler
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.mutation_fragment import MutationFragment


def put_together(layout: TableLayout, fragments: Iterable[MutationFragment]) -> list[Mutation]:
    """The mutations that fragments are; that a table has no known version does not matter."""
    assert layout.table.id is not None
    assembler = FragmentAssembler(layout.table.id, layout.table.version or UUID(int=0))
    return [made for fragment in fragments if (made := assembler.take(fragment)) is not None]
