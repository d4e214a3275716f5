"""Which statements of two runs are the same: equal text but for numbers, level, and the coordinator's part in it."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.golden.normal_form import Flow

_PAIR = 1 << 32
"""What a pair counts, so that no likeness of others makes up for one that is missing."""


class Pair(NamedTuple):
    """A statement in both runs; their indices."""

    first: int
    second: int


def aligned(first: Sequence[Flow], second: Sequence[Flow]) -> tuple[Pair, ...]:
    """The longest list of pairs that keeps the order of both; of several, the one that is most alike."""
    rows, columns = len(first), len(second)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            score = _likeness(first[row], second[column])
            together = best[row + 1][column + 1] + score if score else 0
            best[row][column] = max(best[row + 1][column], best[row][column + 1], together)
    pairs: list[Pair] = []
    row = column = 0
    while best[row][column]:
        row, column = _first_pair(first, second, best, row, column)
        pairs.append(Pair(row, column))
        row, column = row + 1, column + 1
    return tuple(pairs)


def _first_pair(
    first: Sequence[Flow], second: Sequence[Flow], best: list[list[int]], row: int, column: int
) -> tuple[int, int]:
    """The earliest pair with which the best can still be reached."""
    wanted = best[row][column]
    return next(
        (each, other)
        for each in range(row, len(first))
        for other in range(column, len(second))
        if (score := _likeness(first[each], second[other])) and best[each + 1][other + 1] + score == wanted
    )


def _likeness(first: Flow, second: Flow) -> int:
    """0: not the same statement."""
    if first.text != second.text or first.consistency_level != second.consistency_level:
        return 0
    return _PAIR + (first.coordinator_has_part == second.coordinator_has_part)
