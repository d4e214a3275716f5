from harness.events.surroundings import Surroundings


def test_seconds_count_from_the_first_packet() -> None:
    assert Surroundings(started_ns=1_000_000_000).seconds(2_500_000_000) == 1.5
    assert Surroundings().seconds(2_500_000_000) == 0
