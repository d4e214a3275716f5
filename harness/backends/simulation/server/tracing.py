"""Traces of requests, written into system_traces when they end.

Source:
    Scylla (branch 4.2), tracing/trace_keyspace_helper.cc (one mutation for the events, one for the session, one for the
    index by time, one after the other, at ANY), tracing/trace_state.cc (parameters); measured on captures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.cql.preparation import PreparedStatement, plan_batch, prepare
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.statements import BatchKind
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.trace_session import TTL_S, TraceSession
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.consistency import Consistency, consistency_name
from harness.codec.cql.notation import Unset
from harness.codec.cql.requests import Batch, Execute, Prepare, Query, QueryParameters
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.types import CqlType
from harness.codec.cql.values import encode_value
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.events.typed_value import value_of

TIMEOUT_MS = 5000

_THREAD = "shard 0"
_MINUTE_MS = 60_000
_VALUE_CHARACTERS_MAX = 64
_KEYSPACE = "system_traces"
_EVENT = (
    "INSERT INTO events (session_id, event_id, activity, source, source_elapsed, thread, scylla_parent_id,"
    " scylla_span_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?"
)
_SESSION = (
    "INSERT INTO sessions (session_id, command, client, coordinator, duration, parameters, request, started_at,"
    " request_size, response_size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ?"
)
_BY_TIME = "INSERT INTO sessions_time_idx (minute, started_at, session_id) VALUES (?, ?, ?) USING TTL ?"

KnownStatement = Callable[[bytes], tuple[str, Sequence[ResultColumn]]]
"""The text of a prepared statement, and what its values are, by its id."""


class TraceWrites(Protocol):
    """Writes traces to replicas."""

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        write_type: WriteType,
        timeout_ms: int | None = None,
    ) -> None:
        """Return when enough of them have acknowledged it.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRequest:
    """What the client asked for."""

    client: str
    """Its address."""
    command: str
    """The opcode."""
    request: str
    """In words."""
    parameters: Mapping[str, str]
    request_bytes: int
    response_bytes: int


class Tracing:
    """Begins traces, and writes them.

    Args:
        context: of the node.
        writes: writes them.
    """

    def __init__(self, context: NodeContext, writes: TraceWrites) -> None:
        self._context = context
        self._writes = writes
        self._open: dict[int, TraceSession] = {}
        """By their spans, as roles name them."""

    def begin(self) -> TraceSession:
        """Trace a request of a client."""
        return self._begin(self._context.make_time_uuid())

    def note(self, trace: TraceInfo | None, activity: str) -> None:
        """Something is done now; nothing happens if nobody traces it, or the trace has ended."""
        session = None if trace is None else self._open.get(trace.parent.value)
        if session is not None:
            session.note(activity)

    def join(self, told: object) -> TraceInfo | None:
        """Trace the part of this node in a request of which another one is the coordinator.

        Args:
            told: what a message says of a trace, if it says anything.

        Returns:
            What names this part; None: nothing is to be traced.
        """
        if not isinstance(told, TraceInfo):
            return None
        return self._begin(told.session_id, told.parent.value).info

    def leave(self, trace: TraceInfo | None) -> None:
        """The part of this node is done, and is written."""
        session = None if trace is None else self._open.get(trace.parent.value)
        if session is not None:
            self.end(session)

    def end(self, session: TraceSession, request: TracedRequest | None = None) -> None:
        """Write a trace, in the background.

        Args:
            session: the trace.
            request: of a client; None: the node had a part in it alone.
        """
        duration_us = session.elapsed_us
        self._open.pop(session.span_id, None)
        self._context.world.start(self._write(session, request, duration_us), "trace")

    def _begin(self, session_id: UUID, parent_id: int | None = None) -> TraceSession:
        context = self._context
        span_id = context.world.random.getrandbits(48)
        session = self._open[span_id] = TraceSession(
            context=context,
            session_id=session_id,
            span_id=span_id,
            parent_id=parent_id,
            started_us=context.world.now_us,
        )
        return session

    async def _write(self, session: TraceSession, request: TracedRequest | None, duration_us: int) -> None:
        try:
            if session.events:
                await self._write_rows(
                    _EVENT, [_event_row(session, number) for number in range(len(session.events))]
                )
            if request is not None:
                await self._write_rows(_SESSION, [_session_row(session, request, duration_us)])
                started_ms = session.started_us // 1000
                minute_ms = started_ms - started_ms % _MINUTE_MS
                await self._write_rows(_BY_TIME, [(minute_ms, started_ms, session.session_id)])
        except RequestError as error:
            self._context.world.log(f"trace {session.session_id} is not kept: {error.text}")

    async def _write_rows(self, text: str, rows: Sequence[Sequence[object]]) -> None:
        """Write rows of one partition in one mutation."""
        statement = prepare(self._context.catalog, text, _KEYSPACE)
        bound = [(statement, _bound(statement, row)) for row in rows]
        plan = plan_batch(BatchKind.UNLOGGED, bound, self._context.moment)
        assert isinstance(plan, WritePlan)
        await self._writes.write(
            [planned.mutation for planned in plan.mutations(self._context.world.now_us)],
            ConsistencyLevel.ANY,
            write_type=WriteType.SIMPLE,
            timeout_ms=TIMEOUT_MS,
        )


