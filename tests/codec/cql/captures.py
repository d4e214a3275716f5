"""The bytes of CQL connections in captures of real clusters."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.codec.pcapng.capture_decoder import CaptureDecoder
from harness.codec.pcapng.events import Packet
from harness.codec.tcp import ByteRun, ByteStream, decode_segment, endpoints_of, reversed_flow

_PORT = 9042


class CqlBytes(NamedTuple):
    """Bytes of one direction of a connection, in order."""

    connection: bytes
    """The flow key of the client's direction."""

    from_client: bool
    syn_seen: bool
    data: bytes
    packet: int


def captures(reference: Path) -> list[Path]:
    """All captures, sorted by name."""
    return sorted(reference.rglob("*.pcapng"))


def cql_bytes(path: Path) -> Iterator[CqlBytes]:
    """Give the bytes of all CQL connections of a capture, which has to be complete."""
    streams: dict[bytes, ByteStream] = {}
    for event in CaptureDecoder().feed(path.read_bytes()):
        if not isinstance(event, Packet):
            continue
        segment = decode_segment(event.link_type, event.data)
        if segment is None:
            continue
        source, destination = endpoints_of(segment.flow_key)
        if _PORT not in (source.port, destination.port):
            continue
        from_client = destination.port == _PORT
        stream = streams.setdefault(segment.flow_key, ByteStream())
        runs = stream.feed(
            segment.sequence, segment.flags, segment.payload, event.number, segment.missing_bytes
        )
        for run in runs:
            assert isinstance(run, ByteRun), f"{path}: bytes are missing before packet {run.mark}"
            yield CqlBytes(
                segment.flow_key if from_client else reversed_flow(segment.flow_key),
                from_client,
                stream.syn_seen,
                run.data,
                run.mark,
            )
