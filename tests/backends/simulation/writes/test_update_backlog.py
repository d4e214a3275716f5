"""What a node tells of the view updates that are under way."""

from dataclasses import dataclass
from typing import cast

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.writes.update_backlog import ViewBacklog
from harness.codec.verbs.common import UpdateBacklog

IDLE = UpdateBacklog(current_bytes=0, limit_bytes=2**64 - 1)


def limited(current_bytes: int) -> UpdateBacklog:
    """As captures of scylla-4.2 have it: a tenth of a GiB is the limit."""
    return UpdateBacklog(current_bytes=current_bytes, limit_bytes=107_374_182)


@dataclass
class Clock:
    monotonic_s: float = 100.0


@dataclass
class WithClock:
    world: Clock


def backlog_with(clock: Clock) -> ViewBacklog:
    return ViewBacklog(cast("NodeContext", WithClock(clock)))


def test_an_idle_node_tells_no_limit_and_asked_again_soon_its_limit() -> None:
    clock = Clock()
    backlog = backlog_with(clock)
    assert backlog.tell() == IDLE
    clock.monotonic_s += 0.005
    assert backlog.tell() == limited(0)
    clock.monotonic_s += 0.006
    assert backlog.tell() == IDLE


def test_bytes_under_way_are_told_until_they_have_arrived() -> None:
    clock = Clock()
    backlog = backlog_with(clock)
    backlog.add(182)
    backlog.add(240)
    assert backlog.tell() == limited(422)
    backlog.remove(240)
    clock.monotonic_s += 0.02
    assert backlog.tell() == limited(182)
    backlog.remove(182)
    clock.monotonic_s += 0.02
    assert backlog.tell() == IDLE


def test_within_ten_milliseconds_the_greatest_is_told() -> None:
    clock = Clock()
    backlog = backlog_with(clock)
    backlog.add(233)
    assert backlog.tell() == limited(233)
    backlog.remove(233)
    clock.monotonic_s += 0.004
    assert backlog.tell() == limited(233)
    backlog.add(500)
    assert backlog.tell() == limited(500)
