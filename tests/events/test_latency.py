import random

from harness.events.latency import Latencies


def test_quantiles_are_exact_to_three_percent() -> None:
    rng = random.Random(7)
    durations = [int(rng.lognormvariate(13, 2)) for _ in range(5000)]
    latencies = Latencies()
    for duration in durations:
        latencies.add(duration)
    durations.sort()
    assert latencies.count == 5000
    assert latencies.shortest_ns == durations[0]
    assert latencies.longest_ns == durations[-1]
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        exact = durations[int(share * 5000) - 1]
        assert abs(latencies.quantile_ns(share) - exact) <= 0.032 * exact + 1


def test_memory_does_not_grow_with_the_count() -> None:
    latencies = Latencies()
    for duration in range(0, 100_000_000_000, 997_001):
        latencies.add(duration)
    assert len(latencies.buckets) < 2000


def test_the_order_does_not_matter_nor_does_merging() -> None:
    one, two, merged = Latencies(), Latencies(), Latencies()
    for duration in (5, 1000, 70_000, 3):
        one.add(duration)
    for duration in (3, 70_000, 1000, 5):
        two.add(duration)
    assert one == two
    for part in (5, 1000), (70_000, 3), ():
        some = Latencies()
        for duration in part:
            some.add(duration)
        merged.merge(some)
    assert merged == one


def test_small_durations_are_exact_and_negative_ones_are_none() -> None:
    latencies = Latencies()
    for duration in (-5, 0, 1, 63):
        latencies.add(duration)
    assert [latencies.quantile_ns(share) for share in (0.25, 0.75, 1.0)] == [0, 1, 63]
    assert Latencies().quantile_ns(0.5) == 0
