from collections import Counter
from random import Random

from harness.backends.simulation.gossip.partners import partners


def rounds(live: list[str], unreachable: list[str], seeds: list[str]) -> Counter[tuple[str, ...]]:
    random = Random(1)
    return Counter(
        tuple(partners(live=live, unreachable=unreachable, seeds=seeds, random=random)) for _ in range(2000)
    )


def test_a_node_that_is_alone_asks_a_seed_each_time() -> None:
    assert rounds([], [], ["s"]) == {("s",): 2000}


def test_a_seed_that_is_alone_asks_nobody() -> None:
    assert rounds([], [], []) == {(): 2000}


def test_of_two_live_nodes_one_is_asked_and_the_seed_now_and_then_besides() -> None:
    # As n2 of base/idle_gossip.pcapng: n1 alone, n3 alone, or n3 and then the seed n1.
    found = rounds(["n1", "n3"], [], ["n1"])
    assert set(found) == {("n1",), ("n3",), ("n3", "n1")}
    assert all(count > 400 for count in found.values())


def test_a_seed_among_those_asked_is_enough() -> None:
    assert set(rounds(["n1"], [], ["n1"])) == {("n1",)}


def test_one_that_is_down_is_asked_in_half_of_the_rounds_of_a_cluster_of_three() -> None:
    # As n1 of faults/graceful_stop_and_return.pcapng while n3 is down.
    found = rounds(["n2"], ["n3"], [])
    assert set(found) == {("n2",), ("n2", "n3")}
    assert 800 < found["n2", "n3"] < 1200


def test_a_tenth_of_a_big_cluster_is_asked() -> None:
    live = [f"n{number}" for number in range(39)]
    assert {len(chosen) for chosen in rounds(live, [], [])} == {4}
