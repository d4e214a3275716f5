"""What a replica holds of a row, from the writes that it was seen to apply.

The newest write timestamp wins, of equal ones the deletion. What was there before the first write seen is unknown,
unless the table was empty then; a deletion ends that, for it is taken to be newer than all that was not seen.

Source:
    Scylla, mutation/mutation_partition.cc, mutation/atomic_cell.hh (how cells, markers and tombstones merge).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from harness.codec.verbs.mutation import Mutation
from harness.events.changes import (
    CellChange,
    CellKind,
    MarkerKind,
    PartitionChange,
    RangeDeletion,
    RowBound,
    RowChange,
)
from harness.events.typed_value import Value
from harness.schema import Table

ClusteringKey = tuple[bytes, ...]
CellId = tuple[str, str]
"""Column, and the element of a collection as text; empty for the whole value."""


class Unknown(Enum):
    """What was there before the first write seen."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class Cell(NamedTuple):
    """A cell, or an element of a collection, as it stands."""

    text: str
    """The CQL literal of its value; of a deletion ``null``."""
    value: object
    timestamp_us: int | None
    """None: from before the first write seen."""
    is_dead: bool = False
    ttl_s: int | None = None
    expires_ns: int | None = None
    """About when; nanoseconds since 1970."""

    def is_live_at(self, time_ns: int) -> bool:
        """Whether it has a value at a time."""
        return not self.is_dead and (self.expires_ns is None or time_ns < self.expires_ns)


