"""Ctrl-C, kept waiting while something is done that would be left half done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Let an interrupt wait until what is inside is over; a second one, of somebody who is in a hurry, does not.

    Only the main thread is ever interrupted; in others nothing changes.
    """
    usual = signal.getsignal(signal.SIGINT)
    is_interrupted_here = threading.current_thread() is threading.main_thread()
    if not is_interrupted_here or not callable(usual) or isinstance(usual, _Keeping):
        yield
        return
    keeping = _Keeping(usual)
    signal.signal(signal.SIGINT, keeping)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if keeping.count == 1:
            usual(signal.SIGINT, None)


class _Keeping:
    """Counts interrupts, and passes all but the first on."""

    def __init__(self, usual: Callable[[int, FrameType | None], Any]) -> None:
        self._usual = usual
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            self._usual(number, frame)
