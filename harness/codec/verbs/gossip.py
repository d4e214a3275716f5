"""Gossip: who is there, in which version, saying what of itself.

Source:
    Scylla, idl/gossip_digest.idl.hh, idl/gossip.idl.hh, gms/application_state.hh, gms/gossiper.cc, branches
    4.2 to master (August 2026).
"""

from enum import IntEnum
from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    I32,
    I64,
    Absent,
    Flag,
    Inet,
    Number,
    Since,
    Text,
    Uuid,
    Void,
    arguments,
    sized,
)


class ApplicationState(IntEnum):
    """What a node says of itself; every value is text."""

    STATUS = 0
    LOAD = 1
    SCHEMA = 2
    DC = 3
    RACK = 4
    RELEASE_VERSION = 5
    REMOVAL_COORDINATOR = 6
    INTERNAL_IP = 7
    RPC_ADDRESS = 8
    X_11_PADDING = 9
    SEVERITY = 10
    NET_VERSION = 11
    HOST_ID = 12
    TOKENS = 13
    SUPPORTED_FEATURES = 14
    CACHE_HITRATES = 15
    SCHEMA_TABLES_VERSION = 16
    RPC_READY = 17
    VIEW_BACKLOG = 18
    SHARD_COUNT = 19
    IGNORE_MSB_BITS = 20
    CDC_GENERATION_ID = 21
    """CDC_STREAMS_TIMESTAMP in 4.x."""
    SNITCH_NAME = 22
    """5.0 and later."""
    GROUP0_STATE_ID = 23
    """2025.1 and later."""


ApplicationStateNumber = Annotated[int, Number("i32", ApplicationState)]


@sized
class VersionedValue:
    """One application state's value."""

    value: Text
    version: I32
    """From the node's counter that its heartbeat shares."""


@sized
class HeartBeat:
    """When a node started, and how far it has counted since."""

    generation: I32
    """Seconds since 1970 at the node's start."""
    version: I32


@sized
class EndpointState:
    """What is news about a node."""

    heart_beat: HeartBeat
    application_states: tuple[tuple[ApplicationStateNumber, VersionedValue], ...]


@sized
class GossipDigest:
    """How much of a node's news the sender has (or, in an ACK, wants more than)."""

    endpoint: Inet
    generation: I32
    max_version: I32


@sized
class DigestSyn:
    """The digests of all nodes that the sender knows."""

    cluster_name: Text
    partitioner: Text
    digests: tuple[GossipDigest, ...]
    """Empty in a shadow round: the sender wants everything."""
    group0_id: Annotated[Uuid | Absent, Since(Line.V5_4)] = ABSENT
    recovery_leader: Annotated[Uuid | Absent, Since(Line.V2026_3)] = ABSENT


@sized
class DigestAck:
    """What the receiver of a SYN wants, and what it knows better."""

    digests: tuple[GossipDigest, ...]
    states: tuple[tuple[Inet, EndpointState], ...]


@sized
class DigestAck2:
    """What was wanted."""

    states: tuple[tuple[Inet, EndpointState], ...]


@arguments
class GossipDigestSyn:
    """First step of a gossip round."""

    syn: DigestSyn


@arguments
class GossipDigestAck:
    """Second step of a gossip round."""

    ack: DigestAck


@arguments
class GossipDigestAck2:
    """Third step of a gossip round."""

    ack2: DigestAck2


@arguments
class GossipEchoRequest:
    """Are you there?"""

    generation: Annotated[I64 | Absent, Since(Line.V5_0)] = ABSENT
    """The sender's."""
    notify_up: Annotated[Flag | Absent, Since(Line.V6_2)] = ABSENT
    """The sender is about to open its CQL port and wants to be seen as up."""


@arguments
class GossipShutdown:
    """The sender stops."""

    sender: Inet
    generation: Annotated[I64 | Absent, Since(Line.V5_0)] = ABSENT
    """The sender's."""


@sized
class WantedStates:
    """Application states that are asked for."""

    application_states: tuple[ApplicationStateNumber, ...]


@arguments
class GossipGetEndpointStatesRequest:
    """A starting node asks what is known of all nodes."""

    request: WantedStates


@sized
class KnownStates:
    """What is known of all nodes."""

    states: tuple[tuple[Inet, EndpointState], ...]


@arguments
class GossipGetEndpointStatesReply:
    """What is known of all nodes, as far as it was asked for."""

    response: KnownStates


VERBS: tuple[Verb, ...] = (
    verb(
        6,
        "GOSSIP_DIGEST_SYN",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=GossipDigestSyn),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="gossip round, step 1: digests",
    ),
    verb(
        7,
        "GOSSIP_DIGEST_ACK",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=GossipDigestAck),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="gossip round, step 2: wanted digests and newer states",
    ),
    verb(
        8,
        "GOSSIP_DIGEST_ACK2",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=GossipDigestAck2),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="gossip round, step 3: the wanted states",
    ),
    verb(
        9,
        "GOSSIP_ECHO",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=GossipEchoRequest, reply=Void),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="is the node alive?",
    ),
    verb(
        10,
        "GOSSIP_SHUTDOWN",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=GossipShutdown),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="the sender shuts down",
    ),
    verb(
        44,
        "GOSSIP_GET_ENDPOINT_STATES",
        Mode.TWO_WAY,
        Payload(since=Line.V5_0, request=GossipGetEndpointStatesRequest, reply=GossipGetEndpointStatesReply),
        since=Line.V5_0,
        evidence=(Line.V2025_1,),
        purpose="shadow round as request and reply",
    ),
)
