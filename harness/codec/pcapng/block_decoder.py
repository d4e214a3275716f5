"""pcapng: sections of blocks.

Block: type u32, total length u32, body, total length u32 again; all in the byte order of the section.

Source:
    draft-ietf-opsawg-pcapng-03, "General Block Structure" and the sections named like the blocks;
    "Packet Block (obsolete!)" in its appendix.
"""

import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import NamedTuple, NoReturn

from harness.codec.pcapng.byte_order import ByteOrder, struct_prefix
from harness.codec.pcapng.events import (
    CaptureEvent,
    DroppedPackets,
    Interface,
    InterfaceStatistics,
    NameResolution,
    Packet,
    PacketRow,
    SectionStart,
)
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX, INTERFACES_MAX
from harness.codec.pcapng.options import comments_of, decode_options, decode_text, text_option
from harness.errors import DecodeError

SECTION_HEADER_MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDER_MAGIC = 0x1A2B3C4D

INTERFACE_DESCRIPTION = 1
PACKET = 2
SIMPLE_PACKET = 3
NAME_RESOLUTION = 4
INTERFACE_STATISTICS = 5
ENHANCED_PACKET = 6
SECTION_HEADER = 0x0A0D0D0A

BLOCK_NAMES = {
    INTERFACE_DESCRIPTION: "an interface description block",
    PACKET: "an obsolete packet block",
    SIMPLE_PACKET: "a simple packet block",
    NAME_RESOLUTION: "a name resolution block",
    INTERFACE_STATISTICS: "an interface statistics block",
    ENHANCED_PACKET: "an enhanced packet block",
    SECTION_HEADER: "a section header block",
}

SHB_HARDWARE, SHB_OS, SHB_USERAPPL = 2, 3, 4
IF_NAME, IF_DESCRIPTION, IF_TSRESOL, IF_FILTER, IF_OS, IF_TSOFFSET, IF_HARDWARE = 2, 3, 9, 11, 12, 14, 15
EPB_DROPCOUNT = 4
ISB_STARTTIME, ISB_ENDTIME, ISB_IFRECV, ISB_IFDROP, ISB_FILTERACCEPT, ISB_OSDROP, ISB_USRDELIV = range(2, 9)
NRB_RECORD_END, NRB_RECORD_IPV4, NRB_RECORD_IPV6 = 0, 1, 2

MIN_BLOCK_BYTES = 12
_ENHANCED_MIN_BYTES = 32
_UNKNOWN_DROPS = 0xFFFF


class _Clock(NamedTuple):
    """What turns ticks of one interface into nanoseconds, and what else its packets need."""

    link_type: int
    tick_ns: int
    """Nanoseconds in a tick; 0 where that is not a whole number."""

    offset_ns: int
    ticks_per_second: int
    snap_length_bytes: int

    def time_ns(self, high: int, low: int) -> int:
        ticks: int = high << 32 | low
        return ticks * 1_000_000_000 // self.ticks_per_second + self.offset_ns


class _Section:
    """The structs of one byte order, and the interfaces described so far."""

    __slots__ = ("clocks", "order", "prefix", "u16_pair", "u32", "u32_pair")

    def __init__(self, order: ByteOrder) -> None:
        self.order = order
        self.prefix = struct_prefix(order)
        self.u16_pair = struct.Struct(self.prefix + "HH").unpack_from
        self.u32 = struct.Struct(self.prefix + "I").unpack_from
        self.u32_pair = struct.Struct(self.prefix + "II").unpack_from
        self.clocks: list[_Clock] = []


