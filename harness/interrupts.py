"""Ctrl-C and its like: kept waiting while something is done that would be left half done."""

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


def end_in_order() -> Callable[[], None]:
    """Let SIGTERM and SIGHUP interrupt as Ctrl-C does, where they would end this process at once.

    Returns:
        What makes them as they were.
    """
    changed: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        changed += [number for number in _ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in changed:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))

    def undo() -> None:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)

    return undo


class _Keeping:
    """Counts interrupts, and passes all but the first on."""

    def __init__(self, usual: Callable[[int, FrameType | None], Any]) -> None:
        self._usual = usual
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            self._usual(number, frame)


_ENDING = (signal.SIGTERM, signal.SIGHUP)