def traced_request(
    request: Query | Prepare | Execute | Batch,
    known: KnownStatement,
    *,
    client: str,
    request_bytes: int,
    response_bytes: int,
) -> TracedRequest:
    """Describe a request.

    Args:
        request: that.
        known: gives the texts of prepared statements, and what their values are.
        client: its address.
        request_bytes: length of its body.
        response_bytes: length of the body of its answer.
    """
    parameters: dict[str, str] = {}
    match request:
        case Prepare():
            words = "Preparing CQL3 query"
            parameters["query"] = request.query
        case Query():
            words = "Execute CQL3 query"
            parameters = {**_parameters(request.parameters), "query": request.query}
        case Execute():
            words = "Execute CQL3 prepared query"
            text, markers = known(request.statement_id)
            parameters = {
                **_parameters(request.parameters),
                "query": text,
                **_values("param", request.parameters.names, request.parameters.values, markers),
            }
        case Batch():
            words = "Execute batch of CQL3 queries"
            parameters = _parameters(request.parameters)
            for number, one in enumerate(request.statements):
                if one.statement_id is None:
                    parameters[f"query[{number}]"] = one.query or ""
                    continue
                text, markers = known(one.statement_id)
                parameters[f"query[{number}]"] = text
                parameters |= _values(f"param[{number}]", (), one.values, markers)
    return TracedRequest(
        client=client,
        command=request.opcode.name,
        request=words,
        parameters=parameters,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
    )


def _parameters(parameters: QueryParameters) -> dict[str, str]:
    serial = parameters.serial_consistency
    told = {
        "consistency_level": consistency_name(parameters.consistency),
        "serial_consistency_level": consistency_name(Consistency.SERIAL if serial is None else serial),
    }
    if parameters.page_size_rows is not None:
        told["page_size"] = str(parameters.page_size_rows)
    if parameters.default_timestamp_us is not None:
        told["user_timestamp"] = str(parameters.default_timestamp_us)
    return told


def _values(
    prefix: str,
    names: Sequence[str],
    values: Sequence[bytes | Unset | None],
    markers: Sequence[ResultColumn],
) -> dict[str, str]:
    """The values of a prepared statement, as parameters of a trace name and write them."""
    types: Sequence[CqlType | None] = [marker.type for marker in markers]
    if names or len(types) != len(values):
        by_name: dict[str, CqlType] = {marker.name: marker.type for marker in markers}
        types = [by_name.get(name) for name in names] or [None] * len(values)
    keys = [
        f"{prefix}[{index}]({name})" if name else f"{prefix}[{index}]"
        for index, name in enumerate(names or [""] * len(values))
    ]
    return {
        key: _value_text(value, cql_type) for key, value, cql_type in zip(keys, values, types, strict=True)
    }


def _value_text(value: bytes | Unset | None, cql_type: CqlType | None) -> str:
    if value is None:
        return "null"
    if not isinstance(value, bytes):
        return "unset value"
    found = value_of(cql_type, value)
    text = found.value if isinstance(found.value, str) else found.text
    return text if len(text) <= _VALUE_CHARACTERS_MAX else text[:_VALUE_CHARACTERS_MAX] + "..."


def _bound(statement: PreparedStatement, row: Sequence[object]) -> tuple[bytes | None, ...]:
    return tuple(
        encode_value(marker.type, value)
        for marker, value in zip(statement.markers, (*row, TTL_S), strict=True)
    )


def _event_row(session: TraceSession, number: int) -> tuple[object, ...]:
    event = session.events[number]
    return (
        session.session_id,
        event.event_id,
        event.activity,
        ip_address(session.context.address),
        event.elapsed_us,
        _THREAD,
        session.parent_id or 0,
        session.span_id,
    )


def _session_row(session: TraceSession, request: TracedRequest, duration_us: int) -> tuple[object, ...]:
    return (
        session.session_id,
        request.command,
        ip_address(request.client),
        ip_address(session.context.address),
        duration_us,
        dict(request.parameters),
        request.request,
        session.started_us // 1000,
        request.request_bytes,
        request.response_bytes,
    )
