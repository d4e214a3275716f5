"""What a replica remembers, in whichever order it comes."""

from itertools import permutations

from harness.backends.simulation.paxos.paxos_state import PaxosState
from tests.backends.simulation.paxos.rounds import nothing, proposal

_OLD, _NEW = proposal(10), proposal(20, 8)


def test_an_older_proposal_does_not_replace_a_newer_one() -> None:
    state = PaxosState()
    state.accept(_NEW)
    state.accept(_OLD)
    assert state.accepted == _NEW


def test_a_decision_erases_the_proposals_up_to_it() -> None:
    state = PaxosState()
    state.accept(_OLD)
    state.learn(_NEW)
    assert state.accepted is None
    assert state.committed == _NEW


def test_a_decision_leaves_newer_proposals() -> None:
    state = PaxosState()
    state.accept(_NEW)
    state.learn(_OLD)
    assert state.accepted == _NEW
    assert state.committed == _OLD


def test_the_newest_decision_counts() -> None:
    state = PaxosState()
    state.learn(_NEW)
    state.learn(_OLD)
    assert state.committed == _NEW


def test_steps_of_one_round_end_alike_in_any_order() -> None:
    """LEARN, PRUNE and ACCEPT of one ballot overtake each other on the wire."""
    for order in permutations(range(3)):
        state = PaxosState()
        for step in order:
            (
                lambda state: state.accept(_OLD),
                lambda state: state.learn(_OLD),
                lambda state: state.forget(_OLD.ballot),
            )[step](state)
        assert state.accepted is None
        assert state.committed == nothing(_OLD.ballot)


def test_forgetting_a_round_leaves_newer_decisions() -> None:
    state = PaxosState()
    state.learn(_NEW)
    state.forget(_OLD.ballot)
    assert state.committed == _NEW
