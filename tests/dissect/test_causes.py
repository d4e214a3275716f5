"""Why Wireshark shows nothing of some bytes: its rule, applied to what it had in hand."""

import pytest

from harness.dissect.causes import Ground, stop_at
from harness.dissect.disagreement import Effect, Reason
from harness.dissect.tshark_packet import TsharkPacket
from harness.dissect.wireshark import Sighted
from harness.events.message import Kind, Protocol
from tests.dissect.messages import CONNECTION, located, message


def ground(*packets: bytes, malformed: tuple[int, ...] = (), skipped: tuple[int, ...] = ()) -> Ground:
    made = Ground(Protocol.RPC, is_from_syn=True)
    for number, payload in enumerate(packets, start=1):
        packet = TsharkPacket(
            number,
            0,
            0,
            CONNECTION.client,
            CONNECTION.server,
            0,
            False,
            payload,
            len(payload),
            (),
            (),
            number in malformed,
            number in skipped,
        )
        made.take(Sighted(packet, CONNECTION, True, made.window.end, True, ()), ())
    return made


def phantom(size: int) -> bytes:
    """Bytes that Wireshark takes for a reply with so many bytes of data, and never for a request."""
    return bytes(8) + size.to_bytes(4, "little") + b"\xff" * 16


def test_what_claims_more_than_follows_is_waited_for() -> None:
    stop = stop_at(ground(phantom(100), bytes(20)), 0, 48, None)
    assert (stop.effect, stop.resume, stop.root.reason) == (Effect.WAITING, 48, Reason.CONSEQUENCE)
    assert "waits for 112 bytes from byte 0 on, and 48 follow" in stop.root.evidence


def test_what_claims_half_the_sequence_space_is_not_waited_for() -> None:
    """Its end lies, in sequence numbers that wrap, before the next segment; measured on a bootstrap of 2025.1."""
    stop = stop_at(ground(phantom(0xFFD2F69E), bytes(20)), 0, 28, None)
    assert (stop.effect, stop.resume) == (Effect.NOT_SHOWN, 28)


def test_that_limit_counts_from_the_end_of_the_segment() -> None:
    """2^31 + 12 bytes are waited for if so many are in hand that fewer than 2^31 are missing."""
    stop = stop_at(ground(phantom(0x80000000), bytes(20)), 0, 48, None)
    assert stop.effect is Effect.WAITING


def test_what_would_have_been_shown_is_not_explained() -> None:
    stop = stop_at(ground(phantom(16), bytes(20)), 0, 48, None)
    assert stop.root.reason is Reason.UNEXPLAINED


def test_a_message_that_has_come_whole_is_looked_at_again() -> None:
    """Measured on GOSSIP_ECHO replies of 2025.1: with 24 bytes in hand a reply, with the 32 it asked for a request."""
    first = bytes(8) + bytes.fromhex("1400000000000000 0000000000000000")
    second = bytes.fromhex("15000000 00000000 00000000 00000000")
    stop = stop_at(ground(first, second), 0, 40, None)
    assert (stop.effect, stop.resume) == (Effect.WAITING, 40)
    assert "waits for 49 bytes" in stop.root.evidence


@pytest.mark.parametrize("size_bytes", [1, 11])
def test_less_than_a_header_is_waited_for(size_bytes: int) -> None:
    stop = stop_at(ground(bytes(size_bytes)), 0, size_bytes, None)
    assert stop.effect is Effect.WAITING


def test_a_packet_is_given_up_only_if_wireshark_says_so() -> None:
    short = [bytes(30) + bytes(4) + phantom(1)[:14]]
    assert stop_at(ground(*short, malformed=(1,)), 28, 48, None).root.reason is Reason.CONSEQUENCE
    assert stop_at(ground(*short), 28, 48, None).root.reason is Reason.UNEXPLAINED


def test_our_short_reply_is_what_it_is_given_up_at() -> None:
    reply = located(message(Kind.REPLY, verb=34, msg_id=2, payload=b"\x01"), bytes(13))
    stop = stop_at(ground(bytes(39), malformed=(1,)), 13, 39, reply._replace(start=13, end=26))
    assert stop.root.reason is Reason.SHORT_REPLY_AT_SEGMENT_END
    assert stop.resume == 39


def test_a_skipped_packet_explains_what_it_brings() -> None:
    stop = stop_at(ground(bytes(40), skipped=(1,)), 0, 40, None)
    assert (stop.root.reason, stop.resume) == (Reason.SKIPPED_SEGMENT, 40)


def test_bytes_that_the_capture_lacks_are_lost() -> None:
    made = ground(bytes(20))
    stop = stop_at(made, 20, 60, None)
    assert (stop.root.reason, stop.resume) == (Reason.LOST_SEGMENT, 60)