class BlockDecoder:
    """Decodes a pcapng file from buffers that hold whole blocks."""

    __slots__ = ("_handlers", "_offset_bytes", "_packet_count", "_rows", "_section", "needed_bytes")

    def __init__(self) -> None:
        self._section = _Section("little")
        self._packet_count = 0
        self._rows: list[PacketRow] | None = None
        self._offset_bytes = 0
        self.needed_bytes = MIN_BLOCK_BYTES
        self._handlers: dict[int, Callable[[bytes, int, int, list[CaptureEvent]], None]] = {
            SECTION_HEADER: self._section_header,
            INTERFACE_DESCRIPTION: self._interface_description,
            PACKET: self._obsolete_packet,
            SIMPLE_PACKET: self._simple_packet,
            NAME_RESOLUTION: self._name_resolution,
            INTERFACE_STATISTICS: self._interface_statistics,
            ENHANCED_PACKET: self._enhanced_packet,
        }

    def decode(
        self,
        data: bytes,
        position: int,
        events: list[CaptureEvent],
        rows: list[PacketRow] | None,
        *,
        offset_bytes: int,
    ) -> int:
        """Append the events of all complete blocks; return where the first incomplete one begins.

        Args:
            data: a part of the file.
            position: in data, where a block begins.
            events: to append to.
            rows: takes the packets instead; None: they are events like all else.
            offset_bytes: of data within the file.

        Raises:
            DecodeError: a block that cannot be; what came before it was appended.
        """
        self._offset_bytes = offset_bytes
        end = len(data)
        self._rows = rows
        append = events.append
        append_row = None if rows is None else rows.append
        # Saves two thirds of the cost of Packet(...), which goes through a function written in Python.
        new = tuple.__new__
        while True:
            section = self._section
            # Interface and the high half of the time are the same for minutes; as one number, they take one comparison.
            head = struct.Struct(section.prefix + "IIQIII").unpack_from
            u32 = section.u32
            u32_pair = section.u32_pair
            clocks = section.clocks
            interface_count = len(clocks)
            number = self._packet_count
            last_start = end - _ENHANCED_MIN_BYTES
            known_interface_and_high = -1
            link_type = tick_ns = base_ns = 0
            # Nearly every block is an enhanced packet without options. The loop takes those alone; whatever
            # looks different in any way falls through to the careful path below, which knows the reasons.
            while position <= last_start:
                kind, size, interface_and_high, low, captured, original = head(data, position)
                following = position + size
                if (
                    kind != ENHANCED_PACKET
                    # 32 bytes around the data, which are padded to a multiple of 4.
                    or size != captured + 35 & -4
                    or following > end
                    or size > BLOCK_BYTES_MAX
                    or u32(data, following - 4)[0] != size
                ):
                    break
                if interface_and_high != known_interface_and_high:
                    interface, high = u32_pair(data, position + 8)
                    if interface >= interface_count:
                        break
                    link_type, tick_ns, offset_ns, _, _ = clocks[interface]
                    if not tick_ns:
                        break
                    base_ns = (high << 32) * tick_ns + offset_ns
                    known_interface_and_high = interface_and_high
                number += 1
                start = position + 28
                time_ns = base_ns + low * tick_ns
                packet_data = data[start : start + captured]
                if append_row is None:
                    append(new(Packet, (number, time_ns, link_type, packet_data, original, interface, ())))
                else:
                    append_row((number, time_ns, link_type, packet_data))
                position = following
            self._packet_count = number
            size = self._next_block_bytes(data, position)
            if size > end - position:
                self.needed_bytes = size
                return position
            self._block(data, position, size, events)
            position += size

    def incomplete(self, data: bytes) -> str:
        """Say what the bytes of an incomplete block are."""
        if len(data) < 8:
            return f"{len(data)} bytes of the head of a block"
        kind, size = self._section.u32_pair(data, 0)
        name = BLOCK_NAMES.get(kind, f"a block of type {kind}")
        if kind == SECTION_HEADER and len(data) < MIN_BLOCK_BYTES:
            return f"{len(data)} bytes of {name}"
        if kind == SECTION_HEADER:
            size = self.needed_bytes
        return f"{len(data)} bytes of {name} of {size}"

    def _next_block_bytes(self, data: bytes, position: int) -> int:
        """Return the size of the block that begins here, or what is needed to know it."""
        if len(data) - position < MIN_BLOCK_BYTES:
            return MIN_BLOCK_BYTES
        size: int
        kind, size = self._section.u32_pair(data, position)
        if kind == SECTION_HEADER:
            order = self._byte_order(data, position)
            size = int.from_bytes(data[position + 4 : position + 8], order)
        if size < MIN_BLOCK_BYTES or size % 4:
            self._fail(f"a block of {size} bytes; it takes 12 at least, and a multiple of 4", position)
        if size > BLOCK_BYTES_MAX:
            self._fail(f"a block of {size} bytes; the limit is {BLOCK_BYTES_MAX}", position)
        return size

    def _byte_order(self, data: bytes, position: int) -> ByteOrder:
        magic = data[position + 8 : position + 12]
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
            return "little"
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "big"):
            return "big"
        return self._fail(f"byte-order magic {magic.hex(' ')} in a section header", position + 8)

    def _block(self, data: bytes, position: int, size: int, events: list[CaptureEvent]) -> None:
        kind, _ = self._section.u32_pair(data, position)
        # A section header may be in another order than the section before it; the copy is compared as bytes.
        if data[position + size - 4 : position + size] != data[position + 4 : position + 8]:
            self._fail(f"the length at the end of a block differs from the {size} at its start", position)
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(data, position + 8, position + size - 4, events)

    def _section_header(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: byte-order magic u32, major u16, minor u16, section length i64, options."""
        self._need(16, start, end, SECTION_HEADER)
        section = _Section(self._byte_order(data, start - 8))
        major, minor = section.u16_pair(data, start + 4)
        if major != 1:
            self._fail(f"pcapng version {major}.{minor}; only 1 is known", start + 4)
        self._section = section
        options = self._options(data, start + 16, end)
        events.append(
            SectionStart(
                comments=comments_of(options),
                hardware=text_option(options, SHB_HARDWARE),
                os=text_option(options, SHB_OS),
                application=text_option(options, SHB_USERAPPL),
            )
        )

    def _interface_description(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: link type u16, reserved u16, snap length u32, options."""
        self._need(8, start, end, INTERFACE_DESCRIPTION)
        section = self._section
        number = len(section.clocks)
        if number >= INTERFACES_MAX:
            self._fail(f"more than {INTERFACES_MAX} interfaces in a section", start)
        link_type = section.u16_pair(data, start)[0]
        snap_length_bytes = section.u32(data, start + 4)[0]
        options = self._options(data, start + 8, end)
        ticks_per_second = 1_000_000
        offset_s = 0
        capture_filter = None
        for code, value in options:
            if code == IF_TSRESOL:
                self._need_size(code, value, 1, start)
                # The top bit says whether the rest is a power of 2 or of 10.
                ticks_per_second = 1 << (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == IF_TSOFFSET:
                self._need_size(code, value, 8, start)
                offset_s = int.from_bytes(value, section.order, signed=True)
            elif code == IF_FILTER and value[:1] == b"\x00":
                capture_filter = decode_text(value[1:])
        tick_ns = 0 if 1_000_000_000 % ticks_per_second else 1_000_000_000 // ticks_per_second
        section.clocks.append(
            _Clock(link_type, tick_ns, offset_s * 1_000_000_000, ticks_per_second, snap_length_bytes)
        )
        events.append(
            Interface(
                number=number,
                link_type=link_type,
                snap_length_bytes=snap_length_bytes,
                ticks_per_second=ticks_per_second,
                offset_s=offset_s,
                name=text_option(options, IF_NAME),
                description=text_option(options, IF_DESCRIPTION),
                capture_filter=capture_filter,
                hardware=text_option(options, IF_HARDWARE),
                os=text_option(options, IF_OS),
                comments=comments_of(options),
            )
        )

    def _enhanced_packet(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: interface u32, time high u32, low u32, captured u32, original u32, data, padding, options."""
        self._need(20, start, end, ENHANCED_PACKET)
        section = self._section
        interface = section.u32(data, start)[0]
        high, low = section.u32_pair(data, start + 4)
        clock = self._clock(interface, start)
        data_end, options = self._packet_data(data, start + 12, end)
        dropped = 0
        for code, value in options:
            if code == EPB_DROPCOUNT:
                self._need_size(code, value, 8, start)
                dropped = int.from_bytes(value, section.order)
        self._packet(
            Packet(
                self._packet_count + 1,
                clock.time_ns(high, low),
                clock.link_type,
                data[start + 20 : data_end],
                section.u32(data, start + 16)[0],
                interface,
                comments_of(options),
            ),
            dropped,
            events,
        )

    def _obsolete_packet(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: interface u16, drops u16 (0xffff: unknown), then as an enhanced packet from its time on."""
        self._need(20, start, end, PACKET)
        section = self._section
        interface, drops = section.u16_pair(data, start)
        high, low = section.u32_pair(data, start + 4)
        clock = self._clock(interface, start)
        data_end, options = self._packet_data(data, start + 12, end)
        self._packet(
            Packet(
                self._packet_count + 1,
                clock.time_ns(high, low),
                clock.link_type,
                data[start + 20 : data_end],
                section.u32(data, start + 16)[0],
                interface,
                comments_of(options),
            ),
            0 if drops == _UNKNOWN_DROPS else drops,
            events,
        )

    def _simple_packet(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: original u32, data, padding; interface 0, its snap length, no time, no options."""
        self._need(4, start, end, SIMPLE_PACKET)
        clock = self._clock(0, start)
        original = self._section.u32(data, start)[0]
        captured = min(original, clock.snap_length_bytes) if clock.snap_length_bytes else original
        if captured > end - start - 4:
            self._fail(
                f"a simple packet of {captured} bytes in a block with room for {end - start - 4}", start
            )
        packet_data = data[start + 4 : start + 4 + captured]
        self._packet(
            Packet(self._packet_count + 1, 0, clock.link_type, packet_data, original, 0, ()), 0, events
        )

    def _packet_data(self, data: bytes, start: int, end: int) -> tuple[int, list[tuple[int, bytes]]]:
        """From the captured length on: return where the packet's data end, and the options after them."""
        captured = self._section.u32(data, start)[0]
        if captured > end - start - 8:
            self._fail(f"a packet of {captured} bytes in a block with room for {end - start - 8}", start)
        data_end = start + 8 + captured
        return data_end, self._options(data, start + 8 + (captured + 3 & ~3), end)

    def _packet(self, packet: Packet, dropped: int, events: list[CaptureEvent]) -> None:
        self._packet_count = packet.number
        if dropped:
            events.append(
                DroppedPackets(interface=packet.interface, packet_count=dropped, before_packet=packet.number)
            )
        if self._rows is None:
            events.append(packet)
        else:
            self._rows.append(packet[:4])

    def _interface_statistics(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: interface u32, time high u32, low u32, options."""
        self._need(12, start, end, INTERFACE_STATISTICS)
        section = self._section
        interface = section.u32(data, start)[0]
        clock = self._clock(interface, start)
        options = self._options(data, start + 12, end)
        counts: dict[int, int] = {}
        times: dict[int, int] = {}
        for code, value in options:
            if ISB_IFRECV <= code <= ISB_USRDELIV:
                self._need_size(code, value, 8, start)
                counts[code] = int.from_bytes(value, section.order)
            elif code in (ISB_STARTTIME, ISB_ENDTIME):
                self._need_size(code, value, 8, start)
                times[code] = clock.time_ns(*section.u32_pair(value, 0))
        events.append(
            InterfaceStatistics(
                interface=interface,
                time_ns=clock.time_ns(*section.u32_pair(data, start + 4)),
                received=counts.get(ISB_IFRECV),
                dropped=counts.get(ISB_IFDROP),
                filter_accepted=counts.get(ISB_FILTERACCEPT),
                os_dropped=counts.get(ISB_OSDROP),
                delivered=counts.get(ISB_USRDELIV),
                started_at_ns=times.get(ISB_STARTTIME),
                ended_at_ns=times.get(ISB_ENDTIME),
                comments=comments_of(options),
            )
        )

    def _name_resolution(self, data: bytes, start: int, end: int, events: list[CaptureEvent]) -> None:
        """Wire: records of type u16, length u16, address and zero-terminated names, padding; options."""
        position = start
        while end - position >= 4:
            kind, size = self._section.u16_pair(data, position)
            if kind == NRB_RECORD_END:
                break
            body = position + 4
            if size > end - body:
                self._fail(f"a name record of {size} bytes where {end - body} are left", position)
            address_bytes = {NRB_RECORD_IPV4: 4, NRB_RECORD_IPV6: 16}.get(kind)
            if address_bytes is not None:
                if size < address_bytes:
                    self._fail(f"a name record of {size} bytes, less than its address", position)
                address = str(ip_address(data[body : body + address_bytes]))
                names = data[body + address_bytes : body + size].split(b"\x00")
                events.append(
                    NameResolution(address=address, names=tuple(decode_text(name) for name in names if name))
                )
            position = body + (size + 3 & ~3)

    def _options(self, data: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
        return decode_options(data, start, end, order=self._section.order, offset_bytes=self._offset_bytes)

    def _clock(self, interface: int, position: int) -> _Clock:
        clocks = self._section.clocks
        if interface >= len(clocks):
            self._fail(f"interface {interface} where {len(clocks)} are described", position)
        return clocks[interface]

    def _need(self, size_bytes: int, start: int, end: int, kind: int) -> None:
        if end - start < size_bytes:
            self._fail(
                f"{BLOCK_NAMES[kind]} with a body of {end - start} bytes; it takes {size_bytes}", start
            )

    def _need_size(self, code: int, value: bytes, size_bytes: int, position: int) -> None:
        if len(value) != size_bytes:
            self._fail(f"option {code} of {len(value)} bytes; it takes {size_bytes}", position)

    def _fail(self, what: str, position: int) -> NoReturn:
        raise DecodeError(what, layer="pcapng", offset_bytes=self._offset_bytes + position)
