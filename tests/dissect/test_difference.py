"""Every disagreement with Wireshark is explained by its bytes, and none is ours."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dissect.difference import Difference, compare, difference
from harness.dissect.disagreement import Disagreement, Effect, Reason, Right
from harness.dissect.reading import read_trace
from harness.dissect.tshark import Tshark
from harness.dissect.wireshark import WiresharkDissector
from harness.errors import CaptureError, DissectorError
from harness.events.message import Message, Protocol
from harness.events.trace import Trace
from tests.dissect.written_capture import (
    ANSWER,
    ANSWER_DURATION,
    OFFER,
    OFFER_DURATION,
    WrittenCapture,
    reply,
    request,
)

UUID_REPLY = "22" * 16
WRITE = request(1, 2, "55" * 100)
"""Of 128 bytes; the last ones, read as a header, claim more than any capture has."""


def plain() -> WrittenCapture:
    return WrittenCapture().up(OFFER).down(ANSWER)


def counts(of: Difference) -> dict[tuple[Reason, Effect], int]:
    return dict(of.counts)


@pytest.fixture
def compared(tmp_path: Path, tshark: Tshark) -> Callable[[WrittenCapture], Difference]:
    return lambda capture: compare(capture.write(tmp_path), tshark=tshark)


Compared = Callable[[WrittenCapture], Difference]


@pytest.mark.tshark
def test_4_2_traffic_with_one_frame_a_segment_is_read_alike(compared: Compared) -> None:
    found = compared(
        plain()
        .up(request(0, 1, "0100000a 00000000 0000100000000000"))
        .up(request(22, 2))
        .down(reply(2, UUID_REPLY))
    )
    assert counts(found) == {}
    assert found.share() == 1
    assert found.count(Protocol.RPC) == found.wireshark_count == 5


@pytest.mark.tshark
def test_a_verb_above_43_is_taken_for_a_reply_and_swallows_what_follows(compared: Compared) -> None:
    found = compared(plain().up(request(63, 1, "11" * 20)).up(request(6, 2, "00" * 9)))
    assert counts(found) == {
        (Reason.VERB_ABOVE_43, Effect.MISREAD): 1,
        (Reason.VERB_ABOVE_43, Effect.SWALLOWED): 1,
    }
    misread, swallowed = found.disagreements
    assert (misread.frame, misread.offset_bytes, misread.start, misread.end) == (5, 0, 20, 68)
    assert misread.connection == "10.0.0.1:50000 > 10.0.0.2:7000"
    assert ("msg_id", "1", "0") in misread.fields
    assert "it claims 75 bytes instead of 48" in misread.evidence
    assert misread.right is Right.OURS
    assert not misread.is_consequence
    assert swallowed.is_consequence
    assert (swallowed.root.frame, swallowed.root.start, swallowed.root.reason) == (
        5,
        20,
        Reason.VERB_ABOVE_43,
    )
    assert found.roots == Counter({Reason.VERB_ABOVE_43: 1})


@pytest.mark.tshark
def test_a_reply_without_its_request_is_put_down_to_the_misread_request(compared: Compared) -> None:
    found = compared(plain().up(request(63, 1, "11" * 20)).up(request(22, 2)).down(reply(2, UUID_REPLY)))
    unpaired = found.disagreements[-1]
    assert (unpaired.reason, unpaired.effect, unpaired.frame) == (Reason.REQUEST_NOT_SEEN, Effect.FIELD, 7)
    assert unpaired.fields == (("verb", "22", "None"),)
    assert (unpaired.root.reason, unpaired.root.frame) == (Reason.VERB_ABOVE_43, 5)


@pytest.mark.tshark
def test_the_last_bytes_of_a_16_byte_header_go_before_the_next_reply(compared: Compared) -> None:
    found = compared(
        WrittenCapture()
        .up(OFFER_DURATION)
        .down(ANSWER_DURATION)
        .up(request(9, 1, "aa" * 9))
        .down(reply(1, duration_us=0))
        .up(request(22, 2))
        .down(reply(2, UUID_REPLY, duration_us=7))
    )
    assert counts(found) == {
        (Reason.REPLY_HEADER_16, Effect.MISREAD): 1,
        (Reason.REPLY_HEADER_16, Effect.PHANTOM): 1,
        (Reason.REPLY_HEADER_16, Effect.SWALLOWED): 1,
    }
    misread, phantom, _ = found.disagreements
    assert misread.fields == (("bytes", "16", "12"),)
    assert (phantom.start, phantom.offset_bytes, phantom.ours) == (56, 12, None)
    assert "it is byte 12 of 16 of our GOSSIP_ECHO" in phantom.evidence


@pytest.mark.tshark
def test_a_digest_is_taken_for_a_request(compared: Compared) -> None:
    """Length 25, eight zero bytes, hash bytes 12 to 15 below 64 MiB: one digest in 64 is like that."""
    digest = "00" * 8 + "44556677 10000000 99887766aabbccddee"
    found = compared(
        plain()
        .up(request(5, 1, "33" * 40))
        .up(request(5, 2, "33" * 40))
        .down(reply(1, digest), reply(2, "00" * 8 + "445566770000000099887766aabbccddee"))
    )
    misread = found.disagreements[0]
    assert misread.reason is Reason.REPLY_TAKEN_FOR_REQUEST
    assert ("verb", "5", "25") in misread.fields
    assert "u32 at byte 24 is 16" in misread.evidence
    assert set(found.counts) == {
        (Reason.REPLY_TAKEN_FOR_REQUEST, effect)
        for effect in (Effect.MISREAD, Effect.SWALLOWED, Effect.PHANTOM)
    }


@pytest.mark.tshark
def test_short_replies_behind_one_another_are_given_up(compared: Compared) -> None:
    found = compared(
        plain()
        .up(request(34, 1), request(34, 2), request(34, 3))
        .down(reply(1, "01"), reply(2, "01"), reply(3, "01"))
    )
    assert counts(found) == {(Reason.SHORT_REPLY_AT_SEGMENT_END, Effect.NOT_SHOWN): 2}
    assert "26 of 39 bytes in hand are left in packet 6" in found.disagreements[0].evidence


@pytest.mark.tshark
@pytest.mark.parametrize(
    ("before", "first"),
    [((), Effect.MISREAD), ((request(22, 1),), Effect.NOT_SHOWN)],
    ids=["first", "behind another"],
)
def test_a_header_split_between_segments_is_lost(
    compared: Compared, before: tuple[str, ...], first: Effect
) -> None:
    found = compared(plain().up(*before, WRITE[:40]).up(WRITE[40:]).up(request(22, 3)).up(request(22, 4)))
    assert found.disagreements[0].effect is first
    assert {reason for reason, _ in found.counts} == {Reason.SPLIT_HEADER}


@pytest.mark.tshark
def test_an_exception_is_framed_right_and_not_paired(compared: Compared) -> None:
    """The example of the protocol's description: USER, "hello", to the request with msg_id 9."""
    found = compared(
        plain().up(request(22, 9)).down("f7ffffffffffffff 0d000000 00000000 05000000 68656c6c6f")
    )
    assert counts(found) == {(Reason.EXCEPTION, Effect.FIELD): 1}
    assert "-9 is shown as 18446744073709551607" in found.disagreements[0].evidence


