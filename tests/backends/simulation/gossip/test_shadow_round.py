import asyncio
from uuid import UUID

import pytest

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.shadow_round import ShadowRound, Told, check_collision
from harness.codec.verbs.gossip import (
    ApplicationState,
    DigestAck,
    EndpointState,
    GossipDigest,
    HeartBeat,
    VersionedValue,
)
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


def test_the_round_is_over_when_all_are_known_to_know_nothing() -> None:
    async def story() -> None:
        shadow = ShadowRound(lambda _: None)
        shadow.knows_nothing(SEED)
        running = asyncio.create_task(shadow.run([SEED, OTHER], has_to_know=False))
        await asyncio.sleep(0)
        assert not running.done()
        shadow.knows_nothing(OTHER)
        for _ in range(3):
            await asyncio.sleep(0)
        assert running.done()
        assert running.result() == ()

    asyncio.run(story())


def test_a_newcomer_waits_for_those_who_know_nothing_yet() -> None:
    async def story() -> None:
        shadow = ShadowRound(lambda _: None)
        running = asyncio.create_task(shadow.run([SEED], has_to_know=True))
        await asyncio.sleep(0)
        shadow.knows_nothing(SEED)
        for _ in range(3):
            await asyncio.sleep(0)
        assert not running.done()
        assert shadow.takes(SEED, DigestAck(digests=(), states=STATES))
        assert await running == STATES

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


OWN = "10.0.0.9"
IDENTITY = NodeIdentity(host_id=UUID(int=1), tokens=(1,), generation=5)


def told_of_own(host_id: int, status: str) -> Told:
    said = {ApplicationState.STATUS: status, ApplicationState.HOST_ID: str(UUID(int=host_id))}
    states = tuple((state, VersionedValue(value=value, version=1)) for state, value in said.items())
    heart_beat = HeartBeat(generation=4, version=1)
    return (*STATES, (OWN, EndpointState(heart_beat=heart_beat, application_states=states)))


def test_a_node_finds_itself_from_an_earlier_run() -> None:
    check_collision(STATES, OWN, IDENTITY)
    check_collision(told_of_own(1, "NORMAL,1"), OWN, IDENTITY)
    check_collision(told_of_own(1, "shutdown,true"), OWN, IDENTITY)


def test_an_address_belongs_to_one_host_until_that_has_left() -> None:
    with pytest.raises(BackendError, match="exists already"):
        check_collision(told_of_own(2, "NORMAL,1"), OWN, IDENTITY)
    check_collision(told_of_own(2, "LEFT,1,1795596588550"), OWN, IDENTITY)


def test_who_has_left_does_not_come_back() -> None:
    with pytest.raises(BackendError, match="decommissioned"):
        check_collision(told_of_own(1, "LEFT,1,1795596588550"), OWN, IDENTITY)
