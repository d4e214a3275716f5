"""Gossip: each second every node asks another what it knows, and both tell each other what is news."""

from itertools import permutations

import pytest

from harness import Cluster, Wire
from harness.expect import (
    DIRECT_FD_PING,
    GOSSIP_DIGEST_ACK,
    GOSSIP_DIGEST_ACK2,
    GOSSIP_DIGEST_SYN,
    Capture,
    any_order,
    at_least,
    before,
    exactly,
    one_way,
    reply,
    request,
)

SYN, ACK, ACK2 = GOSSIP_DIGEST_SYN, GOSSIP_DIGEST_ACK, GOSSIP_DIGEST_ACK2
ASKS, ANSWERS = Capture("who asks"), Capture("who answers")


@pytest.mark.cluster(capture="idle_gossip", nodes=3)
def test_every_question_is_answered_and_the_answer_too(cluster: Cluster, wire: Wire) -> None:
    """Between any two nodes: as many ACKs as SYNs, and as many ACK2s, none before what it answers.

    Source: gms/gossiper.cc, run, handle_syn_msg, handle_ack_msg; docs/architecture, "Gossip".
    """
    started = any_order(*[at_least(5, one_way(SYN, sender=node)) for node in cluster.nodes])
    with wire.recording(until=started) as rounds:
        pass
    pairs = list(permutations(cluster.nodes, 2))
    rounds.expect(
        started,
        before(one_way(SYN, sender=ASKS, receiver=ANSWERS), one_way(ACK, sender=ANSWERS, receiver=ASKS)),
        before(one_way(ACK, sender=ANSWERS, receiver=ASKS), one_way(ACK2, sender=ASKS, receiver=ANSWERS)),
        *[
            exactly(rounds.count(one_way(SYN, sender=a, receiver=b)), one_way(ACK, sender=b, receiver=a))
            for a, b in pairs
        ],
        *[
            exactly(rounds.count(one_way(SYN, sender=a, receiver=b)), one_way(ACK2, sender=a, receiver=b))
            for a, b in pairs
        ],
    )


@pytest.mark.cluster(
    capture="idle_gossip",
    nodes=3,
    lines=("5.4", "6.2", "2025.1", "2026.3"),
    because="4.2 tells the dead by the silence of their gossip",
)
def test_nodes_ping_each_other_to_find_the_dead(cluster: Cluster, wire: Wire) -> None:
    """Ten times a second each node pings each other one, and every ping is answered.

    Source: direct_failure_detector/failure_detector.cc.
    """
    pairs = list(permutations(cluster.nodes, 2))
    pinged = any_order(*[at_least(20, request(DIRECT_FD_PING, sender=a, receiver=b)) for a, b in pairs])
    with wire.recording(until=pinged) as pings:
        pass
    pings.expect(
        pinged,
        *[
            exactly(
                pings.count(request(DIRECT_FD_PING, sender=a, receiver=b)),
                reply(DIRECT_FD_PING, sender=b, receiver=a),
            )
            for a, b in pairs
        ],
    )
