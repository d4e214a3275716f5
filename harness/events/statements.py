"""What clients asked for: every statement of a trace with its text, values, coordinator, times and outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from uuid import UUID

from harness.codec.cql.consistency import consistency_name
from harness.codec.cql.errors import Error, error_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import BATCH_TYPES, Batch, Execute, Query, QueryParameters
from harness.codec.cql.results import Rows, SetKeyspace
from harness.codec.cql.statements import Prepared
from harness.errors import DecodeError
from harness.events.message import Message, Protocol
from harness.events.statement_text import Action, StatementText, Term, read_statement, term_bytes
from harness.events.trace import Trace
from harness.schema import Schema, Table

KEYS_MAX = 1024
"""Of a statement that names more partitions, as with IN, no key is told."""

Key = tuple[bytes, ...]
"""A partition key: its components as cells hold them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPart:
    """One statement that changes or reads something; a batch has several."""

    text: str
    """Empty: a prepared statement whose text is not in the capture."""
    action: Action
    is_conditional: bool = False
    """A lightweight transaction."""
    table: str | None = None
    """Keyspace and table; without keyspace where nobody knows which one was in use."""
    keys: tuple[Key, ...] | None = None
    """The partitions that it names; None: it does not, or what it names cannot be told."""
    values: tuple[bytes | None, ...] = ()
    """Bound to its markers, in order; None for null and for values left unset."""
    write_timestamp_us: int | None = None
    """What the client says; None: the coordinator chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatement:
    """A statement that a client sent: a QUERY, EXECUTE or BATCH, with its answer."""

    number: int
    """Counts the statements of a trace from 1."""
    request: int
    """Number of the message."""
    request_frame: int
    """Its last packet."""
    result: int | None
    """Number of the answer's message; None: none came in this capture."""
    result_frame: int | None
    text: str
    """Of a batch: its statements with semicolons between; empty where it is unknown."""
    parts: tuple[StatementPart, ...]
    """The statement itself, or those of a batch."""
    batch_type: str | None = None
    """Of a batch: ``LOGGED``, ``UNLOGGED`` or ``COUNTER``."""
    consistency_level: str
    serial_consistency_level: str | None
    coordinator: str
    """Name of the node that was asked; its address where it has none."""
    coordinator_address: str
    client: str
    """Address and port."""
    started_ns: int
    """When the request was complete, nanoseconds since 1970."""
    ended_ns: int | None
    """When the answer was; None: none came."""
    error: str | None = None
    """Name of the error's code, such as ``WRITE_TIMEOUT``; None: no error."""
    error_text: str = ""
    row_count: int | None = None
    """Rows of the answer; None: it holds none."""
    is_applied: bool | None = None
    """What the answer to a lightweight transaction says."""
    is_last_page: bool = True
    tracing_id: UUID | None = None
    """Where the trace is found, if tracing was on; messages between nodes then carry it."""

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it names, each once."""
        return tuple(dict.fromkeys(part.table for part in self.parts if part.table is not None))

    @property
    def action(self) -> Action:
        """What its first part does."""
        return self.parts[0].action if self.parts else Action.OTHER

    @property
    def is_conditional(self) -> bool:
        """Whether a part of it is a lightweight transaction, or it reads as one does."""
        if any(part.is_conditional for part in self.parts):
            return True
        return self.action is Action.SELECT and self.consistency_level in {"SERIAL", "LOCAL_SERIAL"}

    @property
    def is_change(self) -> bool:
        """Whether it inserts, updates or deletes."""
        return any(part.action in CHANGES for part in self.parts)

    @property
    def is_of_system(self) -> bool:
        """Whether it is about nothing but tables of the system, as what drivers ask on their own."""
        tables = self.tables
        return bool(tables) and all(name.startswith(_SYSTEM) for name in tables)

    @property
    def name(self) -> str:
        """How reports call it: ``statement 3 (packet 17) INSERT INTO ks.t ...``."""
        text = " ".join(self.text.split()) or "of unknown text"
        if len(text) > _NAME_CHARACTERS:
            text = text[: _NAME_CHARACTERS - 1] + "…"
        return f"statement {self.number} (packet {self.request_frame}) {text}"


CHANGES = frozenset({Action.INSERT, Action.UPDATE, Action.DELETE})
_SYSTEM = ("system.", "system_schema.", "system_virtual_schema.")
_NAME_CHARACTERS = 100


def statements_of(trace: Trace) -> tuple[ClientStatement, ...]:
    """Every statement that a client sent, in the order of the trace.

    PREPARE is none, for it changes and reads nothing.
    """
    results: dict[int, Message] = {}
    requests: list[tuple[Message, str | None]] = []
    in_use: dict[int, str] = {}
    for message in trace.messages:
        if message.protocol is not Protocol.CQL:
            continue
        if message.from_client:
            requests.append((message, in_use.get(message.connection.number)))
            continue
        if message.request is not None:
            results.setdefault(message.request, message)
        content = _content(message)
        if isinstance(content, SetKeyspace):
            in_use[message.connection.number] = content.keyspace
    found: list[ClientStatement] = []
    for message, keyspace in requests:
        content = _content(message)
        if isinstance(content, Query | Execute | Batch):
            reader = _Reader(trace.schema, message, content, keyspace)
            found.append(reader.statement(len(found) + 1, results.get(message.number)))
    return tuple(found)


def _content(message: Message) -> object | None:
    body = message.body
    return body.content if isinstance(body, CqlMessage) else None


class _Reader:
    """Makes a statement of one request."""

    def __init__(
        self, schema: Schema, message: Message, content: Query | Execute | Batch, keyspace: str | None
    ) -> None:
        self._schema = schema
        self._message = message
        self._content = content
        self._keyspace = content.parameters.keyspace or keyspace

    def statement(self, number: int, answer: Message | None) -> ClientStatement:
        message, parameters = self._message, self._content.parameters
        parts, text, batch_type = self._parts()
        body = answer.body if answer is not None else None
        content = body.content if isinstance(body, CqlMessage) else None
        rows = content if isinstance(content, Rows) else None
        serial = parameters.serial_consistency
        return ClientStatement(
            number=number,
            request=message.number,
            request_frame=message.frame_last,
            result=None if answer is None else answer.number,
            result_frame=None if answer is None else answer.frame_last,
            text=text,
            parts=parts,
            batch_type=batch_type,
            consistency_level=consistency_name(parameters.consistency),
            serial_consistency_level=None if serial is None else consistency_name(serial),
            coordinator=message.receiver_node or message.receiver.address,
            coordinator_address=message.receiver.address,
            client=f"{message.sender.address}:{message.sender.port}",
            started_ns=message.time_ns,
            ended_ns=None if answer is None else answer.time_ns,
            error=error_name(content.code) if isinstance(content, Error) else None,
            error_text=content.text if isinstance(content, Error) else "",
            row_count=None if rows is None else len(rows.rows),
            is_applied=None if rows is None else _applied(rows),
            is_last_page=rows is None or not rows.metadata.has_more_pages,
            tracing_id=body.tracing_id if isinstance(body, CqlMessage) else None,
        )

    def _parts(self) -> tuple[tuple[StatementPart, ...], str, str | None]:
        content, parameters = self._content, self._content.parameters
        prepared = None if self._message.cql is None else self._message.cql.prepared
        values = _bytes_of(parameters)
        names = {name: index for index, name in enumerate(parameters.names)}
        match content:
            case Query():
                return (
                    self._read(content.query, values, names, None),
                    content.query,
                    _batch_type(content.query),
                )
            case Execute():
                text = prepared.query if prepared is not None and prepared.query is not None else ""
                return self._read(text, values, names, prepared), text, _batch_type(text)
            case Batch():
                found: list[StatementPart] = []
                for item in content.statements:
                    bound = tuple(value if isinstance(value, bytes) else None for value in item.values)
                    found += self._read(item.query or "", bound, {}, None)
                text = "; ".join(item.query for item in content.statements if item.query)
                known = content.batch_type < len(BATCH_TYPES)
                return tuple(found), text, BATCH_TYPES[content.batch_type] if known else "LOGGED"

    def _read(
        self,
        text: str,
        values: tuple[bytes | None, ...],
        names: Mapping[str, int],
        prepared: Prepared | None,
    ) -> tuple[StatementPart, ...]:
        found = read_statement(text)
        if not found:
            # Not even a prepared statement's columns tell what it does; they tell the table.
            table, keys = self._bound(prepared, values)
            part = StatementPart(text=text, action=Action.OTHER, table=table, keys=keys, values=values)
            return (part,)
        return tuple(self._part(text, part, values, names, prepared) for part in found)

    def _part(
        self,
        text: str,
        part: StatementText,
        values: tuple[bytes | None, ...],
        names: Mapping[str, int],
        prepared: Prepared | None,
    ) -> StatementPart:
        name, table = self._table(part)
        keys = None if table is None else self._keys(part, table, values, names)
        if keys is None and prepared is not None:
            keys = self._bound(prepared, values)[1]
        parameters = self._content.parameters
        timestamp_us = parameters.default_timestamp_us
        if part.timestamp is not None:
            timestamp_us = _timestamp_us(part.timestamp, values, names)
        return StatementPart(
            text=text,
            action=part.action,
            is_conditional=part.is_conditional,
            table=name,
            keys=keys,
            values=values,
            write_timestamp_us=timestamp_us if part.action in CHANGES and not part.is_conditional else None,
        )

    def _table(self, part: StatementText) -> tuple[str | None, Table | None]:
        if part.table is None:
            return None, None
        keyspace = part.keyspace or self._keyspace
        if keyspace is None:
            # A name that only one table has is that table's.
            having = [table for table in self._schema.tables if table.name == part.table]
            if len(having) != 1:
                return part.table, None
            return having[0].full_name, having[0]
        return f"{keyspace}.{part.table}", self._schema.table(keyspace, part.table)

    def _keys(
        self,
        part: StatementText,
        table: Table,
        values: tuple[bytes | None, ...],
        names: Mapping[str, int],
    ) -> tuple[Key, ...] | None:
        components: list[list[bytes]] = []
        for column in table.partition_key:
            terms = part.columns.get(column.name)
            if terms is None:
                return None
            cql_type = self._schema.type_of(table.keyspace, column.type)
            found = [term_bytes(term, cql_type, values, names) for term in terms]
            known = [value for value in found if value is not None]
            if len(known) < len(found):
                return None
            components.append(known)
        if not components:
            return None
        keys = tuple(islice(product(*components), KEYS_MAX + 1))
        return None if len(keys) > KEYS_MAX else tuple(dict.fromkeys(keys))

    def _bound(
        self, prepared: Prepared | None, values: Sequence[bytes | None]
    ) -> tuple[str | None, tuple[Key, ...] | None]:
        """Table and key as the answer to PREPARE describes them."""
        columns = () if prepared is None else prepared.bound_columns + prepared.result_columns
        if prepared is None or not columns:
            return None, None
        table = f"{columns[0].keyspace}.{columns[0].table}"
        indexes = prepared.partition_key_indexes
        key = [value for index in indexes if index < len(values) and (value := values[index]) is not None]
        return table, ((tuple(key),) if indexes and len(key) == len(indexes) else None)


def _bytes_of(parameters: QueryParameters) -> tuple[bytes | None, ...]:
    return tuple(value if isinstance(value, bytes) else None for value in parameters.values)


def _batch_type(text: str) -> str | None:
    """The kind of a batch that is written as one text."""
    words = text[:64].upper().split()
    if words[:1] != ["BEGIN"]:
        return None
    return words[1] if words[1:2] and words[1] in BATCH_TYPES else "LOGGED"


def _timestamp_us(term: Term, values: Sequence[bytes | None], names: Mapping[str, int]) -> int | None:
    if term.marker is None:
        return int(term.text) if term.text.lstrip("-").isdecimal() else None
    index = names.get(term.name, term.marker) if term.name is not None else term.marker
    value = values[index] if index < len(values) else None
    return None if value is None else int.from_bytes(value, "big", signed=True)


def _applied(rows: Rows) -> bool | None:
    names = [column.name for column in rows.columns]
    if "[applied]" not in names or not rows.rows:
        return None
    try:
        value = rows.values()[0][names.index("[applied]")]
    except DecodeError:
        return None
    return value if isinstance(value, bool) else None
