"""A capture as Wireshark should show it: addresses with names, packets with comments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    Interface,
    NameResolution,
    Packet,
    PcapngEncoder,
    SectionStart,
)
from harness.report.flow import Flow
from harness.report.lanes import LaneKind
from harness.report.verdict import ReportVerdict

COMMENT_CHARACTERS_MAX = 1000
VERDICT_PACKETS_MAX = 50
"""On how many packets a verdict is noted; a claim about thousands of writes would cover the capture."""


def annotated_capture(
    chunks: Iterable[bytes], *, names: Sequence[NameResolution], comments: Mapping[int, Sequence[str]]
) -> Iterator[bytes]:
    """Write a capture again as pcapng, with names and comments; packets and their numbers stay as they are.

    Args:
        chunks: the capture, pcapng or pcap, in parts of any size.
        names: of addresses; written at the beginning of every section, as Wireshark reads from front to back.
        comments: by the number of the packet, from 1; those that a packet has already are not written twice.

    Raises:
        DecodeError: the bytes are no capture.
        EncodeError: they hold what pcapng cannot.
    """
    decoder = CaptureDecoder()
    writer = _Writer(names, comments)
    for chunk in chunks:
        yield b"".join(writer.write(event) for event in decoder.feed(chunk))
    yield b"".join(writer.write(event) for event in decoder.close())


def names_of(flow: Flow) -> tuple[NameResolution, ...]:
    """Names of all known nodes and of the clients."""
    return tuple(
        NameResolution(address=lane.address, names=(lane.name.replace(" ", "-"),))
        for lane in flow.lanes
        if lane.kind is not LaneKind.ADDRESS
    )


def comments_of(flow: Flow, verdicts: Iterable[ReportVerdict]) -> dict[int, tuple[str, ...]]:
    """Write statements on the packets where they begin, and verdicts on those that prove or refute them."""
    comments: dict[int, list[str]] = {}
    for heading in flow.headings:
        text = f"statement {heading.statement.number}, {heading.consistency}: {heading.text}"
        if heading.statement.error is not None:
            text = f"{text} ({heading.statement.error})"
        comments.setdefault(heading.statement.request_frame, []).append(_cut(text))
    index_by_number = flow.index_of()
    for verdict in verdicts:
        text = _cut(f"{verdict.outcome} {verdict.name}: {verdict.claim_line}")
        for number in verdict.message_numbers[:VERDICT_PACKETS_MAX]:
            index = index_by_number.get(number)
            if index is not None:
                noted = comments.setdefault(flow.arrows[index].message.frame_last, [])
                if text not in noted:
                    noted.append(text)
    return {frame: tuple(noted) for frame, noted in comments.items()}


def _cut(text: str) -> str:
    # Comments are UTF-8; half a character that came from the wire has no such form.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= COMMENT_CHARACTERS_MAX else f"{text[: COMMENT_CHARACTERS_MAX - 1]}…"


class _Writer:
    def __init__(self, names: Sequence[NameResolution], comments: Mapping[int, Sequence[str]]) -> None:
        self._names = tuple(names)
        self._comments = comments
        self._encoder = PcapngEncoder()
        self._has_section = False

    def write(self, event: CaptureEvent) -> bytes:
        match event:
            case SectionStart():
                return self._section(event)
            case Interface() if not self._has_section:
                # A classic pcap file has no sections.
                return self._section(SectionStart()) + self._encoder.encode(event)
            case NameResolution() if event in self._names:
                return b""
            case Packet():
                noted = self._comments.get(event.number, ())
                new = tuple(comment for comment in noted if comment not in event.comments)
                if new:
                    event = event._replace(comments=event.comments + new)
        return self._encoder.encode(event)

    def _section(self, section: SectionStart) -> bytes:
        self._has_section = True
        names = self._encoder.names(self._names) if self._names else b""
        return self._encoder.encode(section) + names
