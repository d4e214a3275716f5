"""A node that is a process in a network namespace, of whatever program."""

import signal
from collections.abc import Callable, Collection, Iterable

from harness.backends.network.link_shape import LinkShape
from harness.backends.network.links import Links
from harness.backends.network.process import STOP_TIMEOUT_S, Process
from harness.backends.scylla_settings import Place
from harness.errors import BackendError

WRAPPED_EXITS = frozenset({0, -signal.SIGTERM, 128 + signal.SIGTERM})
"""Wrappers that do not take SIGTERM themselves end by it, when what they wrap has ended."""


class ProcessMachine:
    """A node's process; the contract of ``Machine``.

    Args:
        place: its name, address, datacenter and rack.
        links: what its packets meet.
        launch: writes what the process reads, and starts it.
        orderly_exits: exit codes of a process that has shut down.
        stop_timeout_s: how long that may take.
        explain: why its process may have ended, as part of a sentence; empty: nobody knows.
    """

    def __init__(
        self,
        place: Place,
        links: Links,
        launch: Callable[[], Process],
        *,
        orderly_exits: Collection[int] = frozenset({0}),
        stop_timeout_s: float = STOP_TIMEOUT_S,
        explain: Callable[[], str] = str,
    ) -> None:
        self.place = place
        self.name, self.address = place.name, place.address
        self.datacenter, self.rack, self.is_seed = place.datacenter, place.rack, place.is_seed
        self._links = links
        self._launch = launch
        self._orderly_exits = orderly_exits
        self._stop_timeout_s = stop_timeout_s
        self._explain = explain
        self._process: Process | None = None

    def start(self) -> None:
        """Start its process.

        Raises:
            BackendError: it runs already, or cannot be started.
        """
        if self._process is not None and self._process.exit_code() is None:
            raise BackendError(f"{self.name} runs already (process {self._process.pid})")
        try:
            self._process = self._launch()
        except OSError as error:
            raise BackendError(f"cannot write the settings of {self.name}: {error}") from error

    def exit_code(self) -> int | None:
        """None while its process runs, and before it was first started."""
        return None if self._process is None else self._process.exit_code()

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        if self._process is None:
            return "it was never started"
        why = self._explain() if self._process.exit_code() is not None else ""
        return f"{why}; {self._process.last_words()}" if why else self._process.last_words()

    def kill(self) -> None:
        """End its process at once.

        Raises:
            BackendError: it is not gone in time.
        """
        self._running("kill").kill()

    def stop(self) -> None:
        """Let it shut down.

        Raises:
            BackendError: it still runs after its time, or ended otherwise than in order.
        """
        process = self._running("stop")
        exit_code = process.stop(timeout_s=self._stop_timeout_s)
        if exit_code not in self._orderly_exits:
            raise BackendError(f"{self.name} stopped with exit code {exit_code}; {process.last_words()}")

    def pause(self) -> None:
        """Let its process stand still.

        Raises:
            BackendError: it has ended.
        """
        self._running("pause").pause()

    def resume(self) -> None:
        """Let its process go on.

        Raises:
            BackendError: it has ended.
        """
        self._running("resume").resume()

    def isolate(self, peers: Iterable[str] = ()) -> None:
        """Drop all packets between it and nodes of these names; none named: all of them.

        Raises:
            BackendError: the kernel refuses.
        """
        self._links.isolate(self.name, tuple(peers))

    def heal(self) -> None:
        """End ``isolate``.

        Raises:
            BackendError: the kernel refuses.
        """
        self._links.heal(self.name)

    def shape_links(self, peers: Iterable[str], shape: LinkShape) -> None:
        """Set how good the way from it to nodes of these names is.

        Raises:
            BackendError: the kernel refuses.
        """
        for peer in peers:
            self._links.shape(self.name, peer, shape)

    def _running(self, what: str) -> Process:
        if self._process is None:
            raise BackendError(f"cannot {what} {self.name}: it was never started")
        return self._process
