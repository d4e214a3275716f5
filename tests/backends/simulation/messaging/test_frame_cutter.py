import pytest

from harness.backends.simulation.messaging.frame_cutter import FrameCutter
from harness.codec.rpc.negotiation import agree, offer
from harness.errors import DecodeError

# A server's answer, and CLIENT_ID of 10.0.0.1: as in the written protocol.
ANSWER = bytes.fromhex("5353544152525043 18000000 01000000 00000000 02000000 08000000 0100010000000000")
CLIENT_ID = bytes.fromhex(
    "0000000000000000 0000000000000000 0100000000000000 10000000 0100000a 02000000 0000100000000000"
)
CLIENT = bytes.fromhex("5353544152525043 08000000 01000000 00000000")


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_negotiation_and_then_requests_come_out_however_they_arrive(step: int) -> None:
    cutter = FrameCutter(from_client=True)
    data, frames, negotiation = CLIENT + CLIENT_ID * 2, [], None
    for start in range(0, len(data), step):
        cutter.feed(data[start : start + step])
        if negotiation is None:
            negotiation = cutter.negotiation()
            if negotiation is not None:
                cutter.use(agree(negotiation, negotiation))
        if negotiation is not None:
            frames += cutter.frames()
    assert negotiation == offer()
    assert [(frame.verb, frame.msg_id, frame.payload) for frame in frames] == [(0, 1, CLIENT_ID[28:])] * 2


def test_connection_id_of_the_server_is_told() -> None:
    cutter = FrameCutter(from_client=False)
    cutter.feed(ANSWER)
    negotiation = cutter.negotiation()
    assert negotiation is not None
    assert negotiation.connection_id == 0x10001


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"S?", b"SSTARRPC\xff\xff\xff\xff"])
def test_other_protocols_are_refused_at_once(data: bytes) -> None:
    cutter = FrameCutter(from_client=True)
    cutter.feed(data)
    with pytest.raises(DecodeError, match="SSTARRPC"):
        cutter.negotiation()


def test_what_cannot_be_a_frame_is_refused() -> None:
    cutter = FrameCutter(from_client=True)
    cutter.use(agree(offer(), offer()))
    cutter.feed(b"\xff" * 100)
    with pytest.raises(DecodeError):
        cutter.frames()
