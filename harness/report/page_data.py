"""What a page's script is given: the flow in columns, and the details of messages in chunks.

Columns, an entry for each message: differences where numbers grow, indices into lists where texts repeat. The
script decompresses a chunk of details when one of its messages is selected.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Generic, TypeVar

from harness.events.folding import Noise
from harness.events.message import Connection, Kind, Message, Protocol
from harness.report.detail import Detail, detail_of
from harness.report.field_node import FieldNode
from harness.report.flow import Arrow, Flow
from harness.report.hues import Hue
from harness.report.verdict import ReportVerdict

CHUNK_MESSAGES = 128
"""How many messages share one chunk of details."""

_T = TypeVar("_T")
_HUES = tuple(Hue)
_NOISES = tuple(Noise)
_KINDS = tuple(Kind)


def flow_data(flow: Flow, verdicts: Iterable[ReportVerdict], detailed: tuple[int, ...]) -> dict[str, object]:
    """Give everything but details.

    Args:
        flow: the whole flow.
        verdicts: whose messages are to be marked.
        detailed: indices of the arrows of which there are details, ascending.
    """
    arrows = flow.arrows
    index_by_number = flow.index_of()
    labels: _Listed[tuple[str, int | None]] = _Listed()
    tables: _Listed[tuple[str, ...]] = _Listed()
    connections: _Listed[int] = _Listed()
    latest = {arrow.message.connection.number: arrow.message.connection for arrow in arrows}
    started_ns = flow.surroundings.started_ns or 0
    columns: dict[str, object] = {
        "number": _differences(arrow.message.number for arrow in arrows),
        "time": _differences(arrow.message.time_ns - started_ns for arrow in arrows),
        "frame": _differences(arrow.message.frame_last for arrow in arrows),
        "frames": [arrow.message.frame_last - arrow.message.frame_first + 1 for arrow in arrows],
        "from": [arrow.sender for arrow in arrows],
        "to": [arrow.receiver for arrow in arrows],
        "label": [labels.index((arrow.label, arrow.message.verb)) for arrow in arrows],
        "kind": [_KINDS.index(arrow.message.kind) for arrow in arrows],
        "hue": [_HUES.index(arrow.hue) for arrow in arrows],
        "noise": [0 if arrow.noise is None else _NOISES.index(arrow.noise) + 1 for arrow in arrows],
        "answers": [0 if arrow.answers is None else i - arrow.answers for i, arrow in enumerate(arrows)],
        "connection": [connections.index(arrow.message.connection.number) for arrow in arrows],
        "size": [len(arrow.message.payload) for arrow in arrows],
        "statement": [arrow.statement or 0 for arrow in arrows],
        "tables": [tables.index(arrow.tables) for arrow in arrows],
        "state": [_state(arrow) for arrow in arrows],
        "text": [arrow.text if arrow.answers is not None else _with_reference(arrow) for arrow in arrows],
    }
    return {
        "started_ns": str(started_ns),
        "lanes": [
            {
                "kind": lane.kind.value,
                "name": lane.name,
                "address": lane.address,
                "place": lane.place,
                "datacenter": lane.datacenter,
                "rack": lane.rack,
            }
            for lane in flow.lanes
        ],
        "hues": [{"key": hue.name.lower(), "name": hue.value} for hue in _HUES],
        "noises": [noise.value for noise in _NOISES],
        "kinds": [kind.value for kind in _KINDS],
        "labels": labels.items,
        "tables": tables.items,
        "connections": [_connection(latest[number]) for number in connections.items],
        "statements": [
            {
                "number": heading.statement.number,
                "request": heading.request,
                "reply": heading.reply,
                "text": heading.text,
                "consistency": heading.consistency,
                "result": heading.result,
                "is_error": heading.statement.error is not None,
                "duration_ns": heading.duration_ns,
            }
            for heading in flow.headings
        ],
        "sections": [
            {
                "first": section.first,
                "statements": section.headings,
                "answered_at": section.answered_at,
            }
            for section in flow.sections
        ],
        "verdicts": [
            {
                "name": verdict.name,
                "outcome": verdict.outcome,
                "messages": sorted(
                    index_by_number[number]
                    for number in set(verdict.message_numbers)
                    if number in index_by_number
                ),
            }
            for verdict in verdicts
        ],
        "messages": columns,
        "details": {
            "chunk": CHUNK_MESSAGES,
            "messages": None if len(detailed) == len(arrows) else _differences(detailed),
        },
    }


def detailed_messages(flow: Flow, verdicts: Iterable[ReportVerdict], details_max: int) -> tuple[int, ...]:
    """Choose of which arrows a page has details: those of verdicts first, noise last."""
    if len(flow.arrows) <= details_max:
        return tuple(range(len(flow.arrows)))
    index_by_number = flow.index_of()
    marked = [
        index_by_number[number]
        for verdict in verdicts
        for number in verdict.message_numbers
        if number in index_by_number
    ]
    proper = [index for index, arrow in enumerate(flow.arrows) if arrow.noise is None]
    chosen = dict.fromkeys([*marked, *proper, *range(len(flow.arrows))])
    return tuple(sorted(list(chosen)[:details_max]))


def detail_chunks(flow: Flow, detailed: tuple[int, ...]) -> Iterator[list[object]]:
    """Give the details of some arrows, as many at a time as share a chunk."""
    for first in range(0, len(detailed), CHUNK_MESSAGES):
        yield [_detail(flow, index) for index in detailed[first : first + CHUNK_MESSAGES]]


def _detail(flow: Flow, index: int) -> dict[str, object]:
    arrow = flow.arrows[index]
    request = None if arrow.answers is None else flow.arrows[arrow.answers].message
    detail = detail_of(arrow.message, request, flow.surroundings)
    return {
        "facts": _facts(arrow.message, detail),
        "contents": _nodes(detail.contents),
        "fields": _nodes(detail.fields),
        "bytes": detail.payload.hex(),
    }


def _nodes(nodes: tuple[FieldNode, ...]) -> list[object]:
    return [node.to_json() for node in nodes]


def _facts(message: Message, detail: Detail) -> list[tuple[str, str]]:
    """What headers say, and what became of the payload, as pairs of words."""
    facts = []
    if message.msg_id is not None:
        facts.append(("msg_id" if message.protocol is Protocol.RPC else "stream_id", str(message.msg_id)))
    if message.timeout_ms is not None:
        facts.append(("timeout", f"{message.timeout_ms:,} ms"))
    if message.duration_us is not None:
        facts.append(("handled in", f"{message.duration_us:,} µs, says the replier"))
    if message.cql is not None:
        facts.append(("protocol", f"CQL version {message.cql.version}"))
    if message.reason:
        facts.append(("not decoded", message.reason))
    elif detail.undecoded_bytes:
        facts.append(("not decoded", f"{detail.undecoded_bytes:,} of {detail.payload_bytes:,} bytes"))
    return facts


def _connection(connection: Connection) -> dict[str, object]:
    client, server = connection.client, connection.server
    facts = []
    if connection.protocol is Protocol.RPC:
        facts.append(f"line {connection.line.name.lstrip('V').replace('_', '.')}")
        if connection.cookie:
            facts.append(f"for {connection.cookie}")
        if connection.client_shard is not None:
            facts.append(f"from shard {connection.client_shard}")
        if connection.server_shard is not None:
            facts.append(f"to shard {connection.server_shard}")
        if connection.is_stream:
            facts.append("RPC stream")
    return {
        "number": connection.number,
        "protocol": connection.protocol.value,
        "client": [client.address, client.port],
        "server": [server.address, server.port],
        "facts": ", ".join(facts),
    }


def _state(arrow: Arrow) -> int:
    """Bits: 1 background, 2 failure, 4 not decoded to its last byte."""
    is_undecoded = arrow.undecoded_bytes > 0 or arrow.message.kind is Kind.UNDECODED
    return arrow.is_background + 2 * arrow.is_failure + 4 * is_undecoded


def _with_reference(arrow: Arrow) -> str:
    return f"{arrow.text} {arrow.line.reference}".strip()


def _differences(values: Iterable[int]) -> list[int]:
    numbers = list(values)
    return numbers[:1] + [after - before for before, after in pairwise(numbers)]


class _Listed(Generic[_T]):
    """Keeps each value once and tells its index."""

    def __init__(self) -> None:
        self._index: dict[_T, int] = {}

    def index(self, value: _T) -> int:
        """Index of a value, which is new or was there before."""
        return self._index.setdefault(value, len(self._index))

    @property
    def items(self) -> list[_T]:
        """All values in the order of their indices."""
        return list(self._index)
