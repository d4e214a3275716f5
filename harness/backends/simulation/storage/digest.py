"""The digest of a read: equal on replicas that hold the same.

Source:
    Scylla, query-result-writer.hh, mutation_partition.cc (hash of rows and cells), xx_hasher.hh; measured in all its
    parts but static columns, expiring cells and deleted rows on captures of 4.2 and 2025.1.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

# xxHash64 in pure Python costs some 10 microseconds for each cell; this is the C library's, in 0.2.
import xxhash

from harness.backends.simulation.storage.cells import Cell, SimpleCell, last_update
from harness.backends.simulation.storage.tombstones import RowTombstone
from harness.codec.verbs.common import MISSING_TIMESTAMP, Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CounterCell,
    CounterShards,
    DeadCell,
    ExpiringCell,
)

_LENGTH = struct.Struct("<Q").pack
_TOMBSTONE = struct.Struct("<qI").pack
_LIVE = struct.Struct("<Bq").pack
_EXPIRING = struct.Struct("<BqIq").pack
_DEAD = struct.Struct("<BqI").pack
_COUNTER = struct.Struct("<BqBq").pack
_SHARD = struct.Struct("<QQqq").pack
_CELL_HASH = struct.Struct("<Q").pack
_HASH = struct.Struct(">8xQ").pack
_NO_CELL = struct.pack("<I", 0xBEEFCAFE)
_HALF = 2**64 - 1


class Digest:
    """Takes what a read gives, in its order; ``value`` is the digest, ``last_modified`` the newest timestamp."""

    __slots__ = ("_hash", "last_modified")

    def __init__(self) -> None:
        self._hash = xxhash.xxh64()
        self.last_modified = MISSING_TIMESTAMP
        """In microseconds; ``MISSING_TIMESTAMP``: nothing was taken that has one."""

    @property
    def value(self) -> bytes:
        """The digest as it stands on the wire."""
        return _HASH(self._hash.intdigest())

    def add_key(self, components: Sequence[bytes]) -> None:
        """Take the key of a partition or row."""
        self._hash.update(b"".join([_LENGTH(len(part)) + part for part in components]))

    def add_static_row(self, deleted_at: Tombstone, cells: Mapping[str, Cell], names: Iterable[str]) -> None:
        """Take the static row, if static columns are asked for."""
        self._add_tombstone(deleted_at)
        self._add_cells(cells, names)

    def add_row(self, tombstone: RowTombstone, cells: Mapping[str, Cell], names: Iterable[str]) -> None:
        """Take a row behind its key: what deletes of it, and its cells in the order of the read."""
        self._add_tombstone(tombstone.regular)
        if tombstone.shadowable != tombstone.regular:
            self._add_tombstone(tombstone.shadowable)
        self._add_cells(cells, names)

    def _add_tombstone(self, tombstone: Tombstone) -> None:
        self._hash.update(_tombstone(tombstone))
        self.last_modified = max(self.last_modified, tombstone.timestamp)

    def _add_cells(self, cells: Mapping[str, Cell], names: Iterable[str]) -> None:
        parts = []
        for name in names:
            cell = cells.get(name)
            if cell is None:
                parts.append(_NO_CELL)
                continue
            parts.append(_CELL_HASH(xxhash.xxh64_intdigest(_cell(cell))))
            self.last_modified = max(self.last_modified, last_update(cell))
        self._hash.update(b"".join(parts))


def _tombstone(tombstone: Tombstone) -> bytes:
    return _TOMBSTONE(tombstone.timestamp, tombstone.deletion_time & 0xFFFFFFFF)


def _cell(cell: Cell) -> bytes:
    if isinstance(cell, CollectionCell):
        elements = [
            _LENGTH(len(element.key)) + element.key + _simple_cell(element.cell) for element in cell.elements
        ]
        return _tombstone(cell.tombstone) + b"".join(elements)
    if isinstance(cell, CounterCell):
        state = cell.state
        assert isinstance(state, CounterShards)
        shards = [
            _SHARD(shard.id.int >> 64, shard.id.int & _HALF, shard.value, shard.clock)
            for shard in state.shards
        ]
        return _COUNTER(1, cell.created_at, 1, cell.created_at) + b"".join(shards)
    return _simple_cell(cell)


def _simple_cell(cell: SimpleCell) -> bytes:
    if isinstance(cell, DeadCell):
        tombstone = cell.tombstone
        return _DEAD(0, tombstone.timestamp, tombstone.deletion_time & 0xFFFFFFFF)
    if isinstance(cell, ExpiringCell):
        value = cell.cell.value
        head = _EXPIRING(1, cell.cell.timestamp, cell.expiry & 0xFFFFFFFF, cell.ttl_s)
        return head + _LENGTH(len(value)) + value
    return _LIVE(1, cell.timestamp) + _LENGTH(len(cell.value)) + cell.value
