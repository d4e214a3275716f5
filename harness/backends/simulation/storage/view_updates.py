"""What a write to a table changes in its views: old and new row in, mutations of the view out.

A view's key holds columns of the base key and at most one regular column of the base table. If it has such a column,
the row of the view lives and dies with that value: a change of it deletes one row, in a way that a later row marker
undoes (shadowable), and inserts another.

Source:
    Scylla (branch 4.2), db/view/view.cc (view_update_builder, view_updates); measured on the view writes of captures.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from harness.backends.simulation.clustering_order import ClusteringKey, RowInterval
from harness.backends.simulation.storage import markers
from harness.backends.simulation.storage.cells import (
    AtomicCell,
    Cell,
    SimpleCell,
    compare,
    timestamp_of,
    value_of,
)
from harness.backends.simulation.storage.markers import Marker
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.purging import Clock, clock_of
from harness.backends.simulation.storage.rows import Row, cell_difference
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CounterCell,
    DeadCell,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
    Mutation,
)
from harness.partitioner import token_of


def view_updates(
    base: TableLayout,
    views: Iterable[TableLayout],
    key: PartitionKey,
    written: Partition,
    stored: Partition | None,
    now_s: int,
) -> tuple[Mutation, ...]:
    """Compute the writes to views that a write to their base table causes.

    Args:
        base: the table that is written.
        views: its views.
        key: the partition key of the write.
        written: what is written.
        stored: what was stored before the write; None: nothing.
        now_s: seconds since 1970: the time of new deletions.
    """
    changes = tuple(_row_changes(base, written, stored, clock_of(now_s, base.gc_grace_s)))
    mutations: list[Mutation] = []
    for view in views:
        updates = _ViewUpdates(base, view, key, now_s)
        for change in changes:
            updates.add(change)
        mutations += [
            mutation_of(view, view_key, partition) for view_key, partition in updates.partitions.items()
        ]
    return tuple(mutations)


class _RowChange(NamedTuple):
    """A row of the base table before and after a write, without what is deleted of it."""

    key: ClusteringKey
    before: Row | None
    """None: nothing was ever written to it."""
    after: Row
    """Its deletions are those that the write, and what was there, know of."""


def _row_changes(
    base: TableLayout, written: Partition, stored: Partition | None, clock: Clock
) -> Iterable[_RowChange]:
    keys: dict[ClusteringKey, None] = {}
    if stored is not None:
        for interval in _deleted_intervals(base, written):
            keys.update((row_key, None) for _, row_key, _ in stored.rows.between(interval))
    keys.update((row_key, None) for row_key, _ in written.rows.items())
    for row_key in sorted(keys, key=base.order.position):
        position = base.order.position(row_key)
        after = _with_covering(written.rows.get(row_key), written.covering(position))
        before = None
        if stored is not None:
            before = _with_covering(stored.rows.get(row_key), stored.covering(position))
        if after is None:
            continue
        if before is not None:
            before = _left_of(base, before, clock)
            after.apply(base, before)
        yield _RowChange(row_key, before, _left_of(base, after, clock))


def _deleted_intervals(base: TableLayout, written: Partition) -> list[RowInterval]:
    if written.tombstone.exists:
        return [base.order.whole]
    return [RowInterval(start, end) for start, end, _ in written.ranges]


def _with_covering(row: Row | None, covering: Tombstone) -> Row | None:
    if row is None and not covering.exists:
        return None
    copied = Row() if row is None else row.copy()
    copied.apply_tombstone(covering)
    return copied


def _left_of(base: TableLayout, row: Row, clock: Clock) -> Row:
    """What is left of a row, which keeps all of its deletion."""
    left = row.compacted(base, NO_TOMBSTONE, clock).row
    return Row(left.marker, row.tombstone, left.cells)


def _is_live(row: Row) -> bool:
    return markers.is_live(row.marker) or any(_has_live(cell) for cell in row.cells.values())


def _has_live(cell: Cell) -> bool:
    if isinstance(cell, CollectionCell):
        return any(not isinstance(element.cell, DeadCell) for element in cell.elements)
    return not isinstance(cell, DeadCell)


@dataclass(slots=True)
class _ViewUpdates:
    """The writes to one view."""

    base: TableLayout
    view: TableLayout
    base_key: PartitionKey
    now_s: int
    partitions: dict[PartitionKey, Partition] = field(default_factory=dict)

    def add(self, change: _RowChange) -> None:
        """Add what one row of the base table changes."""
        if not self.view.base_regular_key:
            self._add_of_same_key(change)
            return
        was_there, is_there = self._is_in_view(change.before), self._is_in_view(change.after)
        if was_there and is_there and not self._is_same_key(change):
            self._delete(change)
            self._create(change)
        elif was_there and is_there:
            self._update(change)
        elif was_there:
            self._delete(change)
        elif is_there:
            self._create(change)

    def _add_of_same_key(self, change: _RowChange) -> None:
        """The row of the view is there as long as that of the base table."""
        was_live = change.before is not None and _is_live(change.before)
        is_live = _is_live(change.after)
        if was_live and is_live:
            self._update(change)
        elif was_live:
            self._delete(change)
        elif is_live:
            self._create(change)

    def _is_in_view(self, row: Row | None) -> bool:
        if row is None:
            return False
        return all(_is_live_atomic(row.cells.get(name)) for name in self.view.base_regular_key)

    def _is_same_key(self, change: _RowChange) -> bool:
        before = change.before
        assert before is not None
        return all(
            compare(_atomic(before.cells[name]), _atomic(change.after.cells[name])) == 0
            for name in self.view.base_regular_key
        )

    def _create(self, change: _RowChange) -> None:
        row = self._view_row(change.key, change.after)
        if row is None:
            return
        row.apply_marker(self._marker(change.after))
        row.tombstone = row.tombstone.merged(change.after.tombstone).unless_shadowed(
            markers.timestamp_of(row.marker)
        )
        self._write_cells(row, change.after.cells)

    def _update(self, change: _RowChange) -> None:
        before = change.before
        assert before is not None
        if self._can_skip(before, change.after):
            return
        row = self._view_row(change.key, change.after)
        if row is None:
            return
        row.apply_marker(self._marker(change.after))
        row.tombstone = row.tombstone.merged(change.after.tombstone).unless_shadowed(
            markers.timestamp_of(row.marker)
        )
        self._write_cells(row, cell_difference(change.after.cells, before.cells))

    def _delete(self, change: _RowChange) -> None:
        before = change.before
        assert before is not None
        row = self._view_row(change.key, before)
        if row is None:
            return
        if self.view.base_regular_key:
            cell = _atomic(before.cells[self.view.base_regular_key[0]])
            row.apply_shadowable(Tombstone(timestamp=timestamp_of(cell), deletion_time=self.now_s))
        else:
            row.apply_marker(change.after.marker)
            self._write_cells(row, cell_difference(change.after.cells, before.cells))
        row.tombstone = row.tombstone.merged(change.after.tombstone).unless_shadowed(
            markers.timestamp_of(row.marker)
        )

    def _marker(self, row: Row) -> Marker:
        """The marker of the view's row: that of the base row, or one that lives as the value in the key does."""
        if not self.view.base_regular_key:
            return row.marker
        cell = _atomic(row.cells[self.view.base_regular_key[0]])
        marker = LiveMarker(created_at=timestamp_of(cell))
        if isinstance(cell, ExpiringCell):
            return ExpiringMarker(marker=marker, ttl_s=cell.ttl_s, expiry=cell.expiry)
        return marker

    def _view_row(self, key: ClusteringKey, row: Row) -> Row | None:
        """The row of the view that a row of the base table means; None if its partition key would be empty."""
        values = self._key_values(key, row)
        table = self.view.table
        view_key = tuple([values[column.name] for column in table.partition_key])
        if view_key == (b"",):
            return None
        partition = self.partitions.get(view_key)
        if partition is None:
            partition = self.partitions[view_key] = Partition(self.view.order)
        return partition.rows.make(tuple([values[column.name] for column in table.clustering_key]))

    def _key_values(self, key: ClusteringKey, row: Row) -> dict[str, bytes]:
        base = self.base.table
        values = {
            column.name: part
            for columns, parts in ((base.partition_key, self.base_key), (base.clustering_key, key))
            for column, part in zip(columns, parts, strict=True)
        }
        for name in self.view.base_regular_key:
            cell = row.cells[name]
            assert isinstance(cell, LiveCell | ExpiringCell)
            values[name] = value_of(cell)
        table = self.view.table
        for column in (*table.partition_key, *table.clustering_key):
            if column.name not in values:
                # The one column that the base table has not: the token of its key, in the view of an index.
                values[column.name] = token_of(self.base_key).to_bytes(8, "big", signed=True)
        return values

    def _write_cells(self, row: Row, cells: Mapping[str, Cell]) -> None:
        for name, cell in cells.items():
            if name in self.view.regular_ids:
                is_virtual = self.view.types[name] is ScalarType.EMPTY
                row.apply_cell(self.view, name, _without_value(cell) if is_virtual else cell)

    def _can_skip(self, before: Row, after: Row) -> bool:
        """Whether nothing has changed that shows in the view."""
        stays = isinstance(after.marker, LiveMarker)
        return all(
            self._is_unchanged(name, before.cells.get(name), after.cells.get(name), stays=stays)
            for name in self.base.regular_names
        )

    def _is_unchanged(self, name: str, before: Cell | None, after: Cell | None, *, stays: bool) -> bool:
        if self.base.is_multi_cell(name):
            # Scylla does not look into collections here, not even into those that are not there.
            return False
        is_selected = name in self.view.columns
        if before is None or after is None:
            return before is after or (not is_selected and stays)
        old, new = _atomic(before), _atomic(after)
        if is_selected and self.view.types[name] is ScalarType.EMPTY:
            return _has_same_life(old, new)
        if is_selected:
            return compare(old, new) == 0
        return stays or _has_same_life(old, new)


