"""Wireshark's rule for telling messages apart, on bytes as they stood on real connections."""

import pytest

from harness.dissect.disagreement import Reason
from harness.dissect.misreading import Claim, claim_of, looks_like_request, why_fields_differ, why_misread
from harness.events.message import Kind, Protocol
from tests.dissect.messages import located, message

# A MUTATION of 4.2.4 (timeout 2000 ms, msg_id 1030, 373 bytes) and a DIRECT_FD_PING of 2025.1 (msg_id 600, 20).
MUTATION = bytes.fromhex("d007000000000000 0100000000000000 0604000000000000 75010000 71010000")
PING = bytes.fromhex("0000000000000000 3f00000000000000 5802000000000000 14000000 14000000")
# A digest of 4.2: msg_id 81, 25 bytes, of which the first eight are zero; hash bytes 12 to 15 make 0x00a1b2c3.
DIGEST = bytes.fromhex("5100000000000000 19000000 0000000000000000 11223344 c3b2a100 deadbeef")


@pytest.mark.parametrize(
    ("head", "segment_bytes", "claim"),
    [
        (MUTATION, 401, Claim(Kind.REQUEST, 28 + 373)),
        (PING, 48, Claim(Kind.REPLY, 63 + 12)),
        (DIGEST, 37, Claim(Kind.REQUEST, 28 + 0xA1B2C3)),
        (DIGEST, 27, Claim(Kind.REPLY, 25 + 12)),
        (bytes.fromhex("5353544152525043 08000000 01000000 00000000"), 20, Claim(Kind.NEGOTIATION, 20)),
        (bytes.fromhex("0b00000000000000 01000000 01"), 13, Claim(Kind.REPLY, 13)),
    ],
)
def test_the_rule_is_wiresharks(head: bytes, segment_bytes: int, claim: Claim) -> None:
    assert claim_of(head, Protocol.RPC, segment_bytes=segment_bytes) == claim


def test_the_rule_reaches_behind_a_short_reply_at_the_end_of_a_longer_segment() -> None:
    reply = bytes.fromhex("0b00000000000000 01000000 01")
    assert claim_of(reply, Protocol.RPC, segment_bytes=39) is None


def test_fewer_bytes_than_a_header_are_no_claim() -> None:
    assert claim_of(MUTATION[:11], Protocol.RPC, segment_bytes=11) is None
    assert claim_of(b"\x04\x00\x00\x01\x07\x00\x00\x00", Protocol.CQL, segment_bytes=8) is None


def test_a_cql_frame_claims_what_its_header_says() -> None:
    head = bytes.fromhex("04 00 001c 09 00000036")
    assert claim_of(head, Protocol.CQL, segment_bytes=63) == Claim(Kind.REPLY, 63)


@pytest.mark.parametrize(
    ("at_8", "at_24", "is_request"),
    [
        ("2b00000000000000", "00000004", True),
        ("2c00000000000000", "00000000", False),
        ("2b00000000000000", "01000004", False),
        ("0000000001000000", "00000000", False),
    ],
)
def test_verbs_to_43_and_lengths_to_64_mib_make_a_request(at_8: str, at_24: str, is_request: bool) -> None:
    assert looks_like_request(bytes(8) + bytes.fromhex(at_8) + bytes(8) + bytes.fromhex(at_24)) is is_request


def test_a_verb_above_43_is_proved_by_the_bytes() -> None:
    ping = located(message(Kind.REQUEST, verb=63, msg_id=600, timeout_ms=0, payload=bytes(20)), PING)
    why = why_misread(ping, Claim(Kind.REPLY, 75))
    assert why is not None
    assert why[0] is Reason.VERB_ABOVE_43
    assert "it claims 75 bytes instead of 48" in why[1]


def test_a_digest_taken_for_a_request_is_proved_by_the_bytes() -> None:
    digest = located(message(Kind.REPLY, verb=5, msg_id=81, payload=bytes(25)), DIGEST)
    why = why_misread(digest, Claim(Kind.REQUEST, 28 + 0xA1B2C3))
    assert why is not None
    assert why[0] is Reason.REPLY_TAKEN_FOR_REQUEST
    assert f"u32 at byte 24 is {0xA1B2C3}" in why[1]


def test_a_reply_whose_bytes_do_not_look_like_a_request_is_not_excused() -> None:
    """Hash bytes above 64 MiB: Wireshark takes such a digest for the reply that it is."""
    safe = DIGEST[:24] + bytes.fromhex("c3b2a1ff") + DIGEST[28:]
    digest = located(message(Kind.REPLY, verb=5, msg_id=81, payload=bytes(25)), safe)
    assert why_misread(digest, Claim(Kind.REQUEST, 50)) is None


def test_a_request_read_as_one_of_another_length_is_not_excused() -> None:
    mutation = located(
        message(Kind.ONE_WAY, verb=1, msg_id=1030, timeout_ms=2000, payload=bytes(373)), MUTATION
    )
    assert why_misread(mutation, Claim(Kind.REQUEST, 300)) is None


def test_a_reply_of_the_wrong_length_is_excused_only_by_its_header() -> None:
    plain = located(message(Kind.REPLY, verb=9, msg_id=2, payload=b""), bytes(32))
    timed = located(
        message(Kind.REPLY, verb=9, msg_id=2, duration_us=7, payload=b""), bytes(12) + b"\x07" + bytes(19)
    )
    assert why_misread(plain, Claim(Kind.REPLY, 16)) is None
    why = why_misread(timed, Claim(Kind.REPLY, 12))
    assert why is not None
    assert why[0] is Reason.REPLY_HEADER_16
    assert "7 us" in why[1]


def test_an_exception_has_its_msg_id_negated() -> None:
    ours = message(Kind.EXCEPTION, verb=22, msg_id=9)
    names = frozenset(("verb", "msg_id"))
    shown = message(Kind.REPLY, verb=None, msg_id=2**64 - 9)
    why = why_fields_differ(ours, shown, names)
    assert why is not None
    assert why[0] is Reason.EXCEPTION
    assert why_fields_differ(ours, shown._replace(msg_id=8), names) is None


def test_other_fields_have_no_excuse() -> None:
    ours = message(Kind.ONE_WAY, verb=1, msg_id=3)
    assert why_fields_differ(ours, ours, frozenset(("partition_key",))) is None
    reply = message(Kind.REPLY, verb=3, msg_id=3)
    assert why_fields_differ(reply, reply, frozenset(("verb", "payload_bytes"))) is None
