"""Cells: which of two counts, and what time and deletions leave of one.

Source:
    Scylla, mutation_partition.cc (compare_atomic_cell_for_merge, compact_and_expire), counters.cc,
    collection_mutation.cc.
"""

from collections.abc import Iterable
from dataclasses import replace

from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE, RowTombstone, is_later, later
from harness.backends.simulation.value_order import KeyFunction
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CollectionElement,
    CounterCell,
    CounterDelta,
    CounterShard,
    CounterShards,
    DeadCell,
    ExpiringCell,
    LiveCell,
)

SimpleCell = LiveCell | ExpiringCell | DeadCell
AtomicCell = SimpleCell | CounterCell
Cell = AtomicCell | CollectionCell


def live_cell(value: bytes, timestamp_us: int, ttl_s: int, now_s: int) -> LiveCell | ExpiringCell:
    """A value that was written; for a time only, unless ttl_s is 0."""
    cell = LiveCell(timestamp=timestamp_us, value=value)
    return ExpiringCell(ttl_s=ttl_s, expiry=now_s + ttl_s, cell=cell) if ttl_s else cell


def dead_cell(timestamp_us: int, now_s: int) -> DeadCell:
    """A value that was deleted."""
    return DeadCell(tombstone=Tombstone(timestamp=timestamp_us, deletion_time=now_s))


def timestamp_of(cell: AtomicCell) -> int:
    """The write timestamp."""
    match cell:
        case LiveCell():
            return cell.timestamp
        case ExpiringCell():
            return cell.cell.timestamp
        case DeadCell():
            return cell.tombstone.timestamp
        case CounterCell():
            return cell.created_at


def since(cell: Cell, timestamp_us: int) -> Cell | None:
    """What of a cell was written after a moment; None: nothing."""
    if not isinstance(cell, CollectionCell):
        return cell if timestamp_of(cell) > timestamp_us else None
    elements = tuple(element for element in cell.elements if timestamp_of(element.cell) > timestamp_us)
    tombstone = cell.tombstone if cell.tombstone.timestamp > timestamp_us else NO_TOMBSTONE
    if not elements and tombstone is NO_TOMBSTONE:
        return None
    return replace(cell, tombstone=tombstone, elements=elements)


def value_of(cell: LiveCell | ExpiringCell) -> bytes:
    """The value of a cell that is not dead."""
    return cell.value if isinstance(cell, LiveCell) else cell.cell.value


def last_update(cell: Cell) -> int:
    """The newest write timestamp in a cell."""
    if not isinstance(cell, CollectionCell):
        return timestamp_of(cell)
    return max([cell.tombstone.timestamp, *[timestamp_of(element.cell) for element in cell.elements]])


def compare(left: AtomicCell, right: AtomicCell) -> int:
    """Tell which cell of one column counts: 1 the left one, -1 the right one, 0 if they are the same."""
    left_timestamp, right_timestamp = timestamp_of(left), timestamp_of(right)
    if left_timestamp != right_timestamp:
        return _sign(left_timestamp - right_timestamp)
    if isinstance(left, DeadCell):
        if isinstance(right, DeadCell):
            return _sign(left.tombstone.deletion_time - right.tombstone.deletion_time)
        return 1
    if isinstance(right, DeadCell):
        return -1
    if isinstance(left, CounterCell) or isinstance(right, CounterCell):
        return 0
    left_value, right_value = value_of(left), value_of(right)
    if left_value != right_value:
        return 1 if left_value > right_value else -1
    # What will be gone some day counts more than what stays; then what is gone later; then what was written later.
    if not isinstance(left, ExpiringCell) or not isinstance(right, ExpiringCell):
        return _sign(isinstance(left, ExpiringCell) - isinstance(right, ExpiringCell))
    if left.expiry != right.expiry:
        return _sign(left.expiry - right.expiry)
    return _sign(right.ttl_s - left.ttl_s)


def _sign(difference: int) -> int:
    return (difference > 0) - (difference < 0)


def merged(left: Cell, right: Cell, element_order: KeyFunction) -> Cell:
    """What a column holds after both were written to it, in either order.

    Args:
        left: a cell.
        right: another of the same column.
        element_order: of collections, the order of the keys of their elements.
    """
    if isinstance(left, CollectionCell) and isinstance(right, CollectionCell):
        return _merged_collections(left, right, element_order)
    assert not isinstance(left, CollectionCell)
    assert not isinstance(right, CollectionCell)
    if isinstance(left, CounterCell) and isinstance(right, CounterCell):
        return _merged_counters(left, right)
    if isinstance(left, CounterCell) or isinstance(right, CounterCell):
        # A counter that was deleted never comes back.
        return right if isinstance(left, CounterCell) else left
    return left if compare(left, right) >= 0 else right


def _merged_counters(left: CounterCell, right: CounterCell) -> CounterCell:
    left_state, right_state = left.state, right.state
    created_at = max(left.created_at, right.created_at)
    if isinstance(left_state, CounterDelta) and isinstance(right_state, CounterDelta):
        return CounterCell(
            created_at=created_at, state=CounterDelta(delta=left_state.delta + right_state.delta)
        )
    assert isinstance(left_state, CounterShards)
    assert isinstance(right_state, CounterShards)
    shards = {shard.id: shard for shard in left_state.shards}
    for shard in right_state.shards:
        known = shards.get(shard.id)
        if known is None or known.clock < shard.clock:
            shards[shard.id] = shard
    return CounterCell(created_at=created_at, state=CounterShards(shards=in_shard_order(shards.values())))