def _atomic(cell: Cell) -> AtomicCell:
    assert not isinstance(cell, CollectionCell)
    return cell


def _is_live_atomic(cell: Cell | None) -> bool:
    return cell is not None and not isinstance(cell, DeadCell | CollectionCell)


def _has_same_life(left: AtomicCell, right: AtomicCell) -> bool:
    """Whether cells live alike: both, and for the same time."""
    if isinstance(left, ExpiringCell) or isinstance(right, ExpiringCell):
        return (
            isinstance(left, ExpiringCell) and isinstance(right, ExpiringCell) and left.expiry == right.expiry
        )
    return isinstance(left, DeadCell) == isinstance(right, DeadCell)


def _without_value(cell: Cell) -> Cell:
    """The life of a cell without its value, as a column has it that the view does not show."""
    if isinstance(cell, CollectionCell):
        elements = tuple(replace(element, cell=_emptied(element.cell)) for element in cell.elements)
        return replace(cell, elements=elements)
    assert not isinstance(cell, CounterCell)
    return _emptied(cell)


def _emptied(cell: SimpleCell) -> SimpleCell:
    match cell:
        case LiveCell():
            return replace(cell, value=b"")
        case ExpiringCell():
            return replace(cell, cell=replace(cell.cell, value=b""))
        case DeadCell():
            return cell
