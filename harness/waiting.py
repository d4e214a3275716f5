"""Waiting for something to become true; the only place that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

_INTERVAL_MIN_S = 0.001
_INTERVAL_MAX_S = 0.02
_PART_OF_ELAPSED = 0.1

_T = TypeVar("_T")


def wait_until(condition: Callable[[], _T], *, timeout_s: float) -> _T:
    """Ask until the answer counts as true; return it, or after ``timeout_s`` the last one, which does not.

    The caller turns what counts as false into an error that says what was seen instead. It is asked every
    millisecond at first and every 20 ms in the long run, at least once, and a last time when time is up.
    """
    started_s = time.monotonic()
    while True:
        elapsed_s = time.monotonic() - started_s
        answer = condition()
        left_s = timeout_s - elapsed_s
        if answer or left_s <= 0:
            return answer
        interval_s = min(max(elapsed_s * _PART_OF_ELAPSED, _INTERVAL_MIN_S), _INTERVAL_MAX_S)
        time.sleep(min(interval_s, left_s))
