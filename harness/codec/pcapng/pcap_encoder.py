"""Packets in, bytes of a classic pcap file out; the mirror of ``record_decoder``.

Source:
    draft-ietf-opsawg-pcap-04, sections "File Header" and "Packet Record".
"""

import struct

from harness.codec.pcapng.byte_order import ByteOrder, struct_prefix
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
from harness.codec.pcapng.record_decoder import PCAP_MAGICS
from harness.errors import EncodeError

_VERSION = (2, 4)


class PcapEncoder:
    """Writes one classic pcap file; each method returns bytes to append to it.

    Args:
        link_type: of all packets.
        nanoseconds: resolution of times; microseconds if False, to which times are rounded down.
        snap_length_bytes: as announced in the header; packets are not cut to it.
        byte_order: of the numbers in the headers.
    """

    __slots__ = ("_link_type", "_magic", "_prefix", "_record", "_snap_length_bytes", "_tick_ns")

    def __init__(
        self,
        *,
        link_type: int = 1,
        nanoseconds: bool = True,
        snap_length_bytes: int = 262_144,
        byte_order: ByteOrder = "little",
    ) -> None:
        ticks_per_second = 1_000_000_000 if nanoseconds else 1_000_000
        form = (byte_order, ticks_per_second)
        self._magic = next(magic for magic, found in PCAP_MAGICS.items() if found == form)
        self._prefix = struct_prefix(byte_order)
        self._record = struct.Struct(self._prefix + "4I")
        self._tick_ns = 1_000_000_000 // ticks_per_second
        self._link_type = link_type
        self._snap_length_bytes = snap_length_bytes

    def header(self) -> bytes:
        """Return the file header.

        Raises:
            EncodeError: a link type or snap length that does not fit.
        """
        if not 0 <= self._link_type <= 0xFFFF:
            raise EncodeError(f"link type {self._link_type}; pcap holds 16 bits of it")
        try:
            return self._magic + struct.pack(
                self._prefix + "HH8xII", *_VERSION, self._snap_length_bytes, self._link_type
            )
        except struct.error as error:
            raise EncodeError(f"snap length {self._snap_length_bytes}: {error}") from error

    def packet(self, time_ns: int, data: bytes, *, original_bytes: int | None = None) -> bytes:
        """Return a packet record.

        Args:
            time_ns: since 1970.
            data: what was captured.
            original_bytes: size on the link; the size of data if None.

        Raises:
            EncodeError: a time before 1970 or after 2106; more than BLOCK_BYTES_MAX.
        """
        if len(data) > BLOCK_BYTES_MAX:
            raise EncodeError(f"a packet of {len(data)} bytes; the limit is {BLOCK_BYTES_MAX}")
        seconds, rest_ns = divmod(time_ns, 1_000_000_000)
        if original_bytes is None:
            original_bytes = len(data)
        try:
            return self._record.pack(seconds, rest_ns // self._tick_ns, len(data), original_bytes) + data
        except struct.error as error:
            raise EncodeError(f"a packet of {original_bytes} bytes at {time_ns} ns: {error}") from error
