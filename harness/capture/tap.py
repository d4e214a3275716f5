"""Where packets can be recorded: what a backend offers, and all that recording asks of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class TapProcess(Protocol):
    """A program that runs where the interface is."""

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""


class Tap(Protocol):
    """A network interface that all packets between the nodes pass, in whatever namespace it may be."""

    @property
    def interface(self) -> str:
        """Its name, such as that of a bridge."""

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> TapProcess:
        """Start a program that sees the interface; it ends, at the latest, with the process that started it.

        Args:
            command: program and arguments.
            stdout: file that standard output goes to; it is emptied first.
            stderr: the same for standard error.

        Raises:
            OSError: the program or one of the files cannot be opened.
            HarnessError: what holds the interface is gone.
        """

    def send(self, frame: bytes) -> None:
        """Send a whole Ethernet frame out of the interface, so that whoever records there sees it.

        Raises:
            OSError: the interface is gone, or may not be used.
            HarnessError: what holds the interface is gone.
        """
