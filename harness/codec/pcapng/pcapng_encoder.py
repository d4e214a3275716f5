"""Events in, bytes of a pcapng file out; the mirror of ``block_decoder``.

Source:
    draft-ietf-opsawg-pcapng-03, "General Block Structure" and the sections named like the blocks.
"""

import struct
from collections.abc import Iterable
from ipaddress import ip_address

from harness.codec.pcapng.block_decoder import (
    BYTE_ORDER_MAGIC,
    ENHANCED_PACKET,
    EPB_DROPCOUNT,
    IF_DESCRIPTION,
    IF_FILTER,
    IF_HARDWARE,
    IF_NAME,
    IF_OS,
    IF_TSOFFSET,
    IF_TSRESOL,
    INTERFACE_DESCRIPTION,
    INTERFACE_STATISTICS,
    ISB_ENDTIME,
    ISB_FILTERACCEPT,
    ISB_IFDROP,
    ISB_IFRECV,
    ISB_OSDROP,
    ISB_STARTTIME,
    ISB_USRDELIV,
    NAME_RESOLUTION,
    NRB_RECORD_END,
    NRB_RECORD_IPV4,
    NRB_RECORD_IPV6,
    SECTION_HEADER,
    SHB_HARDWARE,
    SHB_OS,
    SHB_USERAPPL,
)
from harness.codec.pcapng.byte_order import ByteOrder, struct_prefix
from harness.codec.pcapng.events import (
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    SectionStart,
)
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
from harness.codec.pcapng.options import OPT_COMMENT, encode_options, text_options
from harness.errors import EncodeError

_BLOCK_FRAME_BYTES = 12
_TICKS_MAX = 1 << 64


