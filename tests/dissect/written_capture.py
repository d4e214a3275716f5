"""Captures written by hand: one TCP connection, its segments given as hex."""

from dataclasses import dataclass, field
from pathlib import Path

from harness.codec.pcapng.pcap_encoder import PcapEncoder
from harness.codec.tcp.segment import ACK, PSH, SYN, Endpoint, Segment, encode_segment, flow_key_of

CLIENT = Endpoint("10.0.0.1", 50000)
SERVER = Endpoint("10.0.0.2", 7000)
_START_NS = 1_700_000_000_000_000_000
_STEP_NS = 10_000_000

# Negotiations: magic, length of the records, records (id u32, length u32, data).
OFFER = "5353544152525043 08000000 01000000 00000000"
"""TIMEOUT, as of 4.2."""
ANSWER = "5353544152525043 18000000 01000000 00000000 02000000 08000000 0100010000000000"
"""TIMEOUT and CONNECTION_ID."""
OFFER_DURATION = "5353544152525043 10000000 01000000 00000000 05000000 00000000"
ANSWER_DURATION = (
    "5353544152525043 20000000 01000000 00000000 02000000 08000000 0100010000000000 05000000 00000000"
)


def request(verb: int, msg_id: int, payload: str = "", *, timeout_ms: int | None = 0) -> str:
    """A request: [timeout u64], verb u64, msg_id i64, length u32, payload."""
    data = bytes.fromhex(payload)
    head = b"" if timeout_ms is None else timeout_ms.to_bytes(8, "little")
    head += verb.to_bytes(8, "little") + msg_id.to_bytes(8, "little", signed=True)
    return (head + len(data).to_bytes(4, "little") + data).hex()


def reply(msg_id: int, payload: str = "", *, duration_us: int | None = None) -> str:
    """A reply: msg_id i64, length u32, [duration u32], payload."""
    data = bytes.fromhex(payload)
    head = msg_id.to_bytes(8, "little", signed=True) + len(data).to_bytes(4, "little")
    if duration_us is not None:
        head += duration_us.to_bytes(4, "little")
    return (head + data).hex()


@dataclass
class WrittenCapture:
    """One connection; each call of ``up`` and ``down`` is one packet."""

    client: Endpoint = CLIENT
    server: Endpoint = SERVER
    has_syn: bool = True
    packets: list[tuple[bytes, int | None]] = field(default_factory=list)
    """Data of each, and how much of it is captured; None: all."""

    def __post_init__(self) -> None:
        self._next = {True: 1000, False: 5000}
        if self.has_syn:
            self._add(True, 999, SYN, b"", None)
            self._add(False, 4999, SYN | ACK, b"", None)

    def up(self, *payload: str, captured_bytes: int | None = None) -> "WrittenCapture":
        """The client sends one segment."""
        return self._send(True, payload, captured_bytes)

    def down(self, *payload: str, captured_bytes: int | None = None) -> "WrittenCapture":
        """The server sends one segment."""
        return self._send(False, payload, captured_bytes)

    def lose(self, *payload: str, from_client: bool) -> "WrittenCapture":
        """One segment is sent that the capture does not have."""
        self._next[from_client] += len(_octets(payload))
        return self

    def swap(self) -> "WrittenCapture":
        """The last two packets come the other way round."""
        self.packets[-2:] = reversed(self.packets[-2:])
        return self

    def write(self, folder: Path, *, name: str = "written.pcap") -> Path:
        """Write the file."""
        encoder = PcapEncoder()
        parts = [encoder.header()]
        for number, (data, captured_bytes) in enumerate(self.packets):
            parts.append(
                encoder.packet(_START_NS + number * _STEP_NS, data[:captured_bytes], original_bytes=len(data))
            )
        path = folder / name
        path.write_bytes(b"".join(parts))
        return path

    def _send(
        self, from_client: bool, payload: tuple[str, ...], captured_bytes: int | None
    ) -> "WrittenCapture":
        data = _octets(payload)
        self._add(from_client, self._next[from_client], ACK | PSH, data, captured_bytes)
        self._next[from_client] += len(data)
        return self

    def _add(
        self, from_client: bool, sequence: int, flags: int, data: bytes, captured_bytes: int | None
    ) -> None:
        ends = (self.client, self.server) if from_client else (self.server, self.client)
        acknowledgement = self._next[not from_client]
        packet = encode_segment(Segment(flow_key_of(*ends), sequence, acknowledgement, flags, data, 0))
        if captured_bytes is not None:
            captured_bytes += len(packet) - len(data)
        self.packets.append((packet, captured_bytes))


def _octets(payload: tuple[str, ...]) -> bytes:
    return b"".join(map(bytes.fromhex, payload))
