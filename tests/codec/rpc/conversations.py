"""Connections of captures of real clusters, as a decoder is fed with them; and what tests compare frames by."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import Packet
from harness.codec.rpc.connection import ConnectionDecoder
from harness.codec.rpc.frame import Frame, FrameKind, encode_frame
from harness.codec.rpc.negotiation import Negotiated
from harness.codec.tcp.reassembly import ByteRun, ByteStream, Gap
from harness.codec.tcp.segment import Segment, decode_segment, endpoints_of, reversed_flow

_SYN, _ACK = 0x02, 0x10
_SERVER_PORT = 7000


class Piece(NamedTuple):
    """Bytes of one direction, or a loss of them."""

    from_client: bool
    data: bytes
    """Empty: bytes are lost."""
    mark: int
    lost_bytes: int = 0


class Conversation(NamedTuple):
    """One connection."""

    client_port: int
    syn_seen: bool
    pieces: tuple[Piece, ...]


class _Connection:
    def __init__(self) -> None:
        self.streams = {True: ByteStream(), False: ByteStream()}
        self.pieces: list[Piece] = []

    def add(self, from_client: bool, results: list[ByteRun | Gap]) -> None:
        for result in results:
            if isinstance(result, ByteRun):
                self.pieces.append(Piece(from_client, result.data, result.mark))
            else:
                self.pieces.append(Piece(from_client, b"", result.mark, result.lost_bytes))

    def take(self, segment: Segment, *, from_client: bool, mark: int) -> None:
        stream = self.streams[from_client]
        self.add(
            from_client,
            stream.feed(segment.sequence, segment.flags, segment.payload, mark, segment.missing_bytes),
        )
        if segment.flags & _ACK:
            self.add(
                not from_client, self.streams[not from_client].acknowledged(segment.acknowledgement, mark)
            )

    def close(self, client_port: int) -> Conversation:
        for from_client, stream in self.streams.items():
            self.add(from_client, stream.close())
        return Conversation(client_port, self.streams[True].syn_seen, tuple(self.pieces))


@lru_cache(maxsize=4)
def conversations_of(path: Path) -> tuple[Conversation, ...]:
    """Return the connections between nodes of a capture."""
    decoder = CaptureDecoder()
    open_connections: dict[bytes, _Connection] = {}
    conversations: list[Conversation] = []
    for event in [*decoder.feed(path.read_bytes()), *decoder.close()]:
        if not isinstance(event, Packet):
            continue
        segment = decode_segment(event.link_type, event.data)
        if segment is None:
            continue
        source, destination = endpoints_of(segment.flow_key)
        if _SERVER_PORT not in (source.port, destination.port):
            continue
        from_client = destination.port == _SERVER_PORT
        key = segment.flow_key if from_client else reversed_flow(segment.flow_key)
        client_port = source.port if from_client else destination.port
        connection = open_connections.get(key)
        if connection is not None and connection.streams[from_client].starts_anew(
            segment.sequence, segment.flags
        ):
            conversations.append(connection.close(client_port))
            connection = None
        if connection is None:
            connection = open_connections[key] = _Connection()
        connection.take(segment, from_client=from_client, mark=event.number)
    for key, connection in open_connections.items():
        conversations.append(connection.close(endpoints_of(key)[0].port))
    return tuple(conversations)


def decode(
    pieces: tuple[Piece, ...] | list[Piece], *, syn_seen: bool, assumed: Negotiated | None = None
) -> tuple[ConnectionDecoder, list[Frame]]:
    """Return the decoder of a connection and all its frames."""
    decoder = ConnectionDecoder(syn_seen=syn_seen, assumed=assumed)
    frames: list[Frame] = []
    for piece in pieces:
        if piece.data:
            frames += decoder.feed(piece.from_client, piece.data, piece.mark)
        else:
            frames += decoder.gap(piece.from_client, piece.mark, piece.lost_bytes or None)
    frames += decoder.close()
    return decoder, frames


def decoded(frames: list[Frame]) -> list[Frame]:
    """Return the frames that are decoded, those of the client first, so that the order between directions is out."""
    return [
        frame
        for from_client in (True, False)
        for frame in frames
        if frame.from_client is from_client and frame.kind is not FrameKind.UNDECODED
    ]


def unmarked(frames: list[Frame]) -> list[Frame]:
    """Return the frames without where they were."""
    return [frame._replace(first_mark=0, last_mark=0) for frame in frames]


def bytes_of(frames: list[Frame], negotiated: Negotiated | None, *, from_client: bool) -> bytes:
    """Return the bytes of one direction, encoded again from its frames, without compression."""
    return b"".join(encode_frame(frame, negotiated) for frame in frames if frame.from_client is from_client)
