import struct
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from cassandra import cqltypes, util
from cassandra.marshal import vints_pack
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.cql.scalars import (
    Duration,
    TimeOfDay,
    decode_scalar,
    decode_unsigned_vint,
    encode_scalar,
    encode_unsigned_vint,
)
from harness.codec.cql.types import ScalarType
from harness.errors import DecodeError, EncodeError

VERSION = 5


@pytest.mark.parametrize(
    ("scalar", "text", "value"),
    [
        (ScalarType.VARINT, "00", 0),
        (ScalarType.VARINT, "01", 1),
        (ScalarType.VARINT, "7f", 127),
        (ScalarType.VARINT, "0080", 128),
        (ScalarType.VARINT, "0081", 129),
        (ScalarType.VARINT, "ff", -1),
        (ScalarType.VARINT, "80", -128),
        (ScalarType.VARINT, "ff7f", -129),
        (ScalarType.INT, "fffffff9", -7),
        (ScalarType.BIGINT, "0000000000000001", 1),
        (ScalarType.COUNTER, "ffffffffffffffff", -1),
        (ScalarType.SMALLINT, "012c", 300),
        (ScalarType.TINYINT, "fb", -5),
        (ScalarType.BOOLEAN, "01", True),
        (ScalarType.BOOLEAN, "00", False),
        (ScalarType.FLOAT, "3fc00000", 1.5),
        (ScalarType.DOUBLE, "4004000000000000", 2.5),
        (ScalarType.DECIMAL, "0000000504cb2f", Decimal("3.14159")),
        (ScalarType.DECIMAL, "ffffffff01", Decimal("1E+1")),
        (ScalarType.TEXT, "c5bc", "ż"),
        (ScalarType.TEXT, "", ""),
        (ScalarType.ASCII, "61", "a"),
        (ScalarType.BLOB, "0001ff", b"\x00\x01\xff"),
        (ScalarType.DATE, "80000000", date(1970, 1, 1)),
        (ScalarType.DATE, "00000000", -(2**31)),
        (ScalarType.TIME, "0000000000000001", TimeOfDay(1)),
        (ScalarType.TIMESTAMP, "0000000000000000", datetime(1970, 1, 1)),  # noqa: DTZ001 - as the driver's
        (ScalarType.TIMESTAMP, "7fffffffffffffff", 2**63 - 1),
        (ScalarType.INET, "0a010203", IPv4Address("10.1.2.3")),
        (ScalarType.INET, "00" * 15 + "01", IPv6Address("::1")),
        (ScalarType.UUID, "11111111222233334444555555555555", UUID("11111111-2222-3333-4444-555555555555")),
        (ScalarType.DURATION, "020406", Duration(1, 2, 3)),
        (ScalarType.DURATION, "010305", Duration(-1, -2, -3)),
    ],
)
def test_values_stand_so_on_the_wire(scalar: ScalarType, text: str, value: object) -> None:
    data = bytes.fromhex(text)
    assert decode_scalar(scalar, data) == value
    assert encode_scalar(scalar, value) == data


