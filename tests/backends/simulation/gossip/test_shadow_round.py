import asyncio

import pytest

from harness.backends.simulation.gossip.shadow_round import ShadowRound, Told
from harness.codec.verbs.gossip import DigestAck, EndpointState, GossipDigest, HeartBeat
from harness.errors import BackendError

SEED, OTHER = "10.0.0.1", "10.0.0.2"
STATES: Told = ((SEED, EndpointState(heart_beat=HeartBeat(generation=1, version=1), application_states=())),)
WANTS = GossipDigest(endpoint="10.0.0.9", generation=1, max_version=0)


def test_the_first_answer_counts_and_later_ones_are_known_for_what_they_are() -> None:
    async def story() -> None:
        asked: list[str] = []
        shadow = ShadowRound(asked.append)
        running = asyncio.create_task(shadow.run([SEED, OTHER], has_to_know=True))
        await asyncio.sleep(0)
        assert asked == [SEED, OTHER]
        assert shadow.takes(SEED, DigestAck(digests=(), states=STATES))
        assert await running == STATES
        assert shadow.takes(OTHER, DigestAck(digests=(), states=STATES))
        # Each was asked once: what comes now answers something else.
        assert not shadow.takes(OTHER, DigestAck(digests=(), states=()))
        assert not shadow.takes(SEED, DigestAck(digests=(), states=STATES))

    asyncio.run(story())


def test_an_ack_that_asks_for_something_is_none_of_the_shadow_round() -> None:
    async def story() -> None:
        shadow = ShadowRound(lambda _: None)
        assert await shadow.run([SEED], has_to_know=False) == ()
        assert not shadow.takes(SEED, DigestAck(digests=(WANTS,), states=()))

    asyncio.run(story())


def test_nobody_is_asked_if_there_is_nobody() -> None:
    asked: list[str] = []
    assert asyncio.run(ShadowRound(asked.append).run([], has_to_know=True)) == ()
    assert asked == []


def test_a_newcomer_cannot_start_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.backends.simulation.gossip.shadow_round._TRIES_OF_NEWCOMER", 2)
    asked: list[str] = []
    with pytest.raises(BackendError, match=f"unable to gossip with any of {SEED}"):
        asyncio.run(ShadowRound(asked.append).run([SEED], has_to_know=True))
    assert asked == [SEED, SEED]
