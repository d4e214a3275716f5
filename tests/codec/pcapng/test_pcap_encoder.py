from pathlib import Path

import pytest

from harness.codec.pcapng import Packet, PcapEncoder
from harness.codec.pcapng.byte_order import ByteOrder
from harness.codec.pcapng.limits import BLOCK_BYTES_MAX
from harness.errors import EncodeError
from tests.codec.pcapng.captures import decoded
from tests.codec.pcapng.test_record_decoder import BIG, LITTLE


@pytest.mark.parametrize(
    ("capture", "nanoseconds", "byte_order"),
    [
        ("d4c3b2a1" + LITTLE, False, "little"),
        ("a1b2c3d4" + BIG, False, "big"),
        ("4d3cb2a1" + LITTLE, True, "little"),
        ("a1b23c4d" + BIG, True, "big"),
    ],
)
def test_all_four_forms_are_written_as_by_hand(
    capture: str, nanoseconds: bool, byte_order: ByteOrder
) -> None:
    encoder = PcapEncoder(nanoseconds=nanoseconds, byte_order=byte_order)
    time_ns = 5_000_000_006 if nanoseconds else 5_000_006_999
    assert encoder.header() + encoder.packet(time_ns, b"abc", original_bytes=9) == bytes.fromhex(capture)


def test_what_cannot_be_written_is_refused() -> None:
    encoder = PcapEncoder()
    with pytest.raises(EncodeError, match="at -1 ns"):
        encoder.packet(-1, b"")
    with pytest.raises(EncodeError, match="bytes at"):
        encoder.packet((1 << 32) * 10**9, b"")
    with pytest.raises(EncodeError, match="the limit is"):
        encoder.packet(0, bytes(BLOCK_BYTES_MAX + 1))
    with pytest.raises(EncodeError, match="link type 65536"):
        PcapEncoder(link_type=0x10000).header()
    with pytest.raises(EncodeError, match="snap length -1"):
        PcapEncoder(snap_length_bytes=-1).header()


@pytest.mark.reference
def test_packets_of_a_real_cluster_decode_to_the_same(reference: Path) -> None:
    data = (reference / "scylla-4.2" / "base" / "truncate.pcapng").read_bytes()
    packets = [event for event in decoded(data) if isinstance(event, Packet)]
    encoder = PcapEncoder()
    records = [encoder.packet(one.time_ns, one.data, original_bytes=one.original_bytes) for one in packets]
    assert decoded(encoder.header() + b"".join(records))[1:] == packets
