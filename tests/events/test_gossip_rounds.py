from pathlib import Path

import pytest

from harness.dissect.reading import read_trace
from harness.events.gossip_rounds import ROUND_NS_MAX, GossipRounds, Round, cut


def test_every_syn_of_idle_nodes_begins_a_round_that_ends(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2" / "base" / "idle_gossip.pcapng")
    rounds = GossipRounds()
    for message in trace:
        rounds.take([message])
        if message.verb_name == "GOSSIP_DIGEST_SYN":
            assert rounds.under_way(message.time_ns)
    syns = [message for message in trace if message.verb_name == "GOSSIP_DIGEST_SYN"]
    assert [item.begin_ns for item in rounds.rounds] == [message.time_ns for message in syns]
    assert all(item.is_over for item in rounds.rounds[:-2])
    assert not rounds.under_way(trace[-1].time_ns + ROUND_NS_MAX)


def test_rounds_with_a_node_that_is_gone_are_given_up(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2" / "faults" / "hinted_handoff.pcapng")
    rounds = GossipRounds()
    rounds.take(trace)
    # The dead node answers no SYN; those of its return are answered by new ACKs, not by old ones.
    assert all(item.last_ns - item.begin_ns < 2 * ROUND_NS_MAX for item in rounds.rounds)
    assert sum(item.is_over for item in rounds.rounds) > 100


@pytest.mark.parametrize(
    ("time_ns", "forward", "expected"),
    [
        (5, True, 5),
        (10, True, 35),
        (25, True, 35),
        (35, True, 35),
        (40, True, 40),
        (5, False, 5),
        (10, False, 10),
        (11, False, 10),
        (35, False, 10),
        (36, False, 36),
    ],
)
def test_a_cut_moves_out_of_rounds_that_overlap(time_ns: int, forward: bool, expected: int) -> None:
    rounds = [Round(10, 20), Round(15, 30), Round(28, 35), Round(38, 38)]
    assert cut(rounds, time_ns, forward=forward) == expected


def test_the_first_rounds_of_a_new_node_end_with_the_answer(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2" / "base" / "boot.pcapng")
    rounds = GossipRounds()
    rounds.take(trace)
    shadows = [item for item in rounds.rounds if item.is_shadow]
    answered = [item for item in shadows if item.last_ns > item.begin_ns]
    assert answered
    assert all(item.is_over for item in answered)
    # What was asked of nodes that did not listen yet takes no answer that belongs to another round.
    assert all(item.last_ns - item.begin_ns < ROUND_NS_MAX / 2 for item in rounds.rounds)
