"""Classic pcap: a file header, then records of one link type.

Header: magic u32, major u16, minor u16, reserved u32, reserved u32, snap length u32, link type u32.
Record: seconds u32, microseconds or nanoseconds u32, captured u32, original u32, data.

Source:
    draft-ietf-opsawg-pcap-04, sections "File Header" and "Packet Record".
"""

import struct

from harness.codec.pcapng.byte_order import ByteOrder, struct_prefix
from harness.codec.pcapng.events import CaptureEvent, Interface, Packet, PacketRow
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
from harness.errors import DecodeError

PCAP_MAGICS: dict[bytes, tuple[ByteOrder, int]] = {
    b"\xd4\xc3\xb2\xa1": ("little", 1_000_000),
    b"\xa1\xb2\xc3\xd4": ("big", 1_000_000),
    b"\x4d\x3c\xb2\xa1": ("little", 1_000_000_000),
    b"\xa1\xb2\x3c\x4d": ("big", 1_000_000_000),
}
"""The first four bytes of a file -> byte order and ticks in a second."""

FILE_HEADER_BYTES = 24
RECORD_HEADER_BYTES = 16


class RecordDecoder:
    """Decodes a classic pcap file whose magic number is already known.

    Args:
        magic: a key of PCAP_MAGICS.
    """

    __slots__ = ("_link_type", "_packet_count", "_prefix", "_ticks_per_second", "needed_bytes")

    def __init__(self, magic: bytes) -> None:
        order, self._ticks_per_second = PCAP_MAGICS[magic]
        self._prefix = struct_prefix(order)
        self._link_type: int | None = None
        self._packet_count = 0
        self.needed_bytes = FILE_HEADER_BYTES

    def decode(
        self,
        data: bytes,
        position: int,
        events: list[CaptureEvent],
        rows: list[PacketRow] | None,
        *,
        offset_bytes: int,
    ) -> int:
        """Append the events of all complete records; return where the first incomplete one begins.

        Args:
            data: a part of the file.
            position: in data, where the file header or a record begins.
            events: to append to.
            rows: takes the packets instead; None: they are events like all else.
            offset_bytes: of data within the file.

        Raises:
            DecodeError: another version than 2; a record longer than BLOCK_BYTES_MAX.
        """
        end = len(data)
        if self._link_type is None:
            if end - position < FILE_HEADER_BYTES:
                return position
            events.append(self._file_header(data, position))
            position += FILE_HEADER_BYTES
        link_type = self._link_type
        assert link_type is not None
        head = struct.Struct(self._prefix + "4I").unpack_from
        tick_ns = 1_000_000_000 // self._ticks_per_second
        number = self._packet_count
        append = events.append
        # Saves two thirds of the cost of Packet(...), which goes through a function written in Python.
        new = tuple.__new__
        self.needed_bytes = RECORD_HEADER_BYTES
        while end - position >= RECORD_HEADER_BYTES:
            seconds, ticks, captured, original = head(data, position)
            if captured > BLOCK_BYTES_MAX:
                raise DecodeError(
                    f"a packet of {captured} bytes; the limit is {BLOCK_BYTES_MAX}",
                    layer="pcapng",
                    offset_bytes=offset_bytes + position,
                )
            start = position + RECORD_HEADER_BYTES
            if captured > end - start:
                self.needed_bytes = RECORD_HEADER_BYTES + captured
                break
            position = start + captured
            number += 1
            time_ns = seconds * 1_000_000_000 + ticks * tick_ns
            if rows is None:
                append(new(Packet, (number, time_ns, link_type, data[start:position], original, 0, ())))
            else:
                rows.append((number, time_ns, link_type, data[start:position]))
        self._packet_count = number
        return position

    def _file_header(self, data: bytes, position: int) -> Interface:
        major, minor, snap_length_bytes, link_type = struct.unpack_from(
            self._prefix + "4xHH8xII", data, position
        )
        if major != 2:
            raise DecodeError(
                f"pcap version {major}.{minor}; only 2 is known", layer="pcapng", offset_bytes=4
            )
        # The upper half says whether packets end in a frame check sequence; their link type is the lower.
        self._link_type = link_type & 0xFFFF
        return Interface(
            number=0,
            link_type=self._link_type,
            snap_length_bytes=snap_length_bytes,
            ticks_per_second=self._ticks_per_second,
        )

    def incomplete(self, data: bytes) -> str:
        """Say what the bytes of an incomplete record are."""
        if self._link_type is None:
            return f"{len(data)} bytes of a file header of {FILE_HEADER_BYTES}"
        return f"{len(data)} bytes of a packet record of at least {self.needed_bytes}"
