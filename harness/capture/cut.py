"""A part of a capture as a capture of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    DroppedPackets,
    Packet,
    PcapngEncoder,
    SectionStart,
    Truncated,
)
from harness.errors import CaptureError, DecodeError, EncodeError

_CHUNK_BYTES = 1 << 20


def cut(
    source: Path,
    target: Path,
    *,
    from_ns: int,
    to_ns: int,
    comment: str = "",
    keep: Callable[[Packet], bool] | None = None,
) -> int:
    """Write those packets of a capture that were captured in a span of time; return how many.

    Interfaces, names of addresses and comments are kept. So are the counters of lost packets, though they are those
    of the whole capture: it is not known when it lost them. The source may be one that is still being recorded.

    Args:
        source: pcapng or classic pcap; pcapng is written either way.
        target: is overwritten; its folder is made. Not the source.
        from_ns: first time, since 1970.
        to_ns: last time.
        comment: said about the whole of the target, besides where it was cut from.
        keep: asked for each packet outside the span whether it is wanted too, such as the beginning of a
            connection, without which the rest cannot be decoded.

    Raises:
        CaptureError: the source cannot be read, or the target cannot be written; what was written is removed.
        ValueError: source and target are the same file.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise ValueError(f"{source} cannot be cut into itself")
    about = f"cut from {source.name}: {from_ns} ns to {to_ns} ns since 1970"
    pruner = _Pruner(from_ns, to_ns, keep, tuple(text for text in (about, comment) if text))
    decoder = CaptureDecoder()
    is_begun = False
    try:
        with source.open("rb") as reader:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as writer:
                is_begun = True
                while chunk := reader.read(_CHUNK_BYTES):
                    writer.write(pruner.encode(decoder.feed(chunk)))
                writer.write(pruner.encode(decoder.close()))
    except (OSError, DecodeError, EncodeError) as error:
        if is_begun:
            target.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaptureError(f"cannot cut {source} into {target}: {reason}") from error
    return pruner.packet_count


class _Pruner:
    """Encodes the events that stay."""

    def __init__(
        self, from_ns: int, to_ns: int, keep: Callable[[Packet], bool] | None, comments: tuple[str, ...]
    ) -> None:
        self._from_ns = from_ns
        self._to_ns = to_ns
        self._keep = keep
        self._comments = comments
        self._encoder = PcapngEncoder()
        self._has_section = False
        self._dropped: DroppedPackets | None = None
        self.packet_count = 0

    def encode(self, events: list[CaptureEvent]) -> bytes:
        return b"".join(map(self._encoded, events))

    def _encoded(self, event: CaptureEvent) -> bytes:
        if isinstance(event, Packet):
            dropped, self._dropped = self._dropped, None
            is_inside = self._from_ns <= event.time_ns <= self._to_ns
            if not is_inside and (self._keep is None or not self._keep(event)):
                return b""
            self.packet_count += 1
            if dropped is not None:
                self._encoder.encode(dropped)
        elif isinstance(event, DroppedPackets):
            # Said with the packet behind the loss, if that packet stays.
            self._dropped = event
            return b""
        elif isinstance(event, SectionStart):
            event = replace(event, comments=(*event.comments, *self._comments))
            self._has_section = True
        elif isinstance(event, Truncated):
            # A capture that is still being recorded ends anywhere.
            return b""
        elif not self._has_section:
            # A classic pcap file begins with its interface.
            return self._encoded(SectionStart()) + self._encoder.encode(event)
        return self._encoder.encode(event)
