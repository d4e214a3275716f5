"""The terminal: colours, widths, notes on standard error, progress."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.style import Style

from harness.dissect.reading import STANDARD_INPUT
from harness.dissect.reading import Progress as Told
from harness.events.verb_family import Family

PROGRESS_BYTES_MIN = 16 << 20
"""Smaller files are read before a bar could be looked at."""

_COLOURS = {
    Family.CQL: "bold",
    Family.WRITE: "green",
    Family.READ: "cyan",
    Family.PAXOS: "magenta",
    Family.SCHEMA: "yellow",
    Family.GOSSIP: "bright_black",
    Family.RAFT: "yellow",
    Family.TOPOLOGY: "yellow",
    Family.STREAMING: "blue",
    Family.REPAIR: "blue",
    Family.CONNECTION: "bright_black",
    Family.ERROR: "bold red",
    Family.OTHER: "default",
}


class OutputClosedError(Exception):
    """Whoever reads standard output has gone (``| head``)."""


class Screen:
    """Standard output, as far as it matters what it is.

    Args:
        width: of lines; longer ones are cut. None: that of the terminal, and no cutting where there is none.
            0: no cutting.
    """

    def __init__(self, width: int | None = None) -> None:
        self._file: TextIO = sys.stdout
        self.is_terminal = self._file.isatty()
        # Console knows what NO_COLOR, FORCE_COLOR and TERM ask for.
        console = Console(file=self._file)
        self.has_colours = console.color_system is not None and not console.no_color
        if width is None:
            width = shutil.get_terminal_size().columns if self.is_terminal else 0
        self.width = width
        """Of lines; 0: no limit."""

    def fit(self, text: str, tail: str = "") -> str:
        """Cut a line that is too long, but not its tail while there is room for a little of the rest."""
        if not self.width or len(text) + len(tail) <= self.width:
            return text + tail
        room = self.width - len(tail) - 1
        if room < self.width // 2:
            return (text + tail)[: self.width - 1] + "…"
        return f"{text[:room]}…{tail}"

    def paint(self, text: str, colour: str) -> str:
        """Colour a text, if colours are wanted."""
        return _style(colour).render(text, color_system=ColorSystem.STANDARD) if self.has_colours else text

    def paint_family(self, text: str, family: Family) -> str:
        """Colour a text by what it is about."""
        return self.paint(text, _COLOURS[family])

    def write(self, lines: list[str]) -> None:
        """Write lines, at once.

        Raises:
            OutputClosedError: nobody reads them any more.
        """
        if not lines:
            return
        try:
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()
        except BrokenPipeError:
            raise OutputClosedError from None


@cache
def _style(colour: str) -> Style:
    return Style.parse(colour)


def note(text: str) -> None:
    """Say something beside the results."""
    sys.stderr.write(f"harness: {text}\n")
    sys.stderr.flush()


@contextmanager
def progress_of(path: str, *, is_shown: bool = True) -> Iterator[Told | None]:
    """Show how far a big file was read, where somebody can look at it.

    Args:
        path: the file that is read.
        is_shown: False where lines of results would go through the bar.
    """
    size_bytes = 0 if path == STANDARD_INPUT or not Path(path).is_file() else Path(path).stat().st_size
    if not is_shown or size_bytes < PROGRESS_BYTES_MIN or not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(Path(path).name, total=size_bytes)
        yield lambda done_bytes: progress.update(task, completed=done_bytes)