class PcapngEncoder:
    """Writes one pcapng file; each method returns bytes to append to it.

    A file begins with a section; packets and statistics follow the interface they name.

    Args:
        byte_order: of all sections.
    """

    __slots__ = ("_dropped", "_interfaces", "_order", "_packet_head", "_prefix", "_u32")

    def __init__(self, *, byte_order: ByteOrder = "little") -> None:
        self._order: ByteOrder = byte_order
        self._prefix = struct_prefix(byte_order)
        self._u32 = struct.Struct(self._prefix + "I")
        self._packet_head = struct.Struct(self._prefix + "7I")
        self._interfaces: list[Interface] = []
        self._dropped: dict[int, int] = {}

    def encode(self, event: CaptureEvent) -> bytes:
        """Return the bytes of any event, so that a decoded file can be written again event by event.

        Packets are numbered by the file that is written. DroppedPackets is kept for the next packet on its
        interface and gives nothing now; Truncated gives nothing.

        Raises:
            EncodeError: as the methods below.
        """
        match event:
            case Packet():
                return self.packet(
                    event.time_ns,
                    event.data,
                    interface=event.interface,
                    original_bytes=event.original_bytes,
                    comments=event.comments,
                    dropped=self._dropped.pop(event.interface, 0),
                )
            case SectionStart():
                return self.section(event)
            case Interface():
                return self.interface(event)
            case InterfaceStatistics():
                return self.statistics(event)
            case NameResolution():
                return self.names([event])
            case DroppedPackets():
                self._dropped[event.interface] = event.packet_count
                return b""
            case _:
                return b""

    def section(self, section: SectionStart | None = None) -> bytes:
        """Return a section header block; interfaces are numbered from 0 again.

        Raises:
            EncodeError: a text longer than 65,535 bytes.
        """
        section = section or SectionStart()
        self._interfaces = []
        self._dropped = {}
        options = text_options(
            (SHB_HARDWARE, section.hardware),
            (SHB_OS, section.os),
            (SHB_USERAPPL, section.application),
            comments=section.comments,
        )
        # -1: the length of the section is not known before it has ended.
        return self._block(SECTION_HEADER, self._pack("IHHq", BYTE_ORDER_MAGIC, 1, 0, -1), options)

    def interface(self, interface: Interface) -> bytes:
        """Return an interface description block.

        Raises:
            EncodeError: its number is not the next one; ticks that are no power of 10 or 2; a text too long.
        """
        if interface.number != len(self._interfaces):
            raise EncodeError(
                f"interface {interface.number} where {len(self._interfaces)} is the next number"
            )
        options = text_options(
            (IF_NAME, interface.name),
            (IF_DESCRIPTION, interface.description),
            (IF_HARDWARE, interface.hardware),
            (IF_OS, interface.os),
            comments=interface.comments,
        )
        options.append((IF_TSRESOL, bytes([_resolution_of(interface.ticks_per_second)])))
        if interface.offset_s:
            options.append((IF_TSOFFSET, self._pack("q", interface.offset_s)))
        if interface.capture_filter is not None:
            options.append((IF_FILTER, b"\x00" + interface.capture_filter.encode()))
        body = self._pack("HHI", interface.link_type, 0, interface.snap_length_bytes)
        block = self._block(INTERFACE_DESCRIPTION, body, options)
        self._interfaces.append(interface)
        return block

    def packet(
        self,
        time_ns: int,
        data: bytes,
        *,
        interface: int = 0,
        original_bytes: int | None = None,
        comments: tuple[str, ...] = (),
        dropped: int = 0,
    ) -> bytes:
        """Return an enhanced packet block.

        Args:
            time_ns: since 1970; between two ticks of the interface, the later one is written, so that a time
                which a decoder rounded down becomes the same tick again.
            data: what was captured.
            interface: its number within the section.
            original_bytes: size on the link; the size of data if None.
            comments: to be shown with the packet.
            dropped: packets lost since the previous one on this interface.

        Raises:
            EncodeError: no such interface; a time before its offset or behind its last tick; more than
                BLOCK_BYTES_MAX.
        """
        high, low = self._ticks(interface, time_ns)
        if original_bytes is None:
            original_bytes = len(data)
        options = [(OPT_COMMENT, comment.encode()) for comment in comments]
        if dropped:
            options.append((EPB_DROPCOUNT, self._pack("Q", dropped)))
        tail = bytes(-len(data) % 4) + encode_options(options, order=self._order)
        size = 32 + len(data) + len(tail)
        if size > BLOCK_BYTES_MAX:
            raise EncodeError(f"a block of {size} bytes; the limit is {BLOCK_BYTES_MAX}")
        try:
            head = self._packet_head.pack(
                ENHANCED_PACKET, size, interface, high, low, len(data), original_bytes
            )
        except struct.error as error:
            raise EncodeError(f"a packet of {original_bytes} bytes: {error}") from error
        return b"".join((head, data, tail, self._u32.pack(size)))

    def names(self, names: Iterable[NameResolution]) -> bytes:
        """Return one name resolution block.

        Raises:
            EncodeError: an address that is none; names too long for their record.
        """
        parts = []
        for resolution in names:
            try:
                address = ip_address(resolution.address).packed
            except ValueError as error:
                raise EncodeError(f"a name for {resolution.address!r}, which is no address") from error
            value = address + b"".join(name.encode() + b"\x00" for name in resolution.names)
            kind = NRB_RECORD_IPV4 if len(address) == 4 else NRB_RECORD_IPV6
            parts += [self._pack("HH", kind, len(value)), value, bytes(-len(value) % 4)]
        parts.append(self._pack("HH", NRB_RECORD_END, 0))
        return self._block(NAME_RESOLUTION, b"".join(parts), [])

    def statistics(self, statistics: InterfaceStatistics) -> bytes:
        """Return an interface statistics block.

        Raises:
            EncodeError: no such interface; a time or count that does not fit.
        """
        interface = statistics.interface
        options = text_options(comments=statistics.comments)
        for code, time_ns in (
            (ISB_STARTTIME, statistics.started_at_ns),
            (ISB_ENDTIME, statistics.ended_at_ns),
        ):
            if time_ns is not None:
                options.append((code, self._pack("II", *self._ticks(interface, time_ns))))
        for code, packet_count in (
            (ISB_IFRECV, statistics.received),
            (ISB_IFDROP, statistics.dropped),
            (ISB_FILTERACCEPT, statistics.filter_accepted),
            (ISB_OSDROP, statistics.os_dropped),
            (ISB_USRDELIV, statistics.delivered),
        ):
            if packet_count is not None:
                options.append((code, self._pack("Q", packet_count)))
        body = self._pack("III", interface, *self._ticks(interface, statistics.time_ns))
        return self._block(INTERFACE_STATISTICS, body, options)

    def _ticks(self, interface: int, time_ns: int) -> tuple[int, int]:
        """Return the high and the low half of a time stamp."""
        if not 0 <= interface < len(self._interfaces):
            raise EncodeError(f"interface {interface} where {len(self._interfaces)} are described")
        described = self._interfaces[interface]
        since_offset_ns = time_ns - described.offset_s * 1_000_000_000
        ticks = -(-since_offset_ns * described.ticks_per_second // 1_000_000_000)
        if not 0 <= ticks < _TICKS_MAX:
            raise EncodeError(f"time {time_ns} ns is {ticks} ticks of interface {interface}")
        return ticks >> 32, ticks & 0xFFFFFFFF

    def _block(self, kind: int, body: bytes, options: list[tuple[int, bytes]]) -> bytes:
        body += encode_options(options, order=self._order)
        size = _BLOCK_FRAME_BYTES + len(body)
        if size > BLOCK_BYTES_MAX:
            raise EncodeError(f"a block of {size} bytes; the limit is {BLOCK_BYTES_MAX}")
        return b"".join((self._pack("II", kind, size), body, self._pack("I", size)))

    def _pack(self, form: str, *values: int) -> bytes:
        try:
            return struct.pack(self._prefix + form, *values)
        except struct.error as error:
            raise EncodeError(f"{values} in a pcapng block: {error}") from error


def _resolution_of(ticks_per_second: int) -> int:
    """Return if_tsresol: the power of 10, or that of 2 with the top bit set."""
    if ticks_per_second > 0:
        if ticks_per_second & (ticks_per_second - 1) == 0:
            power = ticks_per_second.bit_length() - 1
            if power < 0x80:
                return power | 0x80
        else:
            power = len(str(ticks_per_second)) - 1
            if power < 0x80 and 10**power == ticks_per_second:
                return power
    raise EncodeError(f"{ticks_per_second} ticks in a second, which is no power of 10 or 2 below the 128th")
