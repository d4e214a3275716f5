"""Changes of the schema in captures: the statement, and what nodes were told of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.storage.cells import Cell
from harness.codec.cql.requests import Query
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import CanonicalMutationFrame, DeadCell, LiveCell, Row
from harness.codec.verbs.schema_verbs import DefinitionsUpdate
from harness.ddl import is_ddl
from harness.events.message import Protocol
from harness.system_tables import system_tables_by_id
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.captured_statements import content_of

_IDS = frozenset({"id", "base_table_id", "version"})


class CapturedChange(NamedTuple):
    """A statement with the first DEFINITIONS_UPDATE that followed."""

    text: str
    update: DefinitionsUpdate


def changes_of(path: Path) -> Iterator[CapturedChange]:
    """The changes of a capture, in order."""
    text: str | None = None
    for message in trace_of(path):
        query = content_of(message) if message.protocol is Protocol.CQL else None
        if isinstance(query, Query) and is_ddl(query.query):
            text = query.query
        elif isinstance(message.body, DefinitionsUpdate) and text is not None:
            yield CapturedChange(text, message.body)
            text = None


def canonical_mutations(update: DefinitionsUpdate) -> tuple[CanonicalMutationFrame, ...]:
    """The mutations of an update in the form that is used."""
    assert isinstance(update.canonical_mutations, tuple)
    return update.canonical_mutations


def readable(mutations: tuple[CanonicalMutationFrame, ...]) -> list[object]:
    """Mutations with names for columns, without times; time UUIDs are counted."""
    uuids: dict[UUID, int] = {}
    return [_readable(mutation, uuids) for mutation in mutations]


def _readable(mutation: CanonicalMutationFrame, uuids: dict[UUID, int]) -> object:
    names = [(entry.name.decode(), entry.type_name) for entry in mutation.mapping.columns]
    table = system_tables_by_id()[mutation.table_id].name
    rows = [
        (
            row.key.components,
            type(row.marker).__name__,
            _told(row.deleted_at),
            _told(row.shadowable_deleted_at) if isinstance(row.shadowable_deleted_at, Tombstone) else None,
            _cells(row.cells, names, uuids),
        )
        for row in mutation.partition.rows
    ]
    return (
        table,
        mutation.schema_version,
        mutation.key.components,
        names,
        mutation.mapping.static_count,
        _told(mutation.partition.tombstone),
        mutation.partition.range_tombstones,
        rows,
    )


def _cells(row: Row, names: list[tuple[str, str]], uuids: dict[UUID, int]) -> dict[str, object]:
    return {names[column.id][0]: _cell(names[column.id][0], column.cell, uuids) for column in row.columns}


def _cell(name: str, cell: Cell, uuids: dict[UUID, int]) -> object:
    match cell:
        case LiveCell(value=value):
            if name in _IDS and (told := UUID(bytes=value)).version == 1:
                return uuids.setdefault(told, len(uuids))
            return "version" if name == "version" else value
        case DeadCell():
            return "dead"
        case _:
            return cell


def _told(tombstone: Tombstone) -> bool:
    return tombstone.exists