@pytest.mark.tshark
def test_without_timeouts_requests_have_shorter_headers(compared: Compared) -> None:
    found = compared(
        WrittenCapture()
        .up("5353544152525043 00000000")
        .down("5353544152525043 10000000 02000000 08000000 0100010000000000")
        .up(request(22, 1, "44" * 30, timeout_ms=None))
        .up(request(22, 2, "44" * 30, timeout_ms=None))
    )
    assert counts(found) == {(Reason.NO_TIMEOUT, Effect.MISREAD): 1, (Reason.NO_TIMEOUT, Effect.WAITING): 1}


@pytest.mark.tshark
def test_frames_of_a_stream_connection_are_no_replies(compared: Compared) -> None:
    found = compared(
        WrittenCapture()
        .up("5353544152525043 10000000 03000000 08000000 0100010000000000")
        .down("5353544152525043 10000000 02000000 08000000 0200010000000000")
        .up("28000000" + "ab" * 40)
        .up("ffffffff")
        .down("ffffffff")
    )
    assert {reason for reason, _ in found.counts} == {Reason.STREAM_CONNECTION}
    assert sum(found.counts.values()) == 3


@pytest.mark.tshark
def test_compressed_frames_are_no_requests(compared: Compared) -> None:
    """LZ4_FRAGMENTED: length, last chunk's size with bit 31, one LZ4 block of literals."""
    negotiation = "5353544152525043 1e000000 00000000 0e000000 4c5a345f465241474d454e544544 01000000 00000000"
    wrapped = "22000000 1c000080 f00d" + request(22, 1)
    found = compared(WrittenCapture().up(negotiation).down(negotiation).up(wrapped).up(wrapped))
    assert {reason for reason, _ in found.counts} == {Reason.COMPRESSION}
    assert found.count() - sum(found.agreed.values()) == 2
    assert "the length 34 of a compressed" in found.disagreements[0].evidence


