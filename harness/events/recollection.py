"""What a reader of messages keeps in mind of those that went by: what replies answer, and what ids stand for.

Bounded: of too much, the oldest is forgotten, and replies to it are worded without it.
"""

from collections.abc import Iterator
from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Prepare
from harness.codec.cql.results import PreparedResult
from harness.codec.cql.statements import Prepared, Statements
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.read_command import ReadCommand
from harness.events.message import Kind, Message, Protocol

REQUESTS_MAX = 32768
REQUEST_BYTES_MAX = 16 * 1024 * 1024
VERSIONS_MAX = 4096

_WRITES = frozenset({1, 41, 42})
"""MUTATION, PAXOS_LEARN, HINT_MUTATION: one-way, but acknowledged by another message."""
_PREPARED_KIND = b"\x00\x00\x00\x04"


class Recollection:
    """Remembers requests until they are answered, the tables of schema versions, and prepared statements."""

    def __init__(self) -> None:
        self._requests: dict[int, Message] = {}
        self._request_bytes = 0
        self._tables: dict[UUID, UUID] = {}
        self._statements = Statements()

    def see(self, message: Message) -> None:
        """Take note of a message; every message of a capture, shown or not, in its order."""
        kind = message.kind
        if kind is Kind.REQUEST or (kind is Kind.ONE_WAY and message.verb in _WRITES):
            self._requests[message.number] = message
            self._request_bytes += len(message.payload)
            while len(self._requests) > REQUESTS_MAX or self._request_bytes > REQUEST_BYTES_MAX:
                self._forget()
        if message.protocol is Protocol.CQL:
            self._see_cql(message)

    def answered_by(self, message: Message) -> Message | None:
        """The request that a reply answers, or the write that it acknowledges; given once, then forgotten."""
        number = message.acknowledges if message.request is None else message.request
        if number is None:
            return None
        request = self._requests.pop(number, None)
        if request is not None:
            self._request_bytes -= len(request.payload)
        return request

    def learn(self, body: object) -> None:
        """Learn from a decoded payload to which table a schema version belongs."""
        for name in ("mutation", "command"):
            part = getattr(body, name, None)
            if isinstance(part, Mutation | ReadCommand):
                self._tables[part.schema_version] = part.table_id
        if len(self._tables) > VERSIONS_MAX:
            del self._tables[next(iter(self._tables))]

    def table_of_version(self, version: UUID) -> UUID | None:
        """The id of the table that has a schema version, if a message told."""
        return self._tables.get(version)

    def statement(self, statement_id: bytes) -> Prepared | None:
        """The prepared statement with an id, if it was prepared in the capture."""
        return self._statements.statement(statement_id)

    def _forget(self) -> None:
        requests = self._requests
        for number in list(_first(requests, len(requests) // 8 + 1)):
            self._request_bytes -= len(requests.pop(number).payload)

    def _see_cql(self, message: Message) -> None:
        # Other messages are not decoded for this.
        is_prepare = message.from_client and message.verb == Opcode.PREPARE
        is_prepared = not message.from_client and message.payload[:4] == _PREPARED_KIND
        if not (is_prepare or (is_prepared and message.verb == Opcode.RESULT)) or message.msg_id is None:
            return
        body = message.body
        if not isinstance(body, CqlMessage):
            return
        number = message.connection.number
        if isinstance(body.content, Prepare):
            self._statements.see_request(number, message.msg_id, body.content)
        elif isinstance(body.content, PreparedResult):
            self._statements.see_response(number, message.msg_id, body.content)


def _first(requests: dict[int, Message], count: int) -> Iterator[int]:
    for number, _ in zip(requests, range(count), strict=False):
        yield number
