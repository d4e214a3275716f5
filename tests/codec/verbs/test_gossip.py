"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

from harness.codec.verbs.gossip import (
    ApplicationState,
    GossipDigest,
    GossipDigestAck,
    GossipDigestAck2,
    GossipDigestSyn,
    GossipEchoRequest,
    GossipGetEndpointStatesReply,
    GossipGetEndpointStatesRequest,
    GossipShutdown,
    HeartBeat,
    VersionedValue,
)
from harness.codec.verbs.wire import ABSENT, Void
from tests.codec.verbs.hex_layout import framed, text, vector
from tests.codec.verbs.payload_checks import assert_payload

PARTITIONER = "org.apache.cassandra.dht.Murmur3Partitioner"


def test_shadow_round_of_4_2_knows_nobody() -> None:
    # 4.2 base/boot, packet 32
    body = assert_payload(
        GossipDigestSyn,
        "44000000090000007265666572656e63652b0000006f72672e6170616368652e63617373616e6472612e6468742e4d75"
        "726d757233506172746974696f6e657200000000",
    )
    assert (body.syn.cluster_name, body.syn.partitioner) == ("reference", PARTITIONER)
    assert (body.syn.digests, body.syn.group0_id) == ((), ABSENT)
    assert len(bytes.fromhex(framed(text("c"), text(PARTITIONER), "00000000"))) == 60


def test_first_round_of_2025_1_has_a_null_group_0() -> None:
    # 2025.1 base/boot, packet 41
    body = assert_payload(
        GossipDigestSyn,
        "64000000090000007265666572656e63652b0000006f72672e6170616368652e63617373616e6472612e6468742e4d75"
        "726d757233506172746974696f6e657201000000100000000c091fac25b6026b10000000000000000000000000000000"
        "00000000",
    )
    assert body.syn.digests == (GossipDigest(endpoint="172.31.9.12", generation=0x6B02B625, max_version=16),)
    assert (body.syn.group0_id, body.syn.recovery_leader) == (uuid.UUID(int=0), ABSENT)


def test_syn_of_2026_3_names_a_recovery_leader() -> None:
    body = assert_payload(
        GossipDigestSyn, framed(text("c"), text(PARTITIONER), "00000000", "11" * 16, "22" * 16)
    )
    assert body.syn.recovery_leader == uuid.UUID(int=int("22" * 16, 16))


def test_acknowledgement_asks_and_tells() -> None:
    # 4.2 base/boot, packet 53: asks only
    asks = assert_payload(GossipDigestAck, "1c000000 01000000 10000000 0c081fac 73ad026b 00000000 00000000")
    assert asks.ack.digests[0].max_version == 0
    assert asks.ack.states == ()
    tells = assert_payload(
        GossipDigestAck,
        framed(
            "00000000",
            "01000000 0b081fac",
            framed(
                "0c000000 73ad026b 05000000",
                "02000000",
                "03000000 " + framed(text("dc1"), "02000000"),
                "63000000 " + framed(text("?"), "03000000"),
            ),
        ),
    )
    ((endpoint, state),) = tells.ack.states
    assert endpoint == "172.31.8.11"
    assert state.heart_beat == HeartBeat(generation=0x6B02AD73, version=5)
    assert state.application_states == (
        (ApplicationState.DC, VersionedValue(value="dc1", version=2)),
        (99, VersionedValue(value="?", version=3)),
    )


def test_third_step_gives_what_was_asked_for() -> None:
    # 2025.1 base/batch, packet 14: a heart beat only
    body = assert_payload(
        GossipDigestAck2, "20000000 01000000 0d091fac 14000000 0c000000 29b6026b fb000000 00000000"
    )
    ((endpoint, state),) = body.ack2.states
    assert (endpoint, state.heart_beat.version, state.application_states) == ("172.31.9.13", 0xFB, ())
    # 4.2 faults/graceful_stop_and_return, packet 79
    assert assert_payload(GossipDigestAck2, "08000000 00000000").ack2.states == ()


def test_echo_is_empty_in_4_2() -> None:
    body = assert_payload(GossipEchoRequest, "")
    assert (body.generation, body.notify_up) == (ABSENT, ABSENT)
    assert_payload(Void, "")


def test_echo_of_2025_1_may_ask_to_be_seen_as_up() -> None:
    # 2025.1 base/boot, packet 581, and base/batch, packet 16
    asks = assert_payload(GossipEchoRequest, "25b6026b00000000 01")
    assert (asks.generation, asks.notify_up) == (0x6B02B625, True)
    assert assert_payload(GossipEchoRequest, "29b6026b00000000 00").notify_up is False


def test_shutdown_names_the_sender() -> None:
    # 4.2 and 2025.1 faults/graceful_stop_and_return, packets 11 and 95
    old = assert_payload(GossipShutdown, "0d081fac")
    assert (old.sender, old.generation) == ("172.31.8.13", ABSENT)
    modern = assert_payload(GossipShutdown, "0d091fac 66b7026b00000000")
    assert (modern.sender, modern.generation) == ("172.31.9.13", 0x6B02B766)


def test_starting_node_asks_for_seven_states() -> None:
    # 2025.1 base/boot, packet 28
    body = assert_payload(
        GossipGetEndpointStatesRequest,
        "24000000 07000000 16000000 0e000000 04000000 03000000 0c000000 0d000000 00000000",
    )
    assert body.request.application_states == (
        ApplicationState.SNITCH_NAME,
        ApplicationState.SUPPORTED_FEATURES,
        ApplicationState.RACK,
        ApplicationState.DC,
        ApplicationState.HOST_ID,
        ApplicationState.TOKENS,
        ApplicationState.STATUS,
    )


def test_starting_node_learns_states_of_an_ipv6_node() -> None:
    state = framed("0c000000 73ad026b 05000000", "01000000 0d000000", framed(text("1;2"), "07000000"))
    body = assert_payload(
        GossipGetEndpointStatesReply,
        framed(vector("ffffffff 20010db8000000000000000000000001" + state)),
    )
    ((endpoint, learned),) = body.response.states
    assert endpoint == "2001:db8::1"
    assert learned.application_states == ((ApplicationState.TOKENS, VersionedValue(value="1;2", version=7)),)
