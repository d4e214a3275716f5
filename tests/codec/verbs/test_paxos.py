"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

from harness.codec.verbs.outcome import FencingToken
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Promise,
    Proposal,
)
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import DigestAlgorithm
from harness.codec.verbs.wire import ABSENT
from harness.codec.verbs.write_identity import peek_write_identity
from tests.codec.verbs.hex_layout import KEY_1, MUTATION, SCHEMA_VERSION
from tests.codec.verbs.payload_checks import assert_payload
from tests.codec.verbs.test_read_command import COMMAND_MODERN

BALLOT = "f11152e60e08775f 623ca1a3c2547842"
FENCE = "0c000000 0700000000000000"


def test_proposal_is_a_mutation_under_a_ballot() -> None:
    body = assert_payload(Proposal, f"19010000 {BALLOT} 01010000 {MUTATION}")
    assert body.ballot == uuid.UUID("5f77080e-e652-11f1-4278-54c2a3a13c62")
    assert len(body.update.partition.rows) == 1


def test_ballots_are_time_uuids_in_their_first_half_only() -> None:
    # 4.2 base/lwt_conditions, packet 7: the version is 1, the variant bits are random
    body = assert_payload(
        PaxosPrepareRequest,
        "6f000000f11152e670cc7c4c0000000000009caef3365731c20bcd5e0d1b2892e5d46dbd290000000100000007000000"
        "00000000000000010000000000000043080000000000000004ffffffffffffffffd8ad026b0000000000ffffffff0000"
        "00000000000000000000000000000010000000010000000400000000000075f11152e60e08775f623ca1a3c254784201"
        "0300",
    )
    assert body.ballot.int >> 76 & 0xF == 1
    assert body.ballot.variant != uuid.RFC_4122
    assert (body.only_digest, body.digest_algorithm) == (True, DigestAlgorithm.XXHASH)
    assert (body.trace, body.fence) == (None, ABSENT)


def test_prepare_of_2025_1() -> None:
    # 2025.1 base/lwt_conditions, packet 76
    body = assert_payload(
        PaxosPrepareRequest,
        "9c000000f11157e65053c565df74bfef39fc3dabf11157e65153c565df74bfef39fc3dab2d0000000100000007000000"
        "00000000000000010000000000000043080000000000000004ffffffffffffffffffffffff69b6026b0000000000ffff"
        "ffff0000000000000000000000000000000000011c000000000010000000000000004006000000000000100000000000"
        "ffffffff102700000000000010000000010000000400000000000075f11157e686602c7aa3b6c160886b6dd4010300",
    )
    assert body.key.components == (b"\x00\x00\x00\x75",)


def test_refusal_names_the_newer_ballot() -> None:
    # 4.2 errors/lwt_race_three_coordinators, packet 68
    body = assert_payload(PaxosPrepareReply, "00f11159e66642f515adc1675891943c06")
    assert body.response == uuid.UUID("15f54266-e659-11f1-063c-94915867c1ad")


def test_promise_without_history() -> None:
    nothing = assert_payload(PaxosPrepareReply, "01 07000000 00 00 00")
    assert nothing.response == Promise(accepted=None, most_recent_commit=None, data=None)
    digest = "00000000000000000123456789abcdef"
    hashed = assert_payload(PaxosPrepareReply, f"01 18000000 00 00 01 01 {digest}")
    assert isinstance(hashed.response, Promise)
    assert hashed.response.data == bytes.fromhex(digest)


def test_promise_with_data() -> None:
    # 2025.1 base/lwt_conditions, packet 541
    body = assert_payload(
        PaxosPrepareReply,
        "0142000000000001003a000000080000000800000000000000010000000000000000ef46db3751d8e999000000000000"
        "00800001000000000100000000010000000000",
    )
    assert isinstance(body.response, Promise)
    assert isinstance(body.response.data, QueryResult)


