"""A program in a namespace: what it says, how it ends, and how to end it."""

import signal
from collections import deque
from pathlib import Path

from harness.backends.network.keeper import Keeper, Started
from harness.errors import BackendError
from harness.waiting import wait_until

KILL_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 60.0
_WRAPPER_TIMEOUT_S = 5.0

_LINES = 5
_LOG_TAIL_BYTES = 16_384


class Process:
    """A program that was started in a namespace, with all that it has started itself.

    On a node that is whatever runs there, in sessions of its own too; elsewhere, what is in its session. What it is
    sent, all of them are sent; it has ended when all of them have.
    """

    def __init__(self, keeper: Keeper, started: Started, *, name: str, log: Path) -> None:
        self.name = name
        """For errors, such as that of a node."""
        self.log = log
        """File that holds its standard error, and mostly its standard output."""
        self.pid = started.pid
        """As seen from here."""
        self._keeper = keeper
        self._started = started

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it.

        If it had ended before what it has started, and well: that of the first of these that did not end well.
        """
        return self._keeper.exit_code(self._started)

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if it has ended.

        Raises:
            BackendError: the network is gone.
        """
        self._keeper.signal(self._started, number)

    def kill(self) -> None:
        """End it at once (SIGKILL); returns when it is gone.

        Raises:
            BackendError: it is not gone in time, or the network is.
        """

        def has_ended() -> bool:
            # Who was just being started has not got it the last time.
            self.send_signal(signal.SIGKILL)
            return self.exit_code() is not None

        if not wait_until(has_ended, timeout_s=KILL_TIMEOUT_S):
            raise self._still_runs(KILL_TIMEOUT_S)

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Let it shut down (SIGTERM), paused or not; returns its exit code.

        That is for those who listen on TCP ports, if there are any: what wraps them ends by itself when they have. Should
        it not, it is told as well.

        Raises:
            BackendError: it still runs after the timeout, or the network is gone.
        """
        asked = self._keeper.terminate(self._started, is_patient=True)

        def have_ended() -> bool:
            return not any(identity.is_alive() for identity in asked)

        def has_ended() -> bool:
            return self.exit_code() is not None

        def has_ended_when_told() -> bool:
            if not has_ended():
                self._keeper.terminate(self._started, is_patient=False)
            return has_ended()

        if not (
            wait_until(have_ended, timeout_s=timeout_s)
            and (
                wait_until(has_ended, timeout_s=_WRAPPER_TIMEOUT_S)
                or wait_until(has_ended_when_told, timeout_s=timeout_s)
            )
        ):
            raise self._still_runs(timeout_s)
        return self.wait(timeout_s=0)

    def pause(self) -> None:
        """Let it stand still (SIGSTOP); returns when it does.

        Raises:
            BackendError: it has ended, or does not stand still in time.
        """
        self._expect_running("pause")
        if not wait_until(lambda: self._keeper.pause(self._started), timeout_s=KILL_TIMEOUT_S):
            raise BackendError(
                f"{self.name} (process {self.pid}) still runs {KILL_TIMEOUT_S:g} s after SIGSTOP"
            )

    def resume(self) -> None:
        """Let it go on (SIGCONT).

        Raises:
            BackendError: it has ended.
        """
        self._expect_running("resume")
        self.send_signal(signal.SIGCONT)

    def wait(self, *, timeout_s: float) -> int:
        """Return its exit code when it has ended by itself.

        Raises:
            BackendError: it still runs after the timeout.
        """
        ended: list[int] = []

        def has_ended() -> bool:
            exit_code = self.exit_code()
            if exit_code is not None:
                ended.append(exit_code)
            return bool(ended)

        if not wait_until(has_ended, timeout_s=timeout_s):
            raise self._still_runs(timeout_s)
        return ended[0]

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError as error:
            return f"its log {self.log} cannot be read: {error.strerror}"
        lines = deque((line for line in text.splitlines() if line.strip()), maxlen=_LINES)
        if not lines:
            return f"its log {self.log} is empty"
        return "its log ends with:\n" + "\n".join(f"  {line}" for line in lines)

    def _still_runs(self, timeout_s: float) -> BackendError:
        return BackendError(
            f"{self.name} (process {self.pid}) still runs after {timeout_s:g} s; {self.last_words()}"
        )

    def _expect_running(self, what: str) -> None:
        exit_code = self.exit_code()
        if exit_code is not None:
            raise BackendError(f"cannot {what} {self.name}: it has ended with exit code {exit_code}")
