"""What is left of a timeout."""

from harness.backends.simulation.reads.deadline import Deadline
from harness.backends.simulation.real_world import RealWorld


class _Clock(RealWorld):
    """A world in which time passes when it is told to."""

    now_s = 100.0

    @property
    def monotonic_s(self) -> float:
        return self.now_s


def test_what_is_left_gets_less() -> None:
    clock = _Clock()
    deadline = Deadline.within(clock, 2_000)
    assert (deadline.left_ms, deadline.left_s, deadline.is_over) == (2_000, 2.0, False)
    clock.now_s += 0.5
    assert (deadline.left_ms, deadline.left_s, deadline.is_over) == (1_500, 1.5, False)


def test_when_it_is_over_messages_still_do_not_say_that_there_is_no_timeout() -> None:
    clock = _Clock()
    deadline = Deadline.within(clock, 100)
    clock.now_s += 1
    assert (deadline.left_ms, deadline.left_s, deadline.is_over) == (1, 0.0, True)
