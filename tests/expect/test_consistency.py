"""How many replicas have to answer."""

import pytest

from harness.errors import ExpectationError
from harness.expect.consistency import checked_level, requirement_of
from harness.topology import Node

A = tuple(Node(name=f"a{index}", address=f"10.0.0.{index}", datacenter="a") for index in (1, 2, 3))
B = tuple(Node(name=f"b{index}", address=f"10.0.1.{index}", datacenter="b") for index in (1, 2))


@pytest.mark.parametrize(
    ("level", "count"),
    [
        ("ANY", 1),
        ("ONE", 1),
        ("TWO", 2),
        ("THREE", 3),
        ("QUORUM", 3),
        ("ALL", 5),
        ("LOCAL_ONE", 1),
        ("LOCAL_QUORUM", 2),
        ("EACH_QUORUM", 4),
        ("SERIAL", 3),
        ("LOCAL_SERIAL", 2),
    ],
)
def test_levels_count_replicas(level: str, count: int) -> None:
    assert requirement_of(level, A + B, "a", is_by_datacenter=True).count == count


def test_local_levels_count_only_their_datacenter() -> None:
    wanted = requirement_of("LOCAL_QUORUM", A + B, "a", is_by_datacenter=True)
    assert wanted.lacking({"b1", "b2", "a1"}) == 1
    assert wanted.lacking({"a1", "a3"}) == 0


def test_each_quorum_is_one_of_every_datacenter() -> None:
    wanted = requirement_of("EACH_QUORUM", A + B, "a", is_by_datacenter=True)
    assert wanted.lacking({"a1", "a2", "a3"}) == 2
    assert wanted.lacking({"a1", "a2", "b1", "b2"}) == 0


@pytest.mark.parametrize("level", ["LOCAL_QUORUM", "EACH_QUORUM"])
def test_datacenters_do_not_count_where_replicas_are_not_spread_by_them(level: str) -> None:
    wanted = requirement_of(level, A + B, "a", is_by_datacenter=False)
    assert wanted.lacking({"a1", "b1", "b2"}) == 0


def test_who_is_no_replica_does_not_count() -> None:
    assert requirement_of("ONE", A, "a", is_by_datacenter=False).lacking({"n9"}) == 1


def test_levels_are_known_by_name_in_any_case() -> None:
    assert checked_level("local_quorum") == "LOCAL_QUORUM"
    with pytest.raises(ExpectationError, match="did you mean QUORUM"):
        checked_level("QORUM")