def test_promise_with_the_last_commit() -> None:
    # 4.2 base/lwt_conditions, packet 9
    body = assert_payload(
        PaxosPrepareReply,
        "018c000000000174000000f11152e6a892a05c63eae6dce494e09a5c0000005c000000f11152e670cc7c4c0000000000"
        "009caef3365731c20bcd5e0d1b2892e5d46dbd1000000001000000040000000000007528000000140000000000000000"
        "0000800000000000000000080000000000000000000000000000000101000000000000000004eff922c9ab160e",
    )
    assert isinstance(body.response, Promise)
    assert body.response.accepted is None
    assert body.response.most_recent_commit
    assert body.response.most_recent_commit.update.partition.rows == ()


def test_promise_with_what_was_accepted() -> None:
    body = assert_payload(PaxosPrepareReply, f"01 20010000 01 19010000 {BALLOT} 01010000 {MUTATION} 00 00")
    assert isinstance(body.response, Promise)
    assert body.response.accepted
    assert body.response.most_recent_commit is None


def test_acceptance() -> None:
    # 4.2 base/lwt_conditions, packets 44 and 14: nothing is to be done
    body = assert_payload(
        PaxosAcceptRequest,
        "74000000f11152e68854b55fa641f4d0287ba3775c0000005c000000f11152e670cc7c4c0000000000009caef3365731"
        "c20bcd5e0d1b2892e5d46dbd100000000100000004000000000000752800000014000000000000000000008000000000"
        "000000000800000000000000000000000000000000",
    )
    assert body.proposal.update.partition.rows == ()
    assert assert_payload(PaxosAcceptReply, "01").accepted is True
    assert assert_payload(PaxosAcceptReply, "00").accepted is False


def test_decision_is_acknowledged_like_a_write() -> None:
    # 4.2 base/lwt_conditions, packet 49; 2025.1 base/lwt_conditions, packet 208
    old = (
        "74000000f11152e68854b55fa641f4d0287ba3775c0000005c000000f11152e670cc7c4c0000000000009caef3365731"
        "c20bcd5e0d1b2892e5d46dbd100000000100000004000000000000752800000014000000000000000000008000000000"
        "0000000008000000000000000000000000000000000000000b081fac00000000c1737502a201000000"
    )
    assert peek_write_identity(41, bytes.fromhex(old)) == (0xAC1F080B, 0, 0x01A2027573C1)
    assert assert_payload(PaxosLearnRequest, old).response_id == 0x01A2027573C1
    modern = assert_payload(
        PaxosLearnRequest,
        "74000000f11157e660ab6b7a80199e20a50ab4e55c0000005c000000f11157e65053c565df74bfef39fc3dabf11157e6"
        "5153c565df74bfef39fc3dab100000000100000004000000000000752800000014000000000000000000008000000000"
        "0000000008000000000000000000000000000000000000000b091fac0000000001799702a2010000000000000033429f"
        "76c10fb65488063ea588077797",
    )
    assert modern.forward_host_ids == ()
    assert modern.reply_to_host_id == uuid.UUID("54b60fc1-769f-4233-9777-0788a53e0688")
    assert modern.fence is ABSENT


def test_pruning_names_ballot_and_key() -> None:
    # 4.2 base/lwt_conditions, packet 23
    body = assert_payload(
        PaxosPruneRequest,
        "f3365731c20bcd5e0d1b2892e5d46dbd10000000010000000400000000000075f11152e60e08775f623ca1a3c254784200",
    )
    assert body.key.components == (b"\x00\x00\x00\x75",)


def test_fences_of_2026_3_come_last() -> None:
    proposal = f"19010000 {BALLOT} 01010000 {MUTATION}"
    token = FencingToken(topology_version=7)
    prepare = assert_payload(PaxosPrepareRequest, f"{COMMAND_MODERN} {KEY_1} {BALLOT} 00 03 00 {FENCE}")
    assert prepare.fence == token
    assert assert_payload(PaxosAcceptRequest, f"{proposal} 00 {FENCE}").fence == token
    learn = f"{proposal} 00000000 0100000a 02000000 00806e8774010000 00 00000000 {SCHEMA_VERSION} {FENCE}"
    assert assert_payload(PaxosLearnRequest, learn).fence == token
    assert assert_payload(PaxosPruneRequest, f"{SCHEMA_VERSION} {KEY_1} {BALLOT} 00 {FENCE}").fence == token
