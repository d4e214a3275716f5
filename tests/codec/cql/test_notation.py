from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.notation import (
    UNSET,
    Endpoint,
    read_address,
    read_bytes,
    read_bytes_map,
    read_endpoint,
    read_long_string,
    read_short_bytes,
    read_string,
    read_string_list,
    read_string_map,
    read_string_multimap,
    read_uuid,
    read_value,
    write_address,
    write_bytes,
    write_bytes_map,
    write_endpoint,
    write_long_string,
    write_short_bytes,
    write_string,
    write_string_list,
    write_string_map,
    write_string_multimap,
    write_value,
)
from harness.errors import DecodeError, EncodeError, TruncatedError


def _reader(text: str) -> ByteReader:
    return ByteReader(bytes.fromhex(text), layer="cql")


def test_strings_have_two_or_four_bytes_of_length() -> None:
    assert read_string(_reader("0003 c5bc61")) == "ża"
    assert read_long_string(_reader("00000001 61")) == "a"
    assert read_string_list(_reader("0002 0001 61 0000")) == ("a", "")


def test_null_is_not_the_same_as_unset_or_empty() -> None:
    assert read_bytes(_reader("ffffffff")) is None
    assert read_bytes(_reader("00000000")) == b""
    assert read_value(_reader("ffffffff")) is None
    assert read_value(_reader("fffffffe")) is UNSET
    assert read_value(_reader("00000001 07")) == b"\x07"
    assert read_short_bytes(_reader("0001 07")) == b"\x07"


def test_maps_keep_the_order_of_the_wire() -> None:
    assert read_string_map(_reader("0002 0001 62 0001 31 0001 61 0000")) == (("b", "1"), ("a", ""))
    assert read_string_multimap(_reader("0001 0001 61 0001 0001 62")) == (("a", ("b",)),)
    assert read_bytes_map(_reader("0002 0001 61 ffffffff 0001 62 00000001 07")) == (
        ("a", None),
        ("b", b"\x07"),
    )


def test_addresses_have_four_or_sixteen_bytes() -> None:
    assert read_address(_reader("04 0a010203")) == IPv4Address("10.1.2.3")
    assert read_address(_reader("10" + "00" * 15 + "01")) == IPv6Address("::1")
    assert read_endpoint(_reader("04 0a010203 00002352")) == Endpoint(IPv4Address("10.1.2.3"), 9042)
    assert read_uuid(_reader("00112233445566778899aabbccddeeff")) == UUID(
        "00112233-4455-6677-8899-aabbccddeeff"
    )


def test_what_is_read_is_written_back() -> None:
    writer = ByteWriter()
    write_string(writer, "ża")
    write_long_string(writer, "a")
    write_string_list(writer, ("a", ""))
    write_string_map(writer, (("b", "1"),))
    write_string_multimap(writer, (("a", ("b",)),))
    write_bytes_map(writer, (("a", None),))
    write_short_bytes(writer, b"\x07")
    write_bytes(writer, b"\x08")
    for value in (UNSET, None, b"\x09"):
        write_value(writer, value)
    write_address(writer, IPv6Address("::1"))
    write_endpoint(writer, Endpoint(IPv4Address("10.1.2.3"), 9042))
    assert writer.getvalue() == bytes.fromhex(
        "0003c5bc61 0000000161 0002000161 0000 0001 0001 62 0001 31 0001 0001 61 0001 0001 62"
        "0001 0001 61 ffffffff 0001 07 00000001 08 fffffffe ffffffff 00000001 09"
        "10" + "00" * 15 + "01" + "040a01020300002352"
    )


@pytest.mark.parametrize("text", ["0002 c561", "0001 ff"])
def test_string_that_is_not_utf_8_is_refused(text: str) -> None:
    with pytest.raises(DecodeError, match="UTF-8"):
        read_string(_reader(text))


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(DecodeError):
        read_value(_reader("fffffffd"))
    with pytest.raises(DecodeError):
        read_long_string(_reader("ffffffff"))
    with pytest.raises(DecodeError):
        read_address(_reader("05 0a01020304"))
    with pytest.raises(TruncatedError):
        read_bytes(_reader("7fffffff 00"))


def test_strings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncodeError):
        write_string(ByteWriter(), "x" * 65_536)
    with pytest.raises(EncodeError):
        write_string(ByteWriter(), "\ud800")
