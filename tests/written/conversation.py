"""Writes the packets of a conversation: TCP connections between nodes and a client, opened, used, acknowledged.

Time is counted, not measured, so the same story gives the same bytes.
"""

from dataclasses import dataclass, field

from harness.codec.cql.frame import encode_frame as encode_cql_frame
from harness.codec.cql.messages import Content, Message, frame_of
from harness.codec.pcapng.events import Interface, SectionStart
from harness.codec.pcapng.pcapng_encoder import PcapngEncoder
from harness.codec.rpc.headers import REPLY_HEADER, REQUEST_HEADER
from harness.codec.rpc.negotiation import answer, encode_negotiation, offer
from harness.codec.tcp.segment import (
    ACK,
    FIN,
    LINK_ETHERNET,
    PSH,
    SYN,
    Endpoint,
    Segment,
    encode_segment,
    flow_key_of,
)
from harness.codec.verbs.connection import ClientId
from harness.codec.verbs.wire import encode_struct

RPC_PORT = 7000
CQL_PORT = 9042
CQL_VERSION = 4
_MAX_RESULT_BYTES = 1 << 20


class Packets:
    """The capture that is being written.

    Args:
        started_ns: time of the first packet, nanoseconds since 1970.
    """

    def __init__(self, started_ns: int) -> None:
        self.time_ns = started_ns
        self._encoder = PcapngEncoder()
        self._parts = [
            self._encoder.section(SectionStart(application="tests/written/conversation.py")),
            self._encoder.interface(
                Interface(number=0, link_type=LINK_ETHERNET, ticks_per_second=10**9, name="demo")
            ),
        ]

    def wait(self, duration_us: int) -> None:
        """Let time pass."""
        self.time_ns += duration_us * 1000

    def add(self, segment: Segment) -> None:
        """Add a packet; a packet takes 12 microseconds."""
        self._parts.append(self._encoder.packet(self.time_ns, encode_segment(segment)))
        self.wait(12)

    def capture(self) -> bytes:
        """The pcapng file."""
        return b"".join(self._parts)


@dataclass
class TcpConnection:
    """One connection; ``client`` opened it."""

    packets: Packets
    client: Endpoint
    server: Endpoint
    sequences: list[int] = field(default_factory=lambda: [1000, 5000])
    """Next sequence number of client and server."""

    def __post_init__(self) -> None:
        self._put(b"", from_client=True, flags=SYN)
        self.sequences[0] += 1
        self._put(b"", from_client=False, flags=SYN | ACK)
        self.sequences[1] += 1
        self._put(b"", from_client=True, flags=ACK)

    def send(self, data: bytes, *, from_client: bool) -> None:
        """Send bytes in one packet, and acknowledge them in another."""
        self._put(data, from_client=from_client, flags=PSH | ACK)
        self.sequences[0 if from_client else 1] += len(data)
        self._put(b"", from_client=not from_client, flags=ACK)

    def finish(self) -> None:
        """Close both directions."""
        for from_client in (True, False):
            self._put(b"", from_client=from_client, flags=FIN | ACK)
            self.sequences[0 if from_client else 1] += 1
        self._put(b"", from_client=True, flags=ACK)

    def _put(self, data: bytes, *, from_client: bool, flags: int) -> None:
        source, destination = (self.client, self.server) if from_client else (self.server, self.client)
        sent, received = self.sequences if from_client else self.sequences[::-1]
        self.packets.add(
            Segment(
                flow_key=flow_key_of(source, destination),
                sequence=sent,
                acknowledgement=received if flags & ACK else 0,
                flags=flags,
                payload=data,
                missing_bytes=0,
            )
        )


class RpcConnection:
    """A connection between two nodes, as 4.2 opens it: negotiation, CLIENT_ID, requests.

    Args:
        packets: takes the packets.
        client: address of the node that opens it, and its port.
        server: address of the other node.
        connection_id: the number that the server gives it.
    """

    def __init__(self, packets: Packets, client: Endpoint, server: str, *, connection_id: int) -> None:
        self._tcp = TcpConnection(packets, client, Endpoint(server, RPC_PORT))
        offered = offer()
        self._tcp.send(encode_negotiation(offered), from_client=True)
        self._tcp.send(
            encode_negotiation(answer(offered, connection_id=connection_id << 16)), from_client=False
        )
        self._msg_id = 0
        self.request(
            0, ClientId(broadcast_address=client.address, shard=0, max_result_size_bytes=_MAX_RESULT_BYTES)
        )

    def request(self, verb: int, body: object, *, timeout_ms: int = 0) -> int:
        """Send a request; return its msg_id."""
        self._msg_id += 1
        payload = encode_struct(body)
        head = REQUEST_HEADER.pack(timeout_ms, verb, self._msg_id, len(payload))
        self._tcp.send(head + payload, from_client=True)
        return self._msg_id

    def finish(self) -> None:
        """Close the connection."""
        self._tcp.finish()

    def reply(self, msg_id: int, body: object) -> None:
        """Answer a request."""
        payload = encode_struct(body)
        self._tcp.send(REPLY_HEADER.pack(msg_id, len(payload)) + payload, from_client=False)


class CqlConnection:
    """A connection of a client, without compression."""

    def __init__(self, packets: Packets, client: Endpoint, server: str) -> None:
        self._tcp = TcpConnection(packets, client, Endpoint(server, CQL_PORT))

    def send(self, content: Content, *, stream_id: int, from_client: bool) -> None:
        """Send one message."""
        frame = frame_of(CQL_VERSION, stream_id, Message(content=content))
        self._tcp.send(encode_cql_frame(frame), from_client=from_client)
