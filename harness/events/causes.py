"""Which statement of a client a message between nodes belongs to, told while messages go by.

What the wire says is taken first: a reply belongs where its request does, an acknowledgement where its write
does, a forwarded write where the forwarder's does, a ballot where its PAXOS_ACCEPT does. Then coordinator, table,
key and values: the statement under way, or just over, whose text has them, if it is the only one. A write to a view
belongs to a statement on its base table that has one of its key's values. Last, time alone: with a single statement
under way, reads and writes are taken for its own.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar
from uuid import UUID

from harness.codec.verbs.common import Key
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareRequest,
    PaxosPruneRequest,
)
from harness.codec.verbs.read import ReadMutationDataRequest, ReadRequest
from harness.codec.verbs.writes import MutationRequest
from harness.events.changes import CellKind
from harness.events.contents import changes_of
from harness.events.message import Message
from harness.events.typed_value import key_values
from harness.events.verb_family import Family, family_of
from harness.schema import Schema

RECENT_NS = 1_000_000_000
"""So long after its result a statement is still looked for as a cause."""
KEPT_MAX = 16384
"""Most requests and ballots whose statement is remembered."""
OPEN_MAX = 4096
"""Most statements under way; of more, the oldest are taken for lost."""

_K = TypeVar("_K")
_DATA = frozenset({Family.WRITE, Family.READ, Family.PAXOS, Family.ERROR})
_TOKENS = re.compile(r"'(?:[^']|'')*'|[-\w.]+")


@dataclass(slots=True)
class Cause:
    """A statement of a client."""

    number: int
    """Counts statements from 1."""
    request: int
    """Number of its message."""
    coordinator: str
    """Address of the node that was asked."""
    words: frozenset[str]
    """Names and literals in its text."""
    ended_ns: int | None = None
    """Time of its result; None: it is under way."""
    is_crowded: bool = False
    """Whether another one was under way at the same time."""


class _Subject(NamedTuple):
    """What a request is about."""

    coordinator: str
    table_id: UUID | None
    key: Key
    ballot: UUID | None = None
    write: tuple[str, int, int] | None = None
    """Coordinator, shard and response id."""
    mutation: Mutation | None = None


class Causes:
    """Follows the statements of a capture.

    Args:
        schema: gives the tables known at the moment.
    """

    def __init__(self, schema: Callable[[], Schema]) -> None:
        self._schema = schema
        self._count = 0
        self._open: dict[int, Cause] = {}
        self._recent: deque[Cause] = deque()
        self._requests: dict[int, Cause] = {}
        self._ballots: dict[UUID, Cause] = {}
        self._writes: dict[tuple[str, int, int], Cause] = {}

    @property
    def under_way(self) -> int:
        """How many statements are under way."""
        return len(self._open)

    def begin(self, message: Message, text: str) -> Cause:
        """A statement begins."""
        self._count += 1
        cause = Cause(self._count, message.number, message.receiver.address, frozenset(_TOKENS.findall(text)))
        if self._open:
            cause.is_crowded = True
            for other in self._open.values():
                other.is_crowded = True
        if len(self._open) >= OPEN_MAX:
            del self._open[next(iter(self._open))]
        self._open[message.number] = cause
        return cause

    def end(self, message: Message) -> Cause | None:
        """A client gets an answer; gives the statement that it answers."""
        cause = None if message.request is None else self._open.pop(message.request, None)
        if cause is not None:
            cause.ended_ns = message.time_ns
            self._recent.append(cause)
        return cause

    def cause_of(self, message: Message) -> Cause | None:
        """The statement that a message between nodes belongs to, as far as that can be told."""
        self._forget(message.time_ns)
        number = message.acknowledges if message.request is None else message.request
        if number is not None:
            return self._requests.get(number)
        if family_of(message) not in _DATA:
            return None
        cause = self._find(message)
        if cause is not None:
            _keep(self._requests, message.number, cause)
        return cause

    def _find(self, message: Message) -> Cause | None:
        if not self._open and not self._recent:
            return None
        subject = _subject_of(message)
        if subject is None:
            return self._by_time()
        ballot, write = subject.ballot, subject.write
        cause = self._ballots.get(ballot) if ballot is not None else None
        if cause is None and write is not None:
            cause = self._writes.get(write)
        if cause is None:
            cause = self._by_text(subject) or self._by_time()
        if cause is not None and ballot is not None:
            _keep(self._ballots, ballot, cause)
        if cause is not None and write is not None:
            _keep(self._writes, write, cause)
        return cause

    def _by_text(self, subject: _Subject) -> Cause | None:
        schema = self._schema()
        table = None if subject.table_id is None else schema.table_of(subject.table_id)
        if table is None:
            return None
        key = {value.text for value in key_values(schema, table, table.partition_key, subject.key.components)}
        for causes in (list(self._open.values()), list(self._recent)):
            if table.base is not None:
                found = _on_base(causes, table.keyspace, table.base, key | _row_keys(subject, schema))
            else:
                found = [
                    cause
                    for cause in causes
                    if cause.coordinator == subject.coordinator
                    and _is_named(table.keyspace, table.name, cause.words)
                    and key <= cause.words
                ]
                if len(found) > 1 and subject.mutation is not None:
                    written = _written(subject.mutation, schema)
                    found = [cause for cause in found if written and written <= cause.words]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def _by_time(self) -> Cause | None:
        if len(self._open) == 1:
            return next(iter(self._open.values()))
        return self._recent[0] if not self._open and len(self._recent) == 1 else None

    def _forget(self, now_ns: int) -> None:
        recent = self._recent
        while recent and (recent[0].ended_ns or 0) < now_ns - RECENT_NS:
            recent.popleft()


def _is_named(keyspace: str, table: str, words: frozenset[str]) -> bool:
    return table in words or f"{keyspace}.{table}" in words


def _on_base(causes: list[Cause], keyspace: str, base: str, keys: set[str]) -> list[Cause]:
    """The last of the statements that may have changed a row of a view."""
    found = [cause for cause in causes if _is_named(keyspace, base, cause.words) and keys & cause.words]
    return found[-1:]


def _row_keys(subject: _Subject, schema: Schema) -> set[str]:
    if subject.mutation is None:
        return set()
    return {value.text for row in changes_of(subject.mutation, schema).rows for value in row.key}


def _written(mutation: Mutation, schema: Schema) -> set[str]:
    """Literals of the values that a mutation writes."""
    rows = changes_of(mutation, schema).rows
    return {cell.text for row in rows for cell in row.cells if cell.kind is not CellKind.DEAD}


def _subject_of(message: Message) -> _Subject | None:
    body = message.body
    sender = message.sender.address
    match body:
        case MutationRequest(mutation=mutation, reply_to=reply_to):
            write = (reply_to, body.shard, body.response_id)
            return _Subject(reply_to, mutation.table_id, mutation.key, None, write, mutation)
        case ReadRequest() | ReadMutationDataRequest():
            start = body.partitions.start
            key = start.value.key if body.partitions.singular and start is not None else None
            return None if key is None else _Subject(sender, body.command.table_id, key)
        case PaxosPrepareRequest():
            return _Subject(sender, body.command.table_id, body.key, body.ballot)
        case PaxosAcceptRequest(proposal=proposal) | PaxosLearnRequest(decision=proposal):
            update = proposal.update
            return _Subject(sender, update.table_id, update.key, proposal.ballot, None, update)
        case PaxosPruneRequest():
            return _Subject(sender, None, body.key, body.ballot)
        case _:
            return None


def _keep(kept: dict[_K, Cause], key: _K, cause: Cause) -> None:
    kept[key] = cause
    if len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
