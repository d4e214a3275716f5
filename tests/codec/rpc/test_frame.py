"""Frames to bytes; the decoding side is tested with the readers."""

import pytest

from harness.codec.rpc.frame import Frame, FrameKind, encode_frame, undecoded
from harness.codec.rpc.headers import DURATION_UNKNOWN
from harness.codec.rpc.negotiation import Negotiated
from harness.errors import EncodeError
from tests.codec.rpc.examples import CLIENT_4_2, CLIENT_ID_4_2, EXCEPTION_HELLO

PLAIN = Negotiated(has_timeout=True, has_duration=False, compression=None, is_stream=False)
MODERN = Negotiated(has_timeout=True, has_duration=True, compression=None, is_stream=False)
UNTIMED = Negotiated(has_timeout=False, has_duration=False, compression=None, is_stream=False)


def frame(
    kind: FrameKind,
    *,
    verb: int | None = None,
    msg_id: int | None = None,
    timeout_ms: int | None = None,
    duration_us: int | None = None,
    payload: bytes = b"",
) -> Frame:
    return Frame(kind, 1, 1, verb, msg_id, timeout_ms, duration_us, payload, "", None, True)


def test_request_has_28_bytes_before_its_payload() -> None:
    payload = bytes.fromhex("0100000a020000000000100000000000")
    request = frame(FrameKind.REQUEST, verb=0, msg_id=1, timeout_ms=0, payload=payload)
    assert encode_frame(request, PLAIN) == CLIENT_ID_4_2


def test_request_without_negotiated_timeout_has_20_bytes() -> None:
    request = frame(FrameKind.REQUEST, verb=5, msg_id=2, payload=b"x")
    assert encode_frame(request, UNTIMED).hex() == "050000000000000002000000000000000100000078"


def test_reply_has_its_duration_only_where_negotiated() -> None:
    reply = frame(FrameKind.REPLY, msg_id=3, duration_us=7, payload=b"ab")
    assert encode_frame(reply, PLAIN).hex() == "0300000000000000020000006162"
    assert encode_frame(reply, MODERN).hex() == "030000000000000002000000070000006162"
    unknown = reply._replace(duration_us=DURATION_UNKNOWN)
    assert encode_frame(unknown, MODERN).hex() == "030000000000000002000000ffffffff6162"


def test_exception_is_a_reply_with_negative_msg_id() -> None:
    payload = bytes.fromhex("000000000500000068656c6c6f")
    assert encode_frame(frame(FrameKind.EXCEPTION, msg_id=9, payload=payload), PLAIN) == EXCEPTION_HELLO


def test_stream_frames_have_a_length_and_the_end_has_none() -> None:
    assert encode_frame(frame(FrameKind.STREAM_DATA, payload=b"\x06")).hex() == "0100000006"
    assert encode_frame(frame(FrameKind.STREAM_END)).hex() == "ffffffff"


def test_negotiation_keeps_its_records() -> None:
    assert encode_frame(frame(FrameKind.NEGOTIATION, payload=CLIENT_4_2[12:])) == CLIENT_4_2


def test_undecoded_bytes_stay_as_they_were() -> None:
    kept = undecoded(b"\x01\x02", "why", first_mark=1, last_mark=2, from_client=False)
    assert encode_frame(kept) == b"\x01\x02"
    assert encode_frame(frame(FrameKind.WRAPPER)) == b""


@pytest.mark.parametrize(
    ("impossible", "negotiated"),
    [
        (frame(FrameKind.REQUEST, verb=1, msg_id=1, timeout_ms=0), None),
        (frame(FrameKind.REQUEST, verb=1, msg_id=0, timeout_ms=0), PLAIN),
        (frame(FrameKind.REQUEST, verb=1, msg_id=None, timeout_ms=0), PLAIN),
        (frame(FrameKind.REQUEST, verb=None, msg_id=1, timeout_ms=0), PLAIN),
        (frame(FrameKind.REQUEST, verb=1, msg_id=1), PLAIN),
        (frame(FrameKind.REQUEST, verb=1 << 64, msg_id=1, timeout_ms=0), PLAIN),
        (frame(FrameKind.REPLY, msg_id=1 << 63), PLAIN),
        (frame(FrameKind.REPLY, msg_id=1), MODERN),
    ],
)
def test_frame_that_cannot_exist_is_refused(impossible: Frame, negotiated: Negotiated | None) -> None:
    with pytest.raises(EncodeError):
        encode_frame(impossible, negotiated)
