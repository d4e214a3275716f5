"""Messages made by hand."""

from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.segment import Endpoint
from harness.codec.verbs.line import Line
from harness.dissect.frame_locator import Located
from harness.events.message import Connection, Kind, Message, Protocol

CONNECTION = Connection(
    0,
    Protocol.RPC,
    Endpoint("10.0.0.1", 50000),
    Endpoint("10.0.0.2", 7000),
    None,
    None,
    1,
    True,
    None,
    Line.V4_2,
    None,
    None,
    None,
)


def message(
    kind: Kind,
    *,
    verb: int | None = None,
    msg_id: int | None = None,
    timeout_ms: int | None = None,
    duration_us: int | None = None,
    payload: bytes = b"",
    frames: tuple[int, int] = (1, 1),
    negotiated: Negotiated | None = None,
) -> Message:
    """One message between nodes, from the client unless it is a reply."""
    from_client = kind not in {Kind.REPLY, Kind.EXCEPTION}
    connection = CONNECTION._replace(negotiated=negotiated)
    return Message(
        0,
        Protocol.RPC,
        kind,
        frames[0],
        frames[1],
        0,
        0,
        connection,
        from_client,
        verb,
        msg_id,
        timeout_ms,
        duration_us,
        payload,
        None,
        None,
        None,
        None,
        None,
        "",
    )


def located(of: Message, head: bytes) -> Located:
    """The message at the beginning of a direction."""
    header_bytes = 12 if of.duration_us is None else 16
    if of.kind not in {Kind.REPLY, Kind.EXCEPTION}:
        header_bytes = 20 if of.timeout_ms is None else 28
    size_bytes = header_bytes + len(of.payload)
    return Located(of, 0, size_bytes, 0, size_bytes, head, 0)
