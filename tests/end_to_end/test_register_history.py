import pytest

from tests.end_to_end.register_history import Read, RegisterHistory, Write


def write(value: str | None, timestamp: int, begin_s: float, acknowledged_s: float = float("inf")) -> Write:
    return Write(key=1, value=value, timestamp=timestamp, begin_s=begin_s, acknowledged_s=acknowledged_s)


def read(value: str | None, begin_s: float, end_s: float, timestamp: int | None = None) -> Read:
    return Read(key=1, value=value, timestamp=timestamp, begin_s=begin_s, end_s=end_s)


A, B = write("a", 1, 0, 1), write("b", 2, 2, 3)
LATE = write("late", 0, 2, 3)
FAILED = write("failed", 3, 4)
GONE = write(None, 4, 5, 6)


@pytest.mark.parametrize(
    ("writes", "reads"),
    [
        ([], [read(None, 0, 1)]),
        ([A], [read(None, 0.5, 1.5), read("a", 0.5, 1.5)]),
        ([A, B], [read("a", 2.5, 3.5), read("b", 2.5, 3.5), read("b", 4, 5)]),
        # What has the greater timestamp wins, whenever it comes.
        ([A, LATE], [read("a", 4, 5, timestamp=1)]),
        ([A, B, FAILED], [read("b", 5, 6), read("failed", 5, 6)]),
        ([A, GONE], [read(None, 7, 8)]),
    ],
)
def test_answers_that_can_be_right_pass(writes: list[Write], reads: list[Read]) -> None:
    assert list(RegisterHistory(writes, reads).wrongs()) == []


@pytest.mark.parametrize(
    ("writes", "reads", "why"),
    [
        ([A, B], [read("a", 4, 5)], "saw 'a', not 'b', acknowledged at 3.000 s"),
        ([A], [read(None, 2, 3)], "saw None, not 'a'"),
        ([A, GONE], [read("a", 7, 8)], "saw 'a', not None"),
        ([A], [read("x", 2, 3)], "saw 'x', which nobody has written"),
        ([B], [read("b", 0, 1)], "which nobody has written"),
        ([A], [read("a", 2, 3, timestamp=9)], "which nobody has written"),
        ([A, LATE], [read("late", 4, 5)], "saw 'late', not 'a'"),
        ([A, B, FAILED], [read("failed", 5, 6), read("b", 7, 8)], "saw 'b', older than what was seen before"),
    ],
)
def test_answers_that_cannot_be_right_are_told(writes: list[Write], reads: list[Read], why: str) -> None:
    (wrong,) = RegisterHistory(writes, reads).wrongs()
    assert why in wrong