def in_shard_order(shards: Iterable[CounterShard]) -> tuple[CounterShard, ...]:
    """Sort shards as a cell has them, by id."""
    return tuple(sorted(shards, key=lambda shard: shard.id.int))


def _merged_collections(
    left: CollectionCell, right: CollectionCell, element_order: KeyFunction
) -> CollectionCell:
    elements = {
        element.key: element
        for element in left.elements
        if timestamp_of(element.cell) > right.tombstone.timestamp
    }
    for element in right.elements:
        if timestamp_of(element.cell) <= left.tombstone.timestamp:
            continue
        known = elements.get(element.key)
        if known is None or compare(known.cell, element.cell) < 0:
            elements[element.key] = element
    return CollectionCell(
        tombstone=later(left.tombstone, right.tombstone),
        elements=tuple(sorted(elements.values(), key=lambda element: element_order(element.key))),
    )


def difference(cell: Cell, other: Cell) -> Cell | None:
    """What has to be written where the other cell is, so that this one is there too; None: nothing."""
    if isinstance(cell, CollectionCell) and isinstance(other, CollectionCell):
        return _collection_difference(cell, other)
    assert not isinstance(cell, CollectionCell)
    assert not isinstance(other, CollectionCell)
    if isinstance(cell, CounterCell) and isinstance(other, CounterCell):
        return _counter_difference(cell, other)
    if isinstance(other, CounterCell):
        return cell
    return cell if not isinstance(cell, CounterCell) and compare(cell, other) > 0 else None


def _collection_difference(cell: CollectionCell, other: CollectionCell) -> CollectionCell | None:
    known = {element.key: element.cell for element in other.elements}
    elements = tuple(
        element
        for element in cell.elements
        if element.key not in known or compare(element.cell, known[element.key]) > 0
    )
    tombstone = cell.tombstone if is_later(cell.tombstone, other.tombstone) else NO_TOMBSTONE
    if not elements and not tombstone.exists:
        return None
    return CollectionCell(tombstone=tombstone, elements=elements)


def _counter_difference(cell: CounterCell, other: CounterCell) -> CounterCell | None:
    state, other_state = cell.state, other.state
    assert isinstance(state, CounterShards)
    assert isinstance(other_state, CounterShards)
    clocks = {shard.id: shard.clock for shard in other_state.shards}
    shards = tuple(
        shard for shard in state.shards if shard.id not in clocks or shard.clock > clocks[shard.id]
    )
    if not shards and cell.created_at <= other.created_at:
        return None
    created_at = max(cell.created_at, other.created_at)
    return CounterCell(created_at=created_at, state=CounterShards(shards=shards))


def compacted(
    cell: Cell, tombstone: RowTombstone, clock: Clock, *, is_counter: bool = False
) -> tuple[Cell | None, bool]:
    """What is left of a cell under the deletions of its row.

    Args:
        cell: the cell.
        tombstone: of the row, its partition and ranges included.
        clock: when.
        is_counter: whether the column is a counter, which no deletion spares, however old.

    Returns:
        The cell, in which what has expired is dead; None if nothing of it is left. And whether it lives.
    """
    if isinstance(cell, CollectionCell):
        return _compacted_collection(cell, tombstone, clock)
    deleted_at = tombstone.shadowable
    if timestamp_of(cell) <= deleted_at.timestamp or (is_counter and deleted_at.exists):
        return None, False
    if isinstance(cell, CounterCell):
        return cell, True
    left = _at(cell, clock)
    return left, not isinstance(left, DeadCell) and left is not None


def _at(cell: SimpleCell, clock: Clock) -> SimpleCell | None:
    """What time leaves of a cell."""
    if isinstance(cell, ExpiringCell) and cell.expiry <= clock.now_s:
        cell = dead_cell(cell.cell.timestamp, cell.expiry - cell.ttl_s)
    if isinstance(cell, DeadCell) and cell.tombstone.deletion_time < clock.gc_before_s:
        return None
    return cell


def _compacted_collection(
    cell: CollectionCell, tombstone: RowTombstone, clock: Clock
) -> tuple[CollectionCell | None, bool]:
    elements: list[CollectionElement] = []
    is_live = False
    deleted_until = max(cell.tombstone.timestamp, tombstone.shadowable.timestamp)
    for element in cell.elements:
        if timestamp_of(element.cell) <= deleted_until:
            continue
        left = _at(element.cell, clock)
        if left is not None:
            elements.append(element if left is element.cell else replace(element, cell=left))
            is_live = is_live or not isinstance(left, DeadCell)
    own = cell.tombstone
    if not is_later(own, tombstone.regular) or own.deletion_time < clock.gc_before_s:
        own = NO_TOMBSTONE
    if not elements and not is_later(own, tombstone.shadowable):
        return None, False
    if own is cell.tombstone and len(elements) == len(cell.elements) and elements == list(cell.elements):
        return cell, is_live
    return CollectionCell(tombstone=own, elements=tuple(elements)), is_live
