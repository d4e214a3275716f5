from collections import Counter
from pathlib import Path

import pytest

from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from harness.events.under_way import (
    SETTLED_NS,
    UNTOLD_LIMIT_NS,
    UnderWay,
    clean_cut,
    end_with_answers,
)
from tests.written.written_capture import demo_trace

SECOND_NS = 1_000_000_000


def until(trace: Trace, number: int) -> UnderWay:
    """What is under way after the messages up to one, that one included."""
    under_way = UnderWay()
    under_way.take(trace.messages[: number + 1])
    return under_way


def left(trace: Trace, number: int, later_ns: int = 0) -> list[tuple[str, str | None]]:
    now_ns = trace[number].time_ns + later_ns
    return [(message.verb_name, message.receiver_node) for message in until(trace, number).left(now_ns)]


def test_what_is_asked_is_under_way_until_it_is_answered(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    assert left(trace, 13) == []
    assert left(trace, 14) == [("QUERY", "n1")]
    assert left(trace, 16) == [("QUERY", "n1"), ("PAXOS_PREPARE", "n2"), ("PAXOS_PREPARE", "n3")]
    assert left(trace, 17) == [("QUERY", "n1"), ("PAXOS_PREPARE", "n3")]
    assert left(trace, 25) == [("QUERY", "n1"), ("PAXOS_LEARN", "n3")]
    assert left(trace, 28) == [("QUERY", "n1")]
    assert left(trace, 29) == []


def test_nobody_waits_longer_than_the_timeout_says(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    assert ("PAXOS_PREPARE", "n3") in left(trace, 17, 2 * SECOND_NS)
    assert left(trace, 17, 3 * SECOND_NS) == [("QUERY", "n1")]
    assert left(trace, 17, 60 * SECOND_NS) == []


def test_nobody_waits_for_a_node_that_is_gone(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    under_way = until(trace, 17)
    gone = under_way.left(trace[17].time_ns, is_hopeless=lambda message: message.receiver_node == "n3")
    assert [message.verb_name for message in gone] == ["QUERY"]


def test_a_node_that_goes_on_answers_late(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    under_way = until(trace, 17)
    resumed_ns = trace[17].time_ns + 5 * SECOND_NS

    def answers(now_ns: int) -> list[str]:
        waiting = under_way.left(
            now_ns, asked_anew_ns=lambda address: resumed_ns if address[-1] == "3" else 0
        )
        return [message.verb_name for message in waiting]

    assert answers(resumed_ns + 1_000_000) == ["QUERY", "PAXOS_PREPARE"]
    assert answers(resumed_ns + 2 * SECOND_NS) == ["QUERY"]


def test_it_settles_when_nothing_comes_but_what_comes_all_the_time(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    under_way = until(trace, 29)
    assert not under_way.is_settled(trace[29].time_ns + SETTLED_NS - 1)
    assert under_way.is_settled(trace[29].time_ns + SETTLED_NS)


def test_a_span_ends_with_the_answers_to_what_was_asked_in_it(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    begin_ns, end_ns = trace[14].time_ns, trace[15].time_ns
    assert end_with_answers(trace, begin_ns, end_ns) == trace[29].time_ns
    assert end_with_answers(trace, trace[15].time_ns, end_ns) == trace[17].time_ns
    assert end_with_answers(trace, trace[29].time_ns, trace[29].time_ns) == trace[29].time_ns


@pytest.mark.parametrize("line", ["scylla-4.2", "scylla-2025.1"])
def test_a_cut_divides_no_round_of_gossip_and_no_ping(reference: Path, line: str) -> None:
    trace = read_trace(reference / line / "base" / "idle_gossip.pcapng")
    opening = ("GOSSIP_DIGEST_SYN", "GOSSIP_DIGEST_ACK", "DIRECT_FD_PING")
    asked = [message for message in trace if message.verb_name in opening and message.request is None]
    for message in asked[20:-20]:
        for forward in (True, False):
            cut_ns = clean_cut(trace, message.time_ns, forward=forward)
            # What happens at the very time of a cut is inside of what the cut bounds.
            before = Counter(
                (other.verb_name, other.request is None)
                for other in trace
                if (other.time_ns <= cut_ns if forward else other.time_ns < cut_ns)
            )
            assert before["GOSSIP_DIGEST_SYN", True] == before["GOSSIP_DIGEST_ACK2", True]
            assert before["DIRECT_FD_PING", True] == before["DIRECT_FD_PING", False]
            assert (cut_ns >= message.time_ns) is forward or cut_ns == message.time_ns


@pytest.mark.parametrize("name", ["write_rf3", "lwt_insert_twice", "read_cl", "counter", "batch", "schema"])
def test_work_of_real_clusters_is_quiet_at_the_end(reference: Path, name: str) -> None:
    for line in ("scylla-4.2", "scylla-2025.1"):
        trace = read_trace(reference / line / "base" / f"{name}.pcapng")
        under_way = until(trace, len(trace) - 1)
        assert under_way.left(trace[-1].time_ns + UNTOLD_LIMIT_NS) == ()
        answered = [
            message
            for message in under_way.left(trace[-1].time_ns)
            if trace[-1].time_ns - message.time_ns > SETTLED_NS
        ]
        assert answered == []


def test_a_write_of_a_real_cluster_is_under_way_until_all_replicas_have_it(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2" / "base" / "write_rf3.pcapng")
    for message in trace:
        if message.verb_name != "MUTATION":
            continue
        done = trace.exchange_of(message).reply
        assert done is not None
        assert ("MUTATION", message.receiver_node) in left(trace, message.number)
        assert message not in until(trace, done.number).left(done.time_ns)
