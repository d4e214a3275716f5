"""How many replicas consistency levels ask for."""

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.writes.consistency import (
    LOCAL_REPLICATION,
    assure_enough_alive,
    replication_factor,
    required,
)
from harness.codec.cql.errors import ErrorCode, Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import Replication
from harness.topology import Node, Topology

SIMPLE = Replication(strategy="SimpleStrategy", factor=3)
BY_DC = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 3), ("dc2", 2)))
EVERYWHERE = Replication(strategy="EverywhereStrategy")
DC1 = tuple(Node(name=f"n{n}", address=f"a{n}", datacenter="dc1") for n in range(3))
DC2 = tuple(Node(name=f"m{n}", address=f"b{n}", datacenter="dc2") for n in range(2))
RING = Topology(nodes=DC1 + DC2)


@pytest.mark.parametrize(
    ("consistency", "simple", "by_datacenter"),
    [
        (ConsistencyLevel.ANY, 1, 1),
        (ConsistencyLevel.ONE, 1, 1),
        (ConsistencyLevel.TWO, 2, 2),
        (ConsistencyLevel.THREE, 3, 3),
        (ConsistencyLevel.QUORUM, 2, 3),
        (ConsistencyLevel.ALL, 3, 5),
        (ConsistencyLevel.LOCAL_ONE, 1, 1),
        (ConsistencyLevel.LOCAL_QUORUM, 2, 2),
        (ConsistencyLevel.EACH_QUORUM, 2, 4),
        (ConsistencyLevel.SERIAL, 2, 3),
        (ConsistencyLevel.LOCAL_SERIAL, 2, 2),
    ],
)
def test_levels_ask_for_replicas(consistency: ConsistencyLevel, simple: int, by_datacenter: int) -> None:
    assert required(consistency, SIMPLE, RING, "dc1") == simple
    assert required(consistency, BY_DC, RING, "dc1") == by_datacenter


def test_factors_of_strategies() -> None:
    assert replication_factor(EVERYWHERE, RING) == 5
    assert replication_factor(LOCAL_REPLICATION, RING) == 1
    of_all = Replication(strategy="NetworkTopologyStrategy", factor=2, factors=(("dc2", 1),))
    assert replication_factor(of_all, RING) == 3


def test_any_is_never_unavailable_as_a_hint_will_do() -> None:
    assure_enough_alive(ConsistencyLevel.ANY, SIMPLE, RING, "dc1", alive=())
    with pytest.raises(RequestError):
        assure_enough_alive(ConsistencyLevel.ONE, SIMPLE, RING, "dc1", alive=())


@pytest.mark.parametrize(
    ("consistency", "alive", "needed", "counted"),
    [
        (ConsistencyLevel.ONE, (), 1, 0),
        (ConsistencyLevel.QUORUM, DC1[:2], 3, 2),
        (ConsistencyLevel.LOCAL_QUORUM, (DC1[0], *DC2), 2, 1),
        (ConsistencyLevel.EACH_QUORUM, (*DC1, DC2[0]), 2, 1),
        (ConsistencyLevel.ALL, (*DC1, DC2[0]), 5, 4),
        (ConsistencyLevel.LOCAL_ONE, DC2, 1, 0),
    ],
)
def test_too_few_live_replicas_are_refused_with_the_numbers(
    consistency: ConsistencyLevel, alive: tuple[Node, ...], needed: int, counted: int
) -> None:
    with pytest.raises(RequestError) as caught:
        assure_enough_alive(consistency, BY_DC, RING, "dc1", alive=alive)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.details == Unavailable(consistency=consistency, required=needed, alive=counted)


@pytest.mark.parametrize(
    ("consistency", "alive"),
    [
        (ConsistencyLevel.ONE, DC2[:1]),
        (ConsistencyLevel.LOCAL_ONE, DC1[:1]),
        (ConsistencyLevel.QUORUM, (DC1[0], *DC2)),
        (ConsistencyLevel.LOCAL_QUORUM, DC1[:2]),
        (ConsistencyLevel.EACH_QUORUM, (*DC1[:2], *DC2)),
        (ConsistencyLevel.ALL, (*DC1, *DC2)),
    ],
)
def test_just_enough_live_replicas_are_not_refused_and_one_less_is(
    consistency: ConsistencyLevel, alive: tuple[Node, ...]
) -> None:
    assure_enough_alive(consistency, BY_DC, RING, "dc1", alive=alive)
    with pytest.raises(RequestError):
        assure_enough_alive(consistency, BY_DC, RING, "dc1", alive=alive[1:])


def test_a_replica_to_come_raises_what_is_needed_and_does_not_show_in_the_refusal() -> None:
    assure_enough_alive(ConsistencyLevel.QUORUM, SIMPLE, RING, "dc1", alive=DC1, pending=DC2[:1])
    with pytest.raises(RequestError) as caught:
        assure_enough_alive(
            ConsistencyLevel.QUORUM, SIMPLE, RING, "dc1", alive=(DC1[0], DC2[0]), pending=DC2[:1]
        )
    assert caught.value.details == Unavailable(consistency=ConsistencyLevel.QUORUM, required=2, alive=1)
