"""Captures of real clusters: traces, their schema, and what was written and read in them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import PaxosLearnRequest, PaxosPrepareRequest
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest
from harness.dissect.reading import read_trace
from harness.events.message import Message
from harness.events.trace import Trace


@cache
def trace_of(path: Path) -> Trace:
    """A capture, read once for all tests."""
    return read_trace(path)


@cache
def catalog_of(path: Path) -> Catalog:
    """The schema of a capture; where it does not tell a table's version, the last one that messages name."""
    trace = trace_of(path)
    versions: dict[UUID, UUID] = {}
    for message in trace.rpc:
        match message.body:
            case MutationRequest(mutation=mutation):
                versions[mutation.table_id] = mutation.schema_version
            case ReadRequest(command=command) | PaxosPrepareRequest(command=command):
                versions[command.table_id] = command.schema_version
    tables = tuple(
        table if table.version or table.id is None else replace(table, version=versions.get(table.id))
        for table in trace.schema.tables
    )
    return Catalog(replace(trace.schema, tables=tables))


class CapturedWrite(NamedTuple):
    """A mutation on its way to a replica."""

    message: Message
    layout: TableLayout
    mutation: Mutation


def is_followed(layout: TableLayout) -> bool:
    """Whether everything written to a table shows on the wire: tables of users, and traces."""
    return layout.table.keyspace == "system_traces" or not layout.table.keyspace.startswith("system")


def writes_of(path: Path) -> Iterator[CapturedWrite]:
    """The writes to tables of users, and the decisions of lightweight transactions, in order."""
    catalog = catalog_of(path)
    for message in trace_of(path).rpc:
        match message.body:
            case MutationRequest(mutation=mutation) | HintMutationRequest(mutation=mutation):
                written = mutation
            case PaxosLearnRequest(decision=decision):
                written = decision.update
            case _:
                continue
        layout = catalog.table_of(written.table_id, written.schema_version)
        if layout is not None and is_followed(layout):
            yield CapturedWrite(message, layout, written)
