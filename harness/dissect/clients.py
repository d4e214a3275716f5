"""What the conversation of clients and nodes tells: prepared statements, and the schema.

Only what may teach something is decoded: PREPARE and its result, DDL statements, reads of system_schema,
STARTUP, USE. All else passes by on its first bytes.

Source: native_protocol_v4.spec, "4.1.4 QUERY", "4.1.5 PREPARE", "4.1.6 EXECUTE".
"""

from harness.codec.cql.dialect import extensions_in
from harness.codec.cql.messages import decode_message
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Prepare, Query, Startup
from harness.codec.cql.results import PreparedResult, Rows, SetKeyspace, decode_values
from harness.codec.cql.statements import Prepared, Statements
from harness.ddl import is_ddl
from harness.errors import DecodeError
from harness.schema_learning import SchemaLearner

_FLAG_CUSTOM_PAYLOAD = 0x04
_HEAD_BYTES = 200
_SET_KEYSPACE = b"\x00\x00\x00\x03"
_EXECUTE = int(Opcode.EXECUTE)
_QUERY = int(Opcode.QUERY)
_PREPARE = int(Opcode.PREPARE)
_STARTUP = int(Opcode.STARTUP)
_RESULT = int(Opcode.RESULT)
_NO_EXTENSIONS: frozenset[str] = frozenset()


class Clients:
    """Learns from CQL messages of all connections of a capture.

    Args:
        learner: takes what is learnt of the schema.
    """

    def __init__(self, learner: SchemaLearner) -> None:
        self._learner = learner
        self._statements = Statements()
        self._keyspaces: dict[int, str] = {}
        self._extensions: dict[int, frozenset[str]] = {}
        self._asked: dict[tuple[int, int], str] = {}
        """Of connection and stream id: the text of a statement whose result may teach something."""

    def extensions(self, connection: int) -> frozenset[str]:
        """What STARTUP of a connection asked for beyond the protocol."""
        return self._extensions.get(connection, _NO_EXTENSIONS)

    def take_request(
        self, connection: int, version: int, flags: int, stream_id: int, opcode: int, body: bytes
    ) -> Prepared | None:
        """Take a request; return the statement that an EXECUTE names, if it is known."""
        if opcode == _EXECUTE:
            if not flags & _FLAG_CUSTOM_PAYLOAD and len(body) > 2:
                return self._statements.known.get(body[2 : 2 + (body[0] << 8 | body[1])])
            return None
        if opcode == _QUERY:
            head = body[4:_HEAD_BYTES]
            if b"system_schema" in head or is_ddl(head.decode("utf-8", "replace")):
                content = self._content(connection, version, flags, opcode, body, from_client=True)
                if isinstance(content, Query):
                    self._asked[connection, stream_id] = content.query
        elif opcode in {_PREPARE, _STARTUP}:
            content = self._content(connection, version, flags, opcode, body, from_client=True)
            if isinstance(content, Prepare):
                self._statements.see_request(connection, stream_id, content)
                self._asked[connection, stream_id] = ""
            elif isinstance(content, Startup):
                self._extensions[connection] = extensions_in(content.options)
        return None

    def take_response(
        self, connection: int, version: int, flags: int, stream_id: int, opcode: int, body: bytes
    ) -> None:
        """Take a response."""
        text = self._asked.pop((connection, stream_id), None) if self._asked else None
        if opcode != _RESULT or (text is None and body[:4] != _SET_KEYSPACE):
            return
        content = self._content(connection, version, flags, opcode, body, from_client=False)
        match content:
            case PreparedResult():
                self._statements.see_response(connection, stream_id, content)
            case SetKeyspace():
                self._keyspaces[connection] = content.keyspace
            case Rows() if content.columns:
                self._learn_rows(content)
            case _:
                if text and content is not None:
                    self._learner.learn_statement(text, self._keyspaces.get(connection))

    def forget(self, connection: int) -> None:
        """Nothing more comes on a connection."""
        self._keyspaces.pop(connection, None)
        self._extensions.pop(connection, None)
        self._statements.forget_connection(connection)
        for key in [key for key in self._asked if key[0] == connection]:
            del self._asked[key]

    def _content(
        self, connection: int, version: int, flags: int, opcode: int, body: bytes, *, from_client: bool
    ) -> object | None:
        try:
            return decode_message(
                version, from_client, flags, opcode, body, extensions=self.extensions(connection)
            ).content
        except DecodeError:
            # The message itself is shown as undecoded; here it teaches nothing.
            return None

    def _learn_rows(self, content: Rows) -> None:
        first = content.columns[0]
        try:
            rows = [decode_values(content.columns, row) for row in content.rows]
        except DecodeError:
            return
        self._learner.learn_rows(
            first.keyspace, first.table, [column.name for column in content.columns], rows
        )
