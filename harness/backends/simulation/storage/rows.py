"""A row of a partition, and what is left of it at a time.

Source:
    Scylla, mutation_partition.hh (deletable_row), mutation_partition.cc (row::compact_and_expire).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.backends.simulation.storage import markers
from harness.backends.simulation.storage.cells import Cell, compacted, difference, merged
from harness.backends.simulation.storage.markers import NO_MARKER, Marker
from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.storage.tombstones import (
    NO_ROW_TOMBSTONE,
    WHOLE_ROW_SHADOWED,
    RowTombstone,
    is_later,
)
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import DeadMarker, NoMarker


@dataclass(slots=True)
class Row:
    """A row as it was written, with everything that deletions or time have yet to take from it."""

    marker: Marker = NO_MARKER
    tombstone: RowTombstone = NO_ROW_TOMBSTONE
    cells: dict[str, Cell] = field(default_factory=dict)
    """By name of column."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written to it."""
        return not self.cells and isinstance(self.marker, NoMarker) and not self.tombstone.exists

    def apply_marker(self, marker: Marker) -> None:
        """Write a marker."""
        if markers.compare(self.marker, marker) < 0:
            self.marker = marker
        self._let_marker_shadow()

    def apply_tombstone(self, tombstone: Tombstone) -> None:
        """Delete the row."""
        self.tombstone = self.tombstone.with_regular(tombstone)

    def apply_shadowable(self, tombstone: Tombstone) -> None:
        """Delete the row of a view until a newer marker comes."""
        self.tombstone = self.tombstone.with_shadowable(tombstone)
        self._let_marker_shadow()

    def apply_cell(self, layout: TableLayout, name: str, cell: Cell) -> None:
        """Write to a column."""
        apply_cell(layout, self.cells, name, cell)

    def apply(self, layout: TableLayout, other: "Row") -> None:
        """Write everything that another row holds."""
        if markers.compare(self.marker, other.marker) < 0:
            self.marker = other.marker
        if other.tombstone.exists:
            self.tombstone = self.tombstone.merged(other.tombstone)
        self._let_marker_shadow()
        apply_cells(layout, self.cells, other.cells)

    def copy(self) -> "Row":
        """A row of its own that holds the same."""
        return Row(self.marker, self.tombstone, dict(self.cells))

    def difference(self, other: "Row | None") -> "Row":
        """What has to be written where the other row is, so that this one is there too."""
        if other is None:
            return self.copy()
        return Row(
            self.marker if markers.compare(self.marker, other.marker) > 0 else NO_MARKER,
            self.tombstone if self.tombstone.is_later(other.tombstone) else NO_ROW_TOMBSTONE,
            cell_difference(self.cells, other.cells),
        )

    def compacted(self, layout: TableLayout, covering: Tombstone, clock: Clock) -> "CompactedRow":
        """What deletions and time leave of it.

        Args:
            layout: of its table.
            covering: the strongest deletion of its partition and of ranges that it lies in.
            clock: when.
        """
        own = self.tombstone
        effective = own.with_regular(covering) if covering.exists else own
        if not is_later(own.shadowable, covering) or own.shadowable.deletion_time < clock.gc_before_s:
            own = NO_ROW_TOMBSTONE
        marker = markers.compacted(self.marker, effective.shadowable, clock)
        over_cells = effective
        if layout.needs_view_marker and isinstance(marker, DeadMarker):
            over_cells = effective.merged(WHOLE_ROW_SHADOWED)
        cells, has_live_cells = compacted_cells(layout, self.cells, over_cells, clock)
        return CompactedRow(Row(marker, own, cells), effective, has_live_cells or markers.is_live(marker))

    def _let_marker_shadow(self) -> None:
        if self.tombstone.shadowable.exists:
            self.tombstone = self.tombstone.unless_shadowed(markers.timestamp_of(self.marker))


class CompactedRow(NamedTuple):
    """What is left of a row at a time."""

    row: Row
    """Without what deletions cover; its own deletion only if it is stronger than those of the partition."""
    tombstone: RowTombstone
    """Everything that deletes of it, its partition's deletions included."""
    is_live: bool
    """Whether there is a row, for a client."""


def apply_cell(layout: TableLayout, cells: dict[str, Cell], name: str, cell: Cell) -> None:
    """Write to one of some columns."""
    known = cells.get(name)
    cells[name] = cell if known is None else merged(known, cell, layout.element_order(name))


def apply_cells(layout: TableLayout, cells: dict[str, Cell], written: Mapping[str, Cell]) -> None:
    """Write to some columns."""
    for name, cell in written.items():
        apply_cell(layout, cells, name, cell)


def cell_difference(cells: Mapping[str, Cell], other: Mapping[str, Cell]) -> dict[str, Cell]:
    """What has to be written where the other cells are, so that these are there too."""
    found: dict[str, Cell] = {}
    for name, cell in cells.items():
        known = other.get(name)
        left = cell if known is None else difference(cell, known)
        if left is not None:
            found[name] = left
    return found


def compacted_cells(
    layout: TableLayout, cells: Mapping[str, Cell], tombstone: RowTombstone, clock: Clock
) -> tuple[dict[str, Cell], bool]:
    """What deletions and time leave of cells; and whether any of them lives."""
    left: dict[str, Cell] = {}
    has_live = False
    for name, cell in cells.items():
        what, is_live = compacted(cell, tombstone, clock, is_counter=layout.is_counter)
        if what is not None:
            left[name] = what
            has_live = has_live or is_live
    return left, has_live
