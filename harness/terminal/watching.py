"""Watching a cluster: counts of its messages, drawn again as they come."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.live import Live

from harness.events.message import Message
from harness.events.statistics import Statistics
from harness.terminal.traffic_table import traffic_table
from harness.waiting import wait_until

_DRAWN_EVERY_S = 0.5
_LINES_AROUND = 8


class Source(Protocol):
    """Where messages come from."""

    def news(self) -> list[Message]:
        """The messages that have come since it was asked last."""


def watch(source: Source, seconds: float | None = None) -> None:
    """Show counts until Ctrl-C, or for a while; where nobody looks, only wait.

    Args:
        source: what is watched.
        seconds: how long; None: until Ctrl-C or SIGTERM.

    Raises:
        KeyboardInterrupt: somebody wants it to end.
        CaptureError: nothing more can be read.
    """
    until_s = None if seconds is None else time.monotonic() + seconds
    console = Console(stderr=True)
    statistics = Statistics()
    with _ended_by_sigterm(), Live(console=console, auto_refresh=False, transient=True) as live:
        while until_s is None or time.monotonic() < until_s:
            for message in source.news():
                statistics.add(message)
            if console.is_terminal:
                table = traffic_table(statistics, rows_max=max(console.height - _LINES_AROUND, 1))
                live.update(table, refresh=True)
            left_s = _DRAWN_EVERY_S if until_s is None else min(_DRAWN_EVERY_S, until_s - time.monotonic())
            wait_until(lambda: False, timeout_s=left_s)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that a script that ends the cluster gets its report too."""

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (given by Python)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
