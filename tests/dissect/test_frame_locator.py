"""Our messages are looked up in the packets: a message that does not stand there is not located."""

import lz4.block
import pytest

from harness.codec.rpc.negotiation import Negotiated
from harness.dissect.byte_window import ByteWindow
from harness.dissect.frame_locator import FrameLocator, chain_leads_to, header_of
from harness.events.message import Kind, Message
from tests.dissect.messages import message
from tests.dissect.written_capture import request


def window(*packets: bytes) -> ByteWindow:
    made = ByteWindow()
    for number, payload in enumerate(packets):
        made.add(made.end, payload, frame=number + 1, time_ns=0)
    return made


def octets(*texts: str) -> bytes:
    return b"".join(map(bytes.fromhex, texts))


def asked(msg_id: int, *, frames: tuple[int, int] = (1, 1), payload: bytes = b"") -> Message:
    return message(Kind.REQUEST, verb=22, msg_id=msg_id, timeout_ms=0, frames=frames, payload=payload)


@pytest.mark.parametrize(
    ("of", "header"),
    [
        (
            message(Kind.REQUEST, verb=1, msg_id=1030, timeout_ms=2000, payload=bytes(373)),
            "d007000000000000 0100000000000000 0604000000000000 75010000",
        ),
        (
            message(Kind.ONE_WAY, verb=0, msg_id=1, payload=bytes(16)),
            "0000000000000000 0100000000000000 10000000",
        ),
        (message(Kind.REPLY, msg_id=5, payload=b"\x01"), "0500000000000000 01000000"),
        (message(Kind.REPLY, msg_id=5, duration_us=7), "0500000000000000 00000000 07000000"),
        (message(Kind.EXCEPTION, msg_id=9, payload=bytes(13)), "f7ffffffffffffff 0d000000"),
        (message(Kind.NEGOTIATION, payload=bytes(8)), "5353544152525043 08000000"),
        (message(Kind.STREAM_DATA, payload=b"\x01"), "01000000"),
        (message(Kind.STREAM_END), "ffffffff"),
    ],
)
def test_headers_are_those_of_the_protocol(of: Message, header: str) -> None:
    assert header_of(of) == bytes.fromhex(header)


def test_bytes_that_are_no_message_have_no_header() -> None:
    assert header_of(message(Kind.UNDECODED, payload=b"abc")) is None


def test_messages_stand_one_behind_the_other() -> None:
    locator = FrameLocator(window(octets(request(22, 1), request(22, 2, "aabb")), octets(request(22, 3))))
    first = locator.locate(asked(1))
    second = locator.locate(asked(2, payload=b"\xaa\xbb"))
    third = locator.locate(asked(3, frames=(2, 2)))
    assert first is not None
    assert second is not None
    assert third is not None
    assert [(each.start, each.end, each.offset_bytes) for each in (first, second, third)] == [
        (0, 28, 0),
        (28, 58, 28),
        (58, 86, 0),
    ]
    assert second.head[:28] == bytes.fromhex(request(22, 2, "aabb"))[:28]


@pytest.mark.parametrize(
    "wrong",
    [
        asked(4),
        asked(1, payload=b"\xaa"),
        asked(1, frames=(1, 2)),
        message(Kind.REQUEST, verb=22, msg_id=1, timeout_ms=5),
        message(Kind.REPLY, msg_id=7),
    ],
)
def test_a_message_that_does_not_stand_there_is_not_located(wrong: Message) -> None:
    assert FrameLocator(window(octets(request(22, 1)), b"\x00")).locate(wrong) is None


def test_behind_a_loss_the_packet_that_we_name_is_searched() -> None:
    made = window(octets(request(22, 1)))
    made.add(100, octets("deadbeef", request(22, 5)), frame=2, time_ns=0)
    locator = FrameLocator(made)
    assert locator.locate(asked(1)) is not None
    found = locator.locate(asked(5, frames=(2, 2)))
    assert found is not None
    assert (found.start, found.end, found.offset_bytes) == (104, 132, 4)


def wrapped(frame: bytes) -> bytes:
    """LZ4: length of what follows, size of the frame, one block."""
    block: bytes = lz4.block.compress(frame, store_size=False)
    return (len(block) + 4).to_bytes(4, "little") + len(frame).to_bytes(4, "little") + block


def test_a_compressed_message_is_located_by_what_is_inside() -> None:
    negotiated = Negotiated(has_timeout=True, has_duration=False, compression="LZ4", is_stream=False)
    frame = octets(request(22, 1))
    empty = wrapped(b"")
    of = asked(1)._replace(connection=asked(1).connection._replace(negotiated=negotiated))
    locator = FrameLocator(window(empty + wrapped(frame)))
    found = locator.locate(of)
    assert found is not None
    assert (found.reach, found.start) == (0, len(empty))
    assert found.end == len(empty) + len(wrapped(frame))
    assert FrameLocator(window(wrapped(frame))).locate(of._replace(msg_id=2)) is None


def test_lengths_that_lead_to_our_next_message_are_a_chain() -> None:
    made = window(octets(request(22, 1, "aabb"), request(22, 2), request(22, 3)))
    locator = FrameLocator(made)
    locator.cursor = 58
    third = locator.locate(asked(3))
    assert third is not None
    assert chain_leads_to(made, 0, third)
    assert chain_leads_to(made, 30, third)
    assert not chain_leads_to(made, 2, third)
