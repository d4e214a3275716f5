"""The data of a batch in its log: mutations that carry the names of their columns, one behind the other.

Source:
    Scylla (branch 4.2), db/batchlog_manager.cc (get_batch_log_mutation_for), canonical_mutation.cc; capture
    scylla-4.2/base/batch.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.codec.cql.types import marshal_name
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    Column,
    ColumnMapping,
    ColumnMappingEntry,
    Mutation,
    Row,
)
from harness.codec.verbs.wire import decode_struct, encode_struct
from harness.errors import TruncatedError

_LENGTH = struct.Struct("<I")


def batch_data_of(catalog: Catalog, mutations: Sequence[Mutation]) -> bytes:
    """Encode a batch.

    Raises:
        UnknownTableError: of a mutation.
    """
    parts = []
    for mutation in mutations:
        layout = catalog.table_of(mutation.table_id, mutation.schema_version)
        if layout is None:
            raise UnknownTableError(mutation.table_id, mutation.schema_version)
        entries = tuple(
            ColumnMappingEntry(name=name.encode(), type_name=marshal_name(layout.types[name]))
            for name in (*layout.static_names, *layout.regular_names)
        )
        frame = encode_struct(
            CanonicalMutationFrame(
                table_id=mutation.table_id,
                schema_version=mutation.schema_version,
                key=mutation.key,
                mapping=ColumnMapping(columns=entries, static_count=len(layout.static_names)),
                partition=mutation.partition,
            )
        )
        parts += [_LENGTH.pack(len(frame)), frame]
    return b"".join(parts)


def mutations_of(catalog: Catalog, data: bytes) -> tuple[Mutation, ...]:
    """Decode a batch; its columns get the ids that they have now, those of dropped tables and columns are left out.

    Raises:
        DecodeError: these are no mutations.
    """
    mutations, position = [], 0
    while position < len(data):
        end = position + _LENGTH.size
        if end > len(data):
            raise TruncatedError("the length of a mutation", layer="storage", offset_bytes=position)
        (length,) = _LENGTH.unpack_from(data, position)
        position = end + length
        frame, _ = decode_struct(CanonicalMutationFrame, data[end:position])
        mutation = _mutation_of(catalog, frame)
        if mutation is not None:
            mutations.append(mutation)
    return tuple(mutations)


def _mutation_of(catalog: Catalog, frame: CanonicalMutationFrame) -> Mutation | None:
    layout = catalog.last_table_of(frame.table_id)
    if layout is None or layout.table.version is None:
        return None
    names = [entry.name.decode() for entry in frame.mapping.columns]
    static, regular = names[: frame.mapping.static_count], names[frame.mapping.static_count :]
    partition = frame.partition
    return Mutation(
        table_id=frame.table_id,
        schema_version=layout.table.version,
        key=frame.key,
        partition=replace(
            partition,
            static_row=_renumbered(partition.static_row, static, layout.static_ids),
            rows=tuple(
                replace(row, cells=_renumbered(row.cells, regular, layout.regular_ids))
                for row in partition.rows
            ),
        ),
    )


def _renumbered(row: Row, names: Sequence[str], ids: dict[str, int]) -> Row:
    columns = [
        Column(id=ids[names[column.id]], cell=column.cell)
        for column in row.columns
        if column.id < len(names) and names[column.id] in ids
    ]
    return Row(columns=tuple(sorted(columns, key=lambda column: column.id)))