class Marker(NamedTuple):
    """What says that a row exists, cells or not."""

    timestamp_us: int
    is_dead: bool = False
    ttl_s: int | None = None
    expires_ns: int | None = None

    def is_live_at(self, time_ns: int) -> bool:
        """Whether it says so at a time."""
        return not self.is_dead and (self.expires_ns is None or time_ns < self.expires_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowImage:
    """A row at one moment, without what is deleted."""

    cells: Mapping[CellId, Cell] = field(default_factory=dict)
    """Live ones, and deletions of single cells."""
    marker: Marker | None = None
    deleted_at_us: int | None = None
    """Newest deletion of the row, alone, in a range or with its partition."""
    is_partial: bool = False
    """What is not in ``cells`` or ``marker`` may all the same be there, from before the first write seen."""

    def cell(self, column: str) -> Cell | Unknown | None:
        """The value of a column that is no collection; None: nothing was ever written to it."""
        found = self.cells.get((column, ""))
        if found is not None:
            return found
        return UNKNOWN if self.is_partial else None

    def is_live_at(self, time_ns: int) -> bool | Unknown:
        """Whether the row exists: by its marker, or by a cell."""
        if self.marker is not None and self.marker.is_live_at(time_ns):
            return True
        if any(cell.is_live_at(time_ns) for cell in self.cells.values()):
            return True
        return UNKNOWN if self.is_partial else False


@dataclass(slots=True)
class _Row:
    values: tuple[Value, ...]
    cells: dict[CellId, Cell] = field(default_factory=dict)
    marker: Marker | None = None
    deleted_at_us: int | None = None


class PartitionState:
    """One partition at one replica.

    Args:
        table: gives the order of the rows.
        is_known: nothing was there before the first write seen.
        assumed: cells that some rows are taken to have had before, by clustering key.
    """

    def __init__(
        self,
        table: Table,
        *,
        is_known: bool,
        assumed: Mapping[ClusteringKey, Mapping[CellId, Cell]] | None = None,
    ) -> None:
        self._table = table
        self._is_known = is_known
        self._assumed = assumed or {}
        self._rows: dict[ClusteringKey, _Row] = {}
        self._deleted_at_us: int | None = None
        self._ranges: list[RangeDeletion] = []

    @property
    def keys(self) -> tuple[ClusteringKey, ...]:
        """Rows that are known to be, or to have been, there."""
        return tuple(dict.fromkeys((*self._rows, *self._assumed)))

    def apply(self, change: PartitionChange, mutation: Mutation, time_ns: int) -> None:
        """Merge a write.

        Args:
            change: what it changes.
            mutation: the same as on the wire.
            time_ns: when it is applied.
        """
        self._deleted_at_us = _newest(self._deleted_at_us, change.deleted_at_us)
        self._ranges += change.range_deletions
        for row, wire_row in zip(change.rows, mutation.partition.rows, strict=True):
            known = self._rows.setdefault(wire_row.key.components, _Row(row.key))
            known.deleted_at_us = _newest(known.deleted_at_us, row.deleted_at_us)
            marker = _marker_of(row, time_ns)
            if marker is not None:
                known.marker = _newer_marker(known.marker, marker)
            for cell_id, cell in cells_of(row.cells, time_ns):
                known.cells[cell_id] = _newer_cell(known.cells.get(cell_id), cell)

    def image(self, key: ClusteringKey, values: tuple[Value, ...] = ()) -> RowImage:
        """A row as it stands.

        Args:
            key: its clustering key.
            values: the same decoded, for rows that no write has named.
        """
        row = self._rows.get(key) or _Row(values)
        deleted_at_us = _newest(row.deleted_at_us, self._deleted_at_us)
        for deletion in self._ranges:
            if covers(deletion, row.values or values, self._table):
                deleted_at_us = _newest(deleted_at_us, deletion.timestamp_us)
        cells = {} if deleted_at_us is not None else dict(self._assumed.get(key, {}))
        whole = {
            column: cell.timestamp_us or 0
            for (column, element), cell in row.cells.items()
            if element == _WHOLE_COLLECTION
        }
        for cell_id, cell in row.cells.items():
            stamp = cell.timestamp_us or 0
            if deleted_at_us is not None and stamp <= deleted_at_us:
                continue
            if cell_id[1] not in {"", _WHOLE_COLLECTION} and stamp <= whole.get(cell_id[0], stamp - 1):
                continue
            cells[cell_id] = cell
        marker = row.marker
        if marker is not None and deleted_at_us is not None and marker.timestamp_us <= deleted_at_us:
            marker = None
        return RowImage(
            cells=cells,
            marker=marker,
            deleted_at_us=deleted_at_us,
            is_partial=not self._is_known and deleted_at_us is None,
        )


_WHOLE_COLLECTION = "*"
"""Stands for the deletion of all older elements."""


def cells_of(cells: Iterable[CellChange], time_ns: int) -> Iterator[tuple[CellId, Cell]]:
    """The cells of a change, elements of collections each for itself."""
    for cell in cells:
        if cell.is_virtual:
            continue
        if cell.kind is not CellKind.COLLECTION:
            dead = cell.kind is CellKind.DEAD
            expires_ns = _expiry_ns(cell.ttl_s, time_ns)
            yield (
                (cell.column, ""),
                Cell(cell.text, cell.value, cell.timestamp_us, dead, cell.ttl_s, expires_ns),
            )
            continue
        if cell.deleted_before_us is not None:
            yield (
                (cell.column, _WHOLE_COLLECTION),
                Cell("null", None, cell.deleted_before_us, is_dead=True),
            )
        for element in cell.elements:
            text = element.key.text if element.value is None else element.value.text
            value = element.key.value if element.value is None else element.value.value
            yield (
                (cell.column, element.key.text),
                Cell(
                    "null" if element.is_dead else text,
                    None if element.is_dead else value,
                    element.timestamp_us,
                    element.is_dead,
                    element.ttl_s,
                    _expiry_ns(element.ttl_s, time_ns),
                ),
            )


def covers(deletion: RangeDeletion, row: tuple[Value, ...], table: Table) -> bool:
    """Whether a deletion of a range of rows deletes a row."""
    return _is_within(deletion.start, row, table, is_start=True) and _is_within(
        deletion.end, row, table, is_start=False
    )


def _is_within(bound: RowBound, row: tuple[Value, ...], table: Table, *, is_start: bool) -> bool:
    for column, wanted, seen in zip(table.clustering_key, bound.key, row, strict=False):
        if wanted.text == seen.text:
            continue
        is_less = _is_less(seen.value, wanted.value)
        # Rows stand in descending order of a reversed column.
        return is_less is not (is_start is not column.is_reversed)
    return bound.is_inclusive


def _is_less(value: object, other: object) -> bool:
    if isinstance(value, int | float) and isinstance(other, int | float):
        return value < other
    if isinstance(value, str) and isinstance(other, str):
        return value.encode() < other.encode()
    if isinstance(value, bytes) and isinstance(other, bytes):
        return value < other
    # Types whose order Python does not share: their literals at least give the same answer each time.
    return str(value) < str(other)


def _marker_of(row: RowChange, time_ns: int) -> Marker | None:
    if row.marker is MarkerKind.NONE or row.marker_timestamp_us is None:
        return None
    return Marker(
        row.marker_timestamp_us,
        row.marker is MarkerKind.DEAD,
        row.marker_ttl_s,
        _expiry_ns(row.marker_ttl_s, time_ns),
    )


def _expiry_ns(ttl_s: int | None, time_ns: int) -> int | None:
    return None if ttl_s is None else time_ns + ttl_s * 1_000_000_000


def _newest(timestamp_us: int | None, other_us: int | None) -> int | None:
    if timestamp_us is None or other_us is None:
        return other_us if timestamp_us is None else timestamp_us
    return max(timestamp_us, other_us)


def _newer_marker(known: Marker | None, marker: Marker) -> Marker:
    if known is None:
        return marker
    if known.timestamp_us != marker.timestamp_us:
        return max(known, marker, key=lambda one: one.timestamp_us)
    return known if known.is_dead else marker


def _newer_cell(known: Cell | None, cell: Cell) -> Cell:
    if known is None or known.timestamp_us is None or cell.timestamp_us is None:
        return cell
    if known.timestamp_us != cell.timestamp_us:
        return known if known.timestamp_us > cell.timestamp_us else cell
    if known.is_dead is not cell.is_dead:
        return known if known.is_dead else cell
    return cell if cell.text > known.text else known
