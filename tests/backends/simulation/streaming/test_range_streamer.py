import asyncio
from collections.abc import Sequence

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.streaming.range_streamer import shared_keyspaces, stream_ranges
from harness.backends.simulation.streaming.token_ranges import TokenInterval
from harness.codec.verbs.streaming import StreamReason
from harness.errors import BackendError
from harness.replication import Replication
from harness.schema import Keyspace, Schema


def intervals(count: int) -> list[TokenInterval]:
    return [TokenInterval(number, number + 1) for number in range(count)]


class Plans:
    """Writes plans down; those with one peer fail."""

    def __init__(self, failing: str = "") -> None:
        self.done: list[tuple[str, str, int]] = []
        self._failing = failing
        self._open: set[str] = set()

    async def __call__(
        self,
        peer: str,
        keyspace: str,
        intervals: Sequence[TokenInterval],
        *,
        description: str,
        reason: StreamReason,
    ) -> None:
        assert (keyspace, reason) == ("ks", StreamReason.BOOTSTRAP)
        assert peer not in self._open
        self._open.add(peer)
        await asyncio.sleep(0)
        self._open.discard(peer)
        if peer == self._failing:
            raise BackendError("no")
        self.done.append((peer, description, len(intervals)))


def stream(plans: Plans, ranges: dict[str, list[TokenInterval]]) -> None:
    asyncio.run(stream_ranges(plans, "ks", ranges, name="Bootstrap", reason=StreamReason.BOOTSTRAP))


def test_plans_with_a_peer_are_numbered_and_follow_each_other() -> None:
    plans = Plans()
    stream(plans, {"a": intervals(3), "b": intervals(1)})
    assert sorted(plans.done) == [
        ("a", "Bootstrap-ks-index-0", 1),
        ("a", "Bootstrap-ks-index-1", 1),
        ("a", "Bootstrap-ks-index-2", 1),
        ("b", "Bootstrap-ks-index-0", 1),
    ]
    assert [index for peer, index, _ in plans.done if peer == "a"] == [
        f"Bootstrap-ks-index-{number}" for number in range(3)
    ]


def test_a_plan_has_a_tenth_of_the_ranges() -> None:
    plans = Plans()
    stream(plans, {"a": intervals(45)})
    assert [count for _, _, count in plans.done] == [4] * 11 + [1]


def test_a_plan_that_fails_is_told_when_the_others_have_ended() -> None:
    plans = Plans(failing="a")
    with pytest.raises(BackendError):
        stream(plans, {"a": intervals(2), "b": intervals(2)})
    assert [peer for peer, _, _ in plans.done] == ["b", "b"]


def test_keyspaces_that_every_node_has_for_itself_do_not_move() -> None:
    keyspaces = tuple(
        Keyspace(name=name, replication=Replication(strategy=strategy, factor=1))
        for name, strategy in [("ks", "SimpleStrategy"), ("own", "LocalStrategy")]
    )
    found = shared_keyspaces(Catalog(Schema(known_keyspaces=keyspaces)))
    assert [keyspace.name for keyspace in found] == ["ks"]
