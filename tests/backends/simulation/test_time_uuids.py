from random import Random
from uuid import UUID

from harness.backends.simulation.time_uuids import TimeUuids, timestamp_us_of

NOW_US = 1_795_337_666_144_268


def test_they_are_of_version_1_and_hold_their_moment() -> None:
    made = TimeUuids(Random(1)).make(NOW_US)
    assert (made.version, made.variant) == (1, "specified in RFC 4122")
    assert timestamp_us_of(made) == NOW_US


def test_the_moment_is_read_as_rfc_4122_says() -> None:
    # The example of RFC 4122 was made on 3 February 1997 at 17:43:12.216875.
    assert timestamp_us_of(UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")) == 854_991_792_216_875


def test_each_is_later_than_the_one_before_even_if_the_clock_stands_or_goes_back() -> None:
    uuids = TimeUuids(Random(1))
    made = [uuids.make(now_us) for now_us in (NOW_US, NOW_US, NOW_US - 50, NOW_US + 1)]
    assert [one.time for one in made] == sorted({one.time for one in made})


def test_nodes_do_not_give_the_same() -> None:
    assert TimeUuids(Random(1)).make(NOW_US) != TimeUuids(Random(2)).make(NOW_US)
