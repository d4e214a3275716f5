import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.codec.rpc.exception_data import (
    ExceptionData,
    ExceptionType,
    decode_exception,
    encode_exception,
)
from harness.errors import DecodeError, EncodeError, HarnessError, TruncatedError
from tests.codec.rpc.examples import EXCEPTION_HELLO

EXAMPLES = [
    (EXCEPTION_HELLO[12:], ExceptionData(exception_type=ExceptionType.USER, text="hello")),
    (
        bytes.fromhex("01000000 08000000 5d00000000000000"),
        ExceptionData(exception_type=ExceptionType.UNKNOWN_VERB, verb=93),
    ),
    (bytes.fromhex("07000000 02000000 6162"), ExceptionData(exception_type=7, data=b"ab")),
    (bytes.fromhex("00000000 00000000"), ExceptionData(exception_type=ExceptionType.USER, text="")),
    # Text that is no UTF-8 comes back as it was.
    (bytes.fromhex("00000000 01000000 ff"), ExceptionData(exception_type=0, text="\udcff")),
]


@pytest.mark.parametrize(("payload", "exception"), EXAMPLES)
def test_exception_is_decoded_and_goes_back(payload: bytes, exception: ExceptionData) -> None:
    assert decode_exception(payload) == exception
    assert encode_exception(exception) == payload


@pytest.mark.parametrize(("payload", "exception"), EXAMPLES)
def test_exception_of_another_length_is_refused(payload: bytes, exception: ExceptionData) -> None:
    for size in range(len(payload)):
        with pytest.raises(TruncatedError):
            decode_exception(payload[:size])
    with pytest.raises(DecodeError):
        decode_exception(payload + b"x")


def test_unknown_verb_has_eight_bytes() -> None:
    with pytest.raises(DecodeError):
        decode_exception(bytes.fromhex("01000000 04000000 5d000000"))


@pytest.mark.parametrize(
    "exception",
    [
        ExceptionData(exception_type=ExceptionType.USER),
        ExceptionData(exception_type=ExceptionType.UNKNOWN_VERB),
        ExceptionData(exception_type=ExceptionType.UNKNOWN_VERB, verb=-1),
        ExceptionData(exception_type=ExceptionType.USER, text="\ud800"),
        ExceptionData(exception_type=1 << 32),
    ],
)
def test_exception_that_cannot_exist_is_refused(exception: ExceptionData) -> None:
    with pytest.raises(EncodeError):
        encode_exception(exception)


@given(st.binary(max_size=40))
def test_garbage_raises_nothing_but_harness_errors(payload: bytes) -> None:
    try:
        exception = decode_exception(payload)
    except HarnessError:
        return
    assert encode_exception(exception) == payload
