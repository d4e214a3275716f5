"""Mutations of system_schema: rows by name, and the two forms in which nodes send them.

Source:
    Scylla (branch 4.2), db/schema_tables.cc, canonical_mutation.cc, converting_mutation_partition_applier.cc (columns
    by name).
"""

from collections.abc import Mapping

from harness.backends.simulation.schema.builtin_schema import schema_layout, schema_table_of, wire_layout
from harness.backends.simulation.storage.mutation_form import mutation_partition_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import marshal_name
from harness.codec.cql.values import encode_value
from harness.codec.verbs import mutation as wire
from harness.codec.verbs.common import Key, Tombstone
from harness.errors import DecodeError

Names = tuple[str, ...]
"""A clustering key in system_schema; all of its columns are text."""


class SchemaRows:
    """What is written to one table of system_schema about one keyspace.

    Args:
        table: its name.
        keyspace: that the rows tell of.
        timestamp_us: of everything that is written.
    """

    def __init__(self, table: str, keyspace: str, timestamp_us: int) -> None:
        self.table = table
        self.keyspace = keyspace
        self._timestamp_us = timestamp_us
        self._layout = schema_layout(table)
        self.partition = Partition(self._layout.order)

    def set(self, key: Names, values: Mapping[str, object]) -> "SchemaRows":
        """Write a row; None deletes the value of a column."""
        row = self.partition.rows.make(tuple(name.encode() for name in key))
        for name, value in values.items():
            data = encode_value(self._layout.types[name], value)
            row.cells[name] = (
                wire.DeadCell(tombstone=self._tombstone(max(self._timestamp_us, 0) // 1_000_000))
                if data is None
                else wire.LiveCell(timestamp=self._timestamp_us, value=data)
            )
        return self

    def delete(self, key: Names) -> "SchemaRows":
        """Delete a row."""
        row = self.partition.rows.make(tuple(name.encode() for name in key))
        row.apply_tombstone(self._tombstone(self._timestamp_us // 1_000_000))
        return self

    def delete_all(self) -> "SchemaRows":
        """Delete all rows of the keyspace."""
        self.partition.delete(self._tombstone(self._timestamp_us // 1_000_000))
        return self

    def canonical(self, *, as_stored: bool = False) -> wire.CanonicalMutationFrame:
        """The mutation that carries the names of its columns; with ``as_stored`` those that peers may lack too."""
        return canonical_of(self.table, self.keyspace, self.partition, as_stored=as_stored)

    def _tombstone(self, deletion_time: int) -> Tombstone:
        return Tombstone(timestamp=self._timestamp_us, deletion_time=deletion_time)


def canonical_of(
    table: str, keyspace: str, partition: Partition, *, as_stored: bool = False
) -> wire.CanonicalMutationFrame:
    """A partition of system_schema as a mutation that carries the names of its columns.

    Args:
        table: its name.
        keyspace: that it is of.
        partition: what it holds.
        as_stored: with columns that peers may lack, too.
    """
    layout = schema_layout(table) if as_stored else wire_layout(table)
    assert layout.table.id is not None
    assert layout.table.version is not None
    return wire.CanonicalMutationFrame(
        table_id=layout.table.id,
        schema_version=layout.table.version,
        key=Key(components=(keyspace.encode(),)),
        mapping=_mapping_of(layout),
        partition=mutation_partition_of(layout, partition),
    )


def frozen_of(canonical: wire.CanonicalMutationFrame) -> wire.Mutation:
    """The same mutation without names of columns, for receivers that need it."""
    return wire.Mutation(
        table_id=canonical.table_id,
        schema_version=canonical.schema_version,
        key=canonical.key,
        partition=canonical.partition,
    )


def stored_form(canonical: wire.CanonicalMutationFrame) -> wire.Mutation | None:
    """The mutation with columns as this node numbers them; those that it does not have are left out.

    Returns:
        None: it is of a table that this node does not have.

    Raises:
        DecodeError: it names a column that it does not describe.
    """
    name = schema_table_of(canonical.table_id)
    if name is None:
        return None
    layout = schema_layout(name)
    assert layout.table.version is not None
    names = [entry.name.decode("utf-8", "replace") for entry in canonical.mapping.columns]
    regular = names[canonical.mapping.static_count :]
    partition = canonical.partition
    rows = tuple(
        wire.DeletableRow(
            key=row.key,
            marker=row.marker,
            deleted_at=row.deleted_at,
            cells=_renumbered(row.cells, regular, layout),
            shadowable_deleted_at=row.shadowable_deleted_at,
        )
        for row in partition.rows
    )
    return wire.Mutation(
        table_id=canonical.table_id,
        schema_version=layout.table.version,
        key=canonical.key,
        partition=wire.MutationPartition(
            tombstone=partition.tombstone,
            static_row=wire.Row(columns=()),
            range_tombstones=partition.range_tombstones,
            rows=rows,
        ),
    )


def _renumbered(row: wire.Row, names: list[str], layout: TableLayout) -> wire.Row:
    columns = []
    for column in row.columns:
        if column.id >= len(names):
            raise DecodeError(
                f"column {column.id} without a name in a mutation of {layout.table.full_name}",
                layer="schema",
                offset_bytes=0,
            )
        number = layout.regular_ids.get(names[column.id])
        if number is not None:
            columns.append(wire.Column(id=number, cell=column.cell))
    return wire.Row(columns=tuple(sorted(columns, key=lambda column: column.id)))


def _mapping_of(layout: TableLayout) -> wire.ColumnMapping:
    return wire.ColumnMapping(
        columns=tuple(
            wire.ColumnMappingEntry(name=name.encode(), type_name=marshal_name(layout.types[name]))
            for name in layout.regular_names
        ),
        static_count=0,
    )
