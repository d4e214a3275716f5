import pytest

from harness.backends.replay.silence import says_something, silences
from harness.events.message import Message
from harness.events.trace import Trace
from tests.backends.conftest import Replay
from tests.events.messages import SECOND_NS, STARTED_NS, connection, message


def says(node: str, at_s: float, to: str = "n9") -> Message:
    return message(on=connection(client=node, server=to), at_s=at_s)


def test_a_node_is_silent_between_two_messages_far_apart() -> None:
    trace = Trace((says("n1", 0), says("n2", 0.5), says("n1", 1), says("n2", 2.5), says("n1", 3)))
    (silence,) = silences(trace, "n2")
    assert (silence.begin_ns - STARTED_NS, silence.end_ns - STARTED_NS) == (
        SECOND_NS // 2,
        5 * SECOND_NS // 2,
    )
    assert not silence.lasts


def test_a_silence_can_last_to_the_end() -> None:
    trace = Trace((says("n2", 0), says("n1", 1), says("n1", 3)))
    (silence,) = silences(trace, "n2")
    assert silence.lasts
    assert not says_something(trace, "n2", silence.begin_ns + 1)


def test_a_node_can_be_silent_to_one_peer_alone() -> None:
    talk = (says("n2", 0, "n1"), says("n2", 1, "n3"), says("n2", 2, "n3"), says("n2", 3, "n1"))
    assert silences(Trace(talk), "n2", ["n1"])
    assert not silences(Trace(talk), "n2")


def test_an_empty_trace_has_no_silence() -> None:
    assert silences(Trace(()), "n1") == ()


@pytest.mark.parametrize("name", ["paused_replica", "hinted_handoff", "graceful_stop_and_return", "repair"])
def test_real_nodes_are_silent_while_they_are_gone(replay: Replay, name: str) -> None:
    trace = replay(f"faults/{name}").trace
    assert silences(trace, "n3")
    assert not any(silence.lasts for silence in silences(trace, "n3"))


def test_real_nodes_at_work_are_not_silent(replay: Replay) -> None:
    trace = replay("base/idle_gossip").trace
    assert not any(silences(trace, node.name) for node in trace.topology.nodes)
