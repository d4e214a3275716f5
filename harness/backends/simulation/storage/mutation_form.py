"""Partitions to and from mutations, where columns are numbers instead of names.

Source:
    Scylla, mutation_partition_serializer.cc, partition_builder.hh.
"""

from collections.abc import Mapping, Sequence

from harness.backends.simulation.clustering_order import RowInterval
from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.range_tombstones import RangeDeletion
from harness.backends.simulation.storage.tombstones import RowTombstone, later
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs import mutation as wire
from harness.codec.verbs.common import Key
from harness.codec.verbs.wire import ABSENT
from harness.errors import DecodeError


def partition_of(layout: TableLayout, partition: wire.MutationPartition) -> Partition:
    """Read what a mutation writes to its partition.

    Args:
        layout: of the table at the schema version that the mutation names.
        partition: the contents of the mutation.

    Raises:
        DecodeError: it names a column that the table has not, or a key that is none of the table.
    """
    made = Partition(layout.order)
    made.tombstone = partition.tombstone
    made.static = _cells_of(partition.static_row, layout.static_names, layout)
    for deletion in partition.range_tombstones:
        _apply_range(made, layout, deletion)
    for written in partition.rows:
        key = written.key.components
        if len(key) != layout.key_size:
            raise _misfit(layout, f"row key of {len(key)} components")
        row = made.rows.make(key)
        row.marker = written.marker
        shadowable = written.shadowable_deleted_at
        row.tombstone = RowTombstone(
            written.deleted_at,
            written.deleted_at if shadowable is ABSENT else later(shadowable, written.deleted_at),
        )
        row.cells = _cells_of(written.cells, layout.regular_names, layout)
    return made


def _apply_range(made: Partition, layout: TableLayout, deletion: wire.RangeTombstone) -> None:
    start, order = deletion.start.components, layout.order
    if deletion.end is ABSENT or deletion.start_kind is ABSENT or deletion.end_kind is ABSENT:
        # The form of old senders: the rows that begin with a prefix.
        made.delete_range(RowInterval(order.before(start), order.after(start)), deletion.tombstone)
        return
    made.ranges.apply(
        RangeDeletion(
            order.bound(start, deletion.start_kind),
            order.bound(deletion.end.components, deletion.end_kind),
            deletion.tombstone,
        )
    )


def _cells_of(row: wire.Row, names: Sequence[str], layout: TableLayout) -> dict[str, Cell]:
    try:
        return {names[column.id]: column.cell for column in row.columns}
    except IndexError:
        raise _misfit(layout, f"column ids {[column.id for column in row.columns]}") from None


def _misfit(layout: TableLayout, what: str) -> DecodeError:
    return DecodeError(f"{what} in a mutation of {layout.table.full_name}", layer="storage", offset_bytes=0)


def mutation_partition_of(layout: TableLayout, partition: Partition) -> wire.MutationPartition:
    """Write a partition as the contents of a mutation; columns that the table no longer has are left out."""
    return wire.MutationPartition(
        tombstone=partition.tombstone,
        static_row=_row_of(partition.static, layout.static_ids),
        range_tombstones=tuple(
            wire.RangeTombstone(
                start=Key(components=start.prefix),
                tombstone=tombstone,
                start_kind=start.start_kind,
                end=Key(components=end.prefix),
                end_kind=end.end_kind,
            )
            for start, end, tombstone in partition.ranges
        ),
        rows=tuple(
            wire.DeletableRow(
                key=Key(components=key),
                marker=row.marker,
                deleted_at=row.tombstone.regular,
                cells=_row_of(row.cells, layout.regular_ids),
                shadowable_deleted_at=row.tombstone.shadowable,
            )
            for key, row in partition.rows.items()
        ),
    )


def _row_of(cells: Mapping[str, Cell], ids: Mapping[str, int]) -> wire.Row:
    numbered = sorted((ids[name], name) for name in cells if name in ids)
    return wire.Row(columns=tuple(wire.Column(id=number, cell=cells[name]) for number, name in numbered))


def mutation_of(layout: TableLayout, key: PartitionKey, partition: Partition) -> wire.Mutation:
    """Write a partition as a mutation.

    Raises:
        ValueError: id or schema version of the table are not known.
    """
    table = layout.table
    if table.id is None or table.version is None:
        raise ValueError(f"{table.full_name} has no id or no schema version")
    return wire.Mutation(
        table_id=table.id,
        schema_version=table.version,
        key=Key(components=key),
        partition=mutation_partition_of(layout, partition),
    )
