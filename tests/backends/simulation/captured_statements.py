"""What clients asked in captures, and what nodes said to each other until the next question."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.messages import Content
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Query
from harness.codec.cql.types import ListType
from harness.codec.verbs.mutation import CollectionCell, Mutation
from harness.events.message import Message, Protocol
from tests.backends.simulation.captured import catalog_of, is_followed, trace_of

_TIME_UUID_EPOCH_100NS = 0x01B21DD213814000


class CapturedStatement(NamedTuple):
    """A QUERY with what followed."""

    message: Message
    query: Query
    reply: Content | None
    """None: none came."""
    then: tuple[Message, ...]
    """Messages between nodes until the next QUERY."""

    @property
    def page_rows(self) -> int:
        return max(self.query.parameters.page_size_rows or 0, 0)

    @property
    def timestamp_us(self) -> int:
        timestamp = self.query.parameters.default_timestamp_us
        assert timestamp is not None
        return timestamp

    def moment(self, make_timeuuid: Callable[[], UUID] = uuid4) -> Moment:
        return Moment(self.message.time_ns // 1000, make_timeuuid, uuid4)


def statements_of(path: Path) -> Iterator[CapturedStatement]:
    """The statements on tables of users, without those that change the schema."""
    trace = trace_of(path)
    messages = list(trace)
    asked = [
        (index, message, content)
        for index, message in enumerate(messages)
        if message.protocol is Protocol.CQL
        and isinstance(content := content_of(message), Query)
        and "system" not in content.query
    ]
    ends = [index for index, _, _ in asked[1:]] + [len(messages)]
    for (start, message, query), end in zip(asked, ends, strict=True):
        if query.query.split()[0].upper() in {"CREATE", "ALTER", "DROP"}:
            continue
        answer = trace.exchange_of(message).reply
        then = tuple(one for one in messages[start:end] if one.protocol is Protocol.RPC)
        yield CapturedStatement(message, query, None if answer is None else content_of(answer), then)


def content_of(message: Message) -> Content | None:
    """What a message of CQL says."""
    return message.body.content if isinstance(message.body, CqlMessage) else None


def base_mutations(path: Path, messages: tuple[Message, ...], kind: type) -> list[Mutation]:
    """The mutations of tables of users, not of views, in messages of a kind that have one."""
    catalog = catalog_of(path)
    found = []
    for message in messages:
        if isinstance(message.body, kind):
            mutation = getattr(message.body, "mutation")  # noqa: B009  (the kind has one)
            layout = catalog.table_of(mutation.table_id, mutation.schema_version)
            if layout is not None and is_followed(layout) and layout.table.base is None:
                found.append(mutation)
    return found


def list_keys(layout: TableLayout, mutation: Mutation) -> Iterator[UUID]:
    """The time UUIDs that a node drew for the elements of lists, in their order."""
    for row in mutation.partition.rows:
        for column in row.cells.columns:
            name = layout.regular_names[column.id]
            if isinstance(layout.types[name], ListType) and isinstance(column.cell, CollectionCell):
                yield from (UUID(bytes=element.key) for element in column.cell.elements)


def ballot_timestamp_us(ballot: UUID) -> int:
    """The write timestamp that belongs to a ballot."""
    return (ballot.time - _TIME_UUID_EPOCH_100NS) // 10