@pytest.mark.tshark
def test_a_capture_that_begins_within_a_message_is_read_from_the_wrong_byte(compared: Compared) -> None:
    found = compared(
        WrittenCapture(has_syn=False)
        .up(request(22, 7, "44" * 60)[60:], request(22, 8))
        .down(reply(8, UUID_REPLY))
        .up(request(22, 9))
        .down(reply(9, UUID_REPLY))
        .up(request(22, 10))
    )
    assert counts(found) == {
        (Reason.MID_STREAM, Effect.WAITING): 3,
        (Reason.REQUEST_NOT_SEEN, Effect.FIELD): 2,
    }
    assert found.undecoded_count == 1


@pytest.mark.tshark
def test_a_request_made_up_in_mid_stream_is_paired_with_a_reply(compared: Compared) -> None:
    """Bytes 4 to 11 of the first reply's data make the msg_id 7, which the next reply has."""
    made_up = reply(5, "00000000 0700000000000000 0c000000" + "33" * 9) + "444444"
    found = compared(
        WrittenCapture(has_syn=False)
        .down(made_up)
        .down(reply(7, UUID_REPLY))
        .down(reply(8, UUID_REPLY))
        .down(reply(9, UUID_REPLY))
    )
    paired = found.disagreements[-1]
    assert (paired.reason, paired.frame, paired.root.frame) == (Reason.FALSE_REQUEST, 2, 1)
    assert found.unexplained_count == found.wrong_count == 0


@pytest.mark.tshark
def test_behind_a_lost_segment_wireshark_begins_at_any_byte(compared: Compared) -> None:
    found = compared(
        plain()
        .up(request(22, 1))
        .down(reply(1, UUID_REPLY))
        .lose(WRITE[:100], from_client=True)
        .up(WRITE[100:], request(22, 3))
        .down(reply(3, UUID_REPLY))
        .up(request(22, 4))
        .down(reply(4, UUID_REPLY))
    )
    assert counts(found) == {
        (Reason.LOST_SEGMENT, Effect.NOT_SHOWN): 2,
        (Reason.REQUEST_NOT_SEEN, Effect.FIELD): 2,
    }


@pytest.mark.tshark
def test_a_late_segment_is_not_looked_into(compared: Compared) -> None:
    found = compared(plain().up(request(22, 1)).up(request(22, 2)).swap().down(reply(2, UUID_REPLY)))
    assert counts(found) == {(Reason.SKIPPED_SEGMENT, Effect.NOT_SHOWN): 1}


