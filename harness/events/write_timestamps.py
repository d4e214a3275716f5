"""The write timestamps of what a mutation holds."""

from collections.abc import Iterator

from harness.codec.verbs.mutation import (
    CollectionCell,
    CounterCell,
    DeadCell,
    DeadMarker,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
    Mutation,
)


def write_timestamps(mutation: Mutation) -> Iterator[int]:
    """Every write timestamp in a mutation, in microseconds, repeated as often as it stands there."""
    partition = mutation.partition
    if partition.tombstone.exists:
        yield partition.tombstone.timestamp
    for column in partition.static_row.columns:
        yield from _cell_timestamps(column.cell)
    for deletion in partition.range_tombstones:
        yield deletion.tombstone.timestamp
    for row in partition.rows:
        match row.marker:
            case LiveMarker(created_at=created_at) | ExpiringMarker(marker=LiveMarker(created_at=created_at)):
                yield created_at
            case DeadMarker(tombstone=tombstone):
                yield tombstone.timestamp
            case _:
                pass
        if row.deleted_at.exists:
            yield row.deleted_at.timestamp
        for column in row.cells.columns:
            yield from _cell_timestamps(column.cell)


def _cell_timestamps(
    cell: LiveCell | ExpiringCell | DeadCell | CounterCell | CollectionCell,
) -> Iterator[int]:
    match cell:
        case LiveCell():
            yield cell.timestamp
        case ExpiringCell():
            yield cell.cell.timestamp
        case DeadCell():
            yield cell.tombstone.timestamp
        case CounterCell():
            yield cell.created_at
        case CollectionCell():
            if cell.tombstone.exists:
                yield cell.tombstone.timestamp
            for element in cell.elements:
                yield from _cell_timestamps(element.cell)
