"""Constants of each type, on the row that holds one of each in a real cluster."""

from datetime import datetime

import pytest

from harness.backends.simulation.cql.constants import constant_bytes, duration_of, milliseconds_of
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.terms import Constant, ConstantKind
from harness.codec.cql.errors import ErrorCode
from harness.codec.cql.types import ListType, ScalarType
from harness.codec.cql.values import Duration

S, N, W = ConstantKind.STRING, ConstantKind.NUMBER, ConstantKind.WORD


@pytest.mark.parametrize(
    ("kind", "text", "scalar", "expected"),
    [
        (S, "ascii", ScalarType.ASCII, "6173636969"),
        (N, "-9000000000", ScalarType.BIGINT, "fffffffde78ee600"),
        (ConstantKind.BLOB, "0x0001ff", ScalarType.BLOB, "0001ff"),
        (W, "true", ScalarType.BOOLEAN, "01"),
        (S, "2020-03-30", ScalarType.DATE, "800047af"),
        (N, "3.14159", ScalarType.DECIMAL, "0000000504cb2f"),
        (N, "2.5", ScalarType.DOUBLE, "4004000000000000"),
        (ConstantKind.DURATION, "1h30m", ScalarType.DURATION, "0000fc09d29229e000"),
        (N, "1.5", ScalarType.FLOAT, "3fc00000"),
        (S, "10.1.2.3", ScalarType.INET, "0a010203"),
        (N, "-7", ScalarType.INT, "fffffff9"),
        (N, "300", ScalarType.SMALLINT, "012c"),
        (N, "-5", ScalarType.TINYINT, "fb"),
        (S, "żółw", ScalarType.TEXT, "c5bcc3b3c58277"),
        (S, "13:30:54.234", ScalarType.TIME, "00002c4032559a80"),
        (S, "2020-03-30 12:00:00+0000", ScalarType.TIMESTAMP, "000001712b501200"),
        (
            ConstantKind.UUID,
            "50554d6e-29bb-11e5-b345-feff819cdc9f",
            ScalarType.TIMEUUID,
            "50554d6e29bb11e5b345feff819cdc9f",
        ),
    ],
)
def test_constants_have_the_bytes_of_a_real_cluster(
    kind: ConstantKind, text: str, scalar: ScalarType, expected: str
) -> None:
    """Cells of capture types_and_large."""
    assert constant_bytes(Constant(kind, text), scalar, "c") == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("kind", "text", "scalar", "expected"),
    [
        (N, "1585569600000", ScalarType.TIMESTAMP, "000001712b501200"),
        (N, "2147483648", ScalarType.DATE, "80000000"),
        (N, "1", ScalarType.TIME, "0000000000000001"),
        (S, "1585569600000", ScalarType.TIMESTAMP, "000001712b501200"),
        (N, "7", ScalarType.DOUBLE, "401c000000000000"),
        (N, "7", ScalarType.DECIMAL, "0000000007"),
        (W, "nan", ScalarType.DOUBLE, "7ff8000000000000"),
        (W, "-infinity", ScalarType.FLOAT, "ff800000"),
        (N, "128", ScalarType.VARINT, "0080"),
        (S, "::1", ScalarType.INET, "00000000000000000000000000000001"),
    ],
)
def test_numbers_and_words_are_taken_where_they_make_sense(
    kind: ConstantKind, text: str, scalar: ScalarType, expected: str
) -> None:
    assert constant_bytes(Constant(kind, text), scalar, "c") == bytes.fromhex(expected)


def test_null_is_of_every_type() -> None:
    assert constant_bytes(Constant(W, "NULL"), ListType(ScalarType.INT), "c") is None


@pytest.mark.parametrize(
    ("kind", "text", "scalar", "shown"),
    [
        (S, "x", ScalarType.INT, "Invalid STRING constant (x)"),
        (N, "1", ScalarType.TEXT, "Invalid INTEGER constant (1)"),
        (N, "1.5", ScalarType.INT, "Invalid FLOAT constant (1.5)"),
        (N, "2147483648", ScalarType.INT, "Invalid INTEGER constant (2147483648)"),
        (W, "true", ScalarType.INT, "Invalid BOOLEAN constant (true)"),
        (S, "2020-13-01", ScalarType.DATE, "Invalid STRING constant (2020-13-01)"),
        (S, "25:00:00", ScalarType.TIME, "Invalid STRING constant (25:00:00)"),
        (S, "yesterday", ScalarType.TIMESTAMP, "Invalid STRING constant (yesterday)"),
        (S, "ż", ScalarType.ASCII, "Invalid STRING constant (ż)"),
        (ConstantKind.BLOB, "0xabc", ScalarType.BLOB, "Invalid HEX constant (0xabc)"),
        (
            ConstantKind.UUID,
            "11111111-2222-3333-4444-555555555555",
            ScalarType.TIMEUUID,
            "Invalid UUID constant",
        ),
        (W, "word", ScalarType.TEXT, "Invalid identifier constant (word)"),
        (N, "9" * 5000, ScalarType.VARINT, "Invalid INTEGER constant"),
    ],
)
def test_constant_of_another_type_is_refused(
    kind: ConstantKind, text: str, scalar: ScalarType, shown: str
) -> None:
    with pytest.raises(RequestError) as error:
        constant_bytes(Constant(kind, text), scalar, "col")
    assert error.value.code == ErrorCode.INVALID
    assert error.value.text.startswith(shown)
    assert f'for "col" of type {scalar}' in error.value.text


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2020-03-30", "2020-03-30T00:00:00"),
        ("2020-03-30T12:30", "2020-03-30T12:30:00"),
        ("2020-03-30 12:30:15.125", "2020-03-30T12:30:15.125"),
        ("2020-03-30 12:30:15+0200", "2020-03-30T10:30:15"),
        ("2020-03-30T12:30:15Z", "2020-03-30T12:30:15"),
    ],
)
def test_timestamps_are_read_in_their_forms(text: str, iso: str) -> None:
    expected = (datetime.fromisoformat(f"{iso}+00:00")).timestamp() * 1000
    assert milliseconds_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1y2mo3w4d", Duration(14, 25, 0)),
        ("-1h1m1s1ms1us1ns", Duration(0, 0, -3_661_001_001_001)),
        ("P1Y2M3DT4H5M6S", Duration(14, 3, 14_706 * 10**9)),
        ("P2W", Duration(0, 14, 0)),
        ("P0001-02-03T04:05:06", Duration(14, 3, 14_706 * 10**9)),
    ],
)
def test_durations_are_read_in_their_forms(text: str, expected: Duration) -> None:
    assert duration_of(text) == expected


@pytest.mark.parametrize("text", ["", "1x", "1h 30m", "h"])
def test_broken_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        duration_of(text)
