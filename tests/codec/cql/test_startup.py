import pytest

from harness.codec.cql.compression import Compression
from harness.codec.cql.startup import startup_compression
from tests.codec.cql.real_frames import STARTUP


def test_startup_of_the_stock_driver_asks_for_no_compression() -> None:
    assert startup_compression(STARTUP[9:]) is Compression.NONE


@pytest.mark.parametrize(("name", "expected"), [("lz4", Compression.LZ4), ("Snappy", Compression.SNAPPY)])
def test_compression_is_read_whatever_its_case(name: str, expected: Compression) -> None:
    value = name.encode()
    body = b"\x00\x01\x00\x0bCOMPRESSION" + len(value).to_bytes(2, "big") + value
    assert startup_compression(body) is expected


@pytest.mark.parametrize("body", [b"", b"\x00\x01\x00\x0bCOMPRESSION\x00\x04zstd", b"\x00\x02\x00\x00"])
def test_unreadable_or_unknown_is_not_known(body: bytes) -> None:
    assert startup_compression(body) is None