@pytest.mark.parametrize(
    ("value", "text"), [(0, "00"), (127, "7f"), (128, "8080"), (256_000, "c3e800"), (2**64 - 1, "ff" * 9)]
)
def test_vints_stand_so_on_the_wire(value: int, text: str) -> None:
    assert encode_unsigned_vint(value).hex() == text
    assert decode_unsigned_vint(bytes.fromhex(text), 0) == (value, len(text) // 2)


@given(value=st.integers(0, 2**64 - 1))
def test_vints_come_back(value: int) -> None:
    data = encode_unsigned_vint(value)
    assert decode_unsigned_vint(data + b"\x00", 0) == (value, len(data))


I64 = st.integers(-(2**63), 2**63 - 1)
I32 = st.integers(-(2**31), 2**31 - 1)


@given(value=st.integers())
def test_varints_are_those_of_the_stock_driver(value: int) -> None:
    data = cqltypes.IntegerType.serialize(value, VERSION)
    assert encode_scalar(ScalarType.VARINT, value) == data
    assert decode_scalar(ScalarType.VARINT, data) == value


@given(unscaled=st.integers(), scale=st.integers(-5000, 5000))
def test_decimals_are_those_of_the_stock_driver(unscaled: int, scale: int) -> None:
    data = struct.pack(">i", scale) + cqltypes.IntegerType.serialize(unscaled, VERSION)
    value = decode_scalar(ScalarType.DECIMAL, data)
    assert isinstance(value, Decimal)
    assert value == cqltypes.DecimalType.deserialize(data, VERSION)
    assert encode_scalar(ScalarType.DECIMAL, value) == cqltypes.DecimalType.serialize(value, VERSION) == data


@given(value=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)))  # noqa: DTZ001 - as the driver's
def test_timestamps_are_those_of_the_stock_driver(value: datetime) -> None:
    value = value.replace(microsecond=value.microsecond // 1000 * 1000)
    data = cqltypes.DateType.serialize(value, VERSION)
    assert encode_scalar(ScalarType.TIMESTAMP, value) == data
    assert decode_scalar(ScalarType.TIMESTAMP, data) == value == cqltypes.DateType.deserialize(data, VERSION)


def test_timestamp_with_a_zone_is_the_same_moment() -> None:
    value = datetime(2020, 3, 30, 14, tzinfo=timezone(timedelta(hours=2)))
    data = encode_scalar(ScalarType.TIMESTAMP, value)
    assert data == encode_scalar(ScalarType.TIMESTAMP, value.astimezone(UTC))
    assert decode_scalar(ScalarType.TIMESTAMP, data) == datetime(2020, 3, 30, 12)  # noqa: DTZ001 - as the driver's


@given(value=st.dates())
def test_dates_are_those_of_the_stock_driver(value: date) -> None:
    data = cqltypes.SimpleDateType.serialize(value, VERSION)
    assert encode_scalar(ScalarType.DATE, value) == data
    assert decode_scalar(ScalarType.DATE, data) == value


@given(value=st.integers(0, 86_399_999_999_999))
def test_times_are_those_of_the_stock_driver(value: int) -> None:
    data = cqltypes.TimeType.serialize(util.Time(value), VERSION)
    assert encode_scalar(ScalarType.TIME, TimeOfDay(value)) == data
    assert decode_scalar(ScalarType.TIME, data) == TimeOfDay(value)
    assert str(TimeOfDay(value)) == str(util.Time(value))


@given(months=I32, days=I32, nanoseconds=I64)
def test_durations_are_those_of_the_stock_driver(months: int, days: int, nanoseconds: int) -> None:
    data = vints_pack([months, days, nanoseconds])
    value = Duration(months, days, nanoseconds)
    assert encode_scalar(ScalarType.DURATION, value) == data
    assert decode_scalar(ScalarType.DURATION, data) == value


@given(value=st.ip_addresses())
def test_addresses_are_those_of_the_stock_driver(value: IPv4Address | IPv6Address) -> None:
    data = cqltypes.InetAddressType.serialize(str(value), VERSION)
    assert encode_scalar(ScalarType.INET, value) == encode_scalar(ScalarType.INET, str(value)) == data
    assert decode_scalar(ScalarType.INET, data) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Duration(0, 0, 5_400_000_000_000), "1h30m"),
        (Duration(14, 3, 1), "1y2mo3d1ns"),
        (Duration(-1, 0, -1_002_003_004), "-1mo1s2ms3us4ns"),
        (Duration(0, 0, 0), "0s"),
    ],
)
def test_durations_are_shown_as_cql_writes_them(value: Duration, text: str) -> None:
    assert str(value) == text


@pytest.mark.parametrize(
    ("scalar", "text"),
    [
        (ScalarType.INT, "00"),
        (ScalarType.BIGINT, "00000000"),
        (ScalarType.BOOLEAN, "0000"),
        (ScalarType.ASCII, "80"),
        (ScalarType.TEXT, "c5"),
        (ScalarType.DECIMAL, "0000"),
        (ScalarType.TIME, "ffffffffffffffff"),
        (ScalarType.TIME, "00004e94914f0000"),
        (ScalarType.INET, "0a0102"),
        (ScalarType.UUID, "00"),
        (ScalarType.DATE, "00"),
        (ScalarType.TIMESTAMP, "00"),
        (ScalarType.DURATION, "0204"),
        (ScalarType.DURATION, "02040600"),
        (ScalarType.DURATION, "ff"),
        (ScalarType.EMPTY, "00"),
    ],
)
def test_bytes_of_the_wrong_form_are_refused(scalar: ScalarType, text: str) -> None:
    with pytest.raises(DecodeError):
        decode_scalar(scalar, bytes.fromhex(text))


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        (ScalarType.INT, 2**31),
        (ScalarType.INT, "1"),
        (ScalarType.FLOAT, "1"),
        (ScalarType.FLOAT, 1e300),
        (ScalarType.BOOLEAN, 1),
        (ScalarType.TEXT, b"a"),
        (ScalarType.TEXT, "\ud800"),
        (ScalarType.ASCII, "ż"),
        (ScalarType.ASCII, 1),
        (ScalarType.BLOB, "a"),
        (ScalarType.VARINT, 1.5),
        (ScalarType.DECIMAL, Decimal("NaN")),
        (ScalarType.DECIMAL, "1"),
        (ScalarType.TIMESTAMP, "now"),
        (ScalarType.DATE, 2**31),
        (ScalarType.DATE, "today"),
        (ScalarType.TIME, -1),
        (ScalarType.UUID, "no"),
        (ScalarType.INET, "no"),
        (ScalarType.INET, 1),
        (ScalarType.DURATION, Duration(2**31, 0, 0)),
        (ScalarType.DURATION, 1),
        (ScalarType.EMPTY, 1),
    ],
)
def test_values_of_another_type_are_refused(scalar: ScalarType, value: object) -> None:
    with pytest.raises(EncodeError):
        encode_scalar(scalar, value)