@pytest.mark.tshark
def test_a_packet_cut_by_the_snap_length_proves_nobody_wrong(compared: Compared) -> None:
    found = compared(
        plain()
        .up(request(22, 1))
        .up(WRITE, captured_bytes=60)
        .up(request(22, 3))
        .up(request(22, 4))
        .up(request(22, 5))
    )
    assert counts(found) == {(Reason.CUT_PACKET, Effect.PHANTOM): 1}
    assert found.disagreements[0].right is Right.BOTH


def both(capture: Path, tshark: Tshark, change: Callable[[list[Message]], list[Message]]) -> Difference:
    """The difference, had we said something else."""
    ours = change(list(read_trace(capture)))
    return difference(ours, WiresharkDissector(tshark=tshark).packets(capture))


@pytest.mark.tshark
def test_a_message_that_we_miss_is_found(tmp_path: Path, tshark: Tshark) -> None:
    path = plain().up(request(22, 1)).up(request(22, 2)).up(request(22, 3)).write(tmp_path)
    found = both(path, tshark, lambda messages: messages[:3] + messages[4:])
    assert {reason for reason, _ in found.counts} == {Reason.MISSED_BY_US}
    assert {effect for _, effect in found.counts} == {Effect.UNREAD, Effect.PHANTOM}
    assert {each.right for each in found.disagreements} == {Right.WIRESHARK}


@pytest.mark.tshark
def test_a_pair_that_we_miss_is_found(tmp_path: Path, tshark: Tshark) -> None:
    path = plain().up(request(22, 1)).down(reply(1, UUID_REPLY)).write(tmp_path)
    found = both(path, tshark, lambda messages: [*messages[:-1], messages[-1]._replace(verb=None)])
    assert counts(found) == {(Reason.MISSED_BY_US, Effect.FIELD): 1}


@pytest.mark.tshark
@pytest.mark.parametrize(
    "wrong",
    [
        {"msg_id": 5},
        {"verb": 23},
        {"payload": b"x"},
        {"frame_last": 6},
        {"timeout_ms": 7},
        {"timeout_ms": None},
    ],
)
def test_a_message_that_we_read_wrong_is_never_explained_away(
    tmp_path: Path, tshark: Tshark, wrong: dict[str, int | bytes | None]
) -> None:
    path = plain().up(request(22, 1)).up(request(22, 2)).write(tmp_path)
    found = both(
        path,
        tshark,
        lambda messages: [*messages[:2], messages[2]._replace(**wrong), *messages[3:]],  # type: ignore[arg-type]  # one field of any type
    )
    assert found.unexplained_count > 0
    assert not any(each.right is Right.OURS for each in found.disagreements)


@pytest.mark.tshark
def test_what_wireshark_shows_of_a_missing_packet_does_not_matter(tmp_path: Path, tshark: Tshark) -> None:
    path = plain().up(request(22, 1)).write(tmp_path)
    found = both(path, tshark, lambda messages: [messages[0]._replace(frame_first=99, frame_last=99)])
    assert found.unexplained_count > 0


@pytest.mark.tshark
def test_only_as_many_examples_are_kept_as_asked_for(tmp_path: Path, tshark: Tshark) -> None:
    path = plain().up(*(request(63, msg_id, "11" * 20) for msg_id in range(1, 30))).write(tmp_path)
    found = compare(path, tshark=tshark, kept_max=2)
    assert sum(found.counts.values()) > 6
    kept = Counter((each.reason, each.effect) for each in found.disagreements)
    assert max(kept.values()) == 2
    assert set(kept) == set(found.counts)


def test_without_tshark_the_reader_is_told(tmp_path: Path) -> None:
    with pytest.raises(DissectorError, match="apt-get install tshark"):
        compare(plain().write(tmp_path), tshark=Tshark("no-such-tshark"))


