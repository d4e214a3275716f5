"""What waits for its pair, and how much of it is remembered."""

from itertools import islice
from typing import TypeVar

UNANSWERED_MAX = 65536
"""Most requests of one connection that wait for a reply; of more, the oldest are given up."""

_K = TypeVar("_K")
_V = TypeVar("_V")


def forget_oldest(waiting: dict[_K, _V]) -> None:
    """Give up an eighth of what waits; dictionaries keep their order."""
    for key in list(islice(waiting, len(waiting) // 8)):
        del waiting[key]
