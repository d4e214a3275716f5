"""Ballots: their time, their order, their chance."""

from pathlib import Path
from random import Random

import pytest

from harness.backends.simulation.paxos.ballots import NO_BALLOT, Ballots, is_newer
from harness.backends.simulation.time_uuids import timestamp_us_of
from harness.codec.verbs.paxos import PaxosAcceptRequest
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.captured_statements import ballot_timestamp_us

_NOW_US = 1_600_000_000_000_000


def test_a_ballot_holds_its_moment() -> None:
    ballot = Ballots(Random(1)).make(_NOW_US)
    assert ballot_timestamp_us(ballot) == timestamp_us_of(ballot) == _NOW_US
    assert ballot.int >> 76 & 15 == 1  # the version


def test_each_is_newer_than_the_one_before_even_if_the_clock_goes_back() -> None:
    ballots = Ballots(Random(1))
    made = [ballots.make(moment) for moment in (_NOW_US, _NOW_US, _NOW_US - 1_000)]
    assert [timestamp_us_of(ballot) - _NOW_US for ballot in made] == [0, 1, 2]
    assert is_newer(made[1], made[0])
    assert not is_newer(made[0], made[0])


def test_a_ballot_is_newer_than_what_it_has_to_overtake() -> None:
    assert timestamp_us_of(Ballots(Random(1)).make(_NOW_US, _NOW_US + 500)) == _NOW_US + 501


def test_everything_is_newer_than_no_ballot() -> None:
    assert is_newer(Ballots(Random(1)).make(1), NO_BALLOT)


def test_coordinators_of_the_same_microsecond_have_different_ballots() -> None:
    one, other = Ballots(Random(1)).make(_NOW_US), Ballots(Random(2)).make(_NOW_US)
    assert one != other
    assert not is_newer(one, other)
    assert not is_newer(other, one)


@pytest.mark.reference
def test_the_low_half_is_chance_throughout_as_in_real_clusters(reference: Path) -> None:
    """None of its bits is always the same, the variant's included."""
    path = reference / "scylla-4.2/base/lwt_contention.pcapng"
    real = {
        message.body.proposal.ballot
        for message in trace_of(path).rpc
        if isinstance(message.body, PaxosAcceptRequest)
    }
    ballots = Ballots(Random(1))
    made = {ballots.make(_NOW_US) for _ in range(len(real))}
    assert len(real) > 20
    for some in (real, made):
        always_set = always_clear = 2**64 - 1
        for ballot in some:
            always_set &= ballot.int
            always_clear &= ~ballot.int
        assert (always_set | always_clear) & (2**64 - 1) == 0