@pytest.mark.tshark
def test_what_is_no_capture_is_an_error(tmp_path: Path, tshark: Tshark) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear Sir or Madam, " * 20)
    with pytest.raises(CaptureError):
        compare(path, tshark=tshark)


# Real clusters. The shares are of the messages between nodes that stock tshark 4.0.17 shows alike.

FOLDERS = {
    "scylla-4.2/base": (0.99, 1.0),
    "scylla-4.2/bulk": (0.81, 0.82),
    "scylla-4.2/errors": (0.99, 1.0),
    "scylla-4.2/faults": (0.88, 0.90),
    "scylla-4.2/multidc": (1.0, 1.0),
    "scylla-4.2/shards": (0.02, 0.03),
    "scylla-4.2/topology": (0.76, 0.81),
    "scylla-4.2/views": (0.99, 1.0),
    "scylla-2025.1/base": (0.12, 0.22),
    "scylla-2025.1/bulk": (0.98, 0.99),
    "scylla-2025.1/compression": (0.02, 0.04),
    "scylla-2025.1/errors": (0.40, 0.55),
    "scylla-2025.1/faults": (0.10, 0.20),
    "scylla-2025.1/multidc": (0.10, 0.11),
    "scylla-2025.1/shards": (0.03, 0.04),
    "scylla-2025.1/tablets": (0.10, 0.20),
    "scylla-2025.1/topology": (0.15, 0.25),
    "scylla-2025.1/views": (0.07, 0.10),
}


@pytest.mark.tshark
@pytest.mark.reference
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_disagreement_on_real_captures_is_explained_and_none_is_ours(
    reference: Path, tshark: Tshark, folder: str
) -> None:
    if not (reference / folder).is_dir():
        pytest.skip(f"no folder {folder} among the captures of real clusters")
    paths = sorted((reference / folder).glob("*.pcapng"))
    ours = agreed = 0
    for path in paths:
        found = compare(path, tshark=tshark, kept_max=3)
        open_ones = [each for each in found.disagreements if each.right is not Right.OURS]
        assert not open_ones, f"{path.name}: {_named(open_ones)}"
        assert found.unexplained_count == found.wrong_count == found.undecoded_count == 0
        assert all(each.evidence and each.root.evidence for each in found.disagreements)
        ours += found.count(Protocol.RPC)
        agreed += sum(count for shape, count in found.agreed.items() if shape.protocol is Protocol.RPC)
    least, most = FOLDERS[folder]
    if tshark.version == "4.0.17":
        assert least <= agreed / ours <= most


@pytest.mark.tshark
@pytest.mark.reference
def test_fields_of_real_mutations_and_reads_are_read_alike(reference: Path, tshark: Tshark) -> None:
    path = reference / "scylla-4.2" / "base" / "read_cl.pcapng"
    theirs = [each for packet in WiresharkDissector(tshark=tshark).packets(path) for each in packet.sightings]
    assert sum(each.pdu.key_fields is not None for each in theirs) == 3
    assert compare(path, tshark=tshark).share(Protocol.RPC) == 1


@pytest.mark.tshark
@pytest.mark.reference
def test_a_key_that_we_read_wrong_is_found(reference: Path, tshark: Tshark) -> None:
    path = reference / "scylla-4.2" / "base" / "write_rf3.pcapng"
    trace: Trace = read_trace(path)

    def spoiled(message: Message) -> Message:
        if message.verb_name != "MUTATION":
            return message
        # The first byte of the table's id, behind the sizes of the blob and of the mutation.
        payload = bytearray(message.payload)
        payload[8] ^= 0xFF
        return message._replace(payload=bytes(payload))

    found = difference(map(spoiled, trace), WiresharkDissector(tshark=tshark).packets(path))
    assert {
        field.name
        for each in found.disagreements
        if each.reason is Reason.UNEXPLAINED
        for field in each.fields
    } == {"table_id"}


def _named(disagreements: list[Disagreement]) -> str:
    return json.dumps([(each.frame, each.reason.value, each.evidence) for each in disagreements])
