"""One node that an executable is: its folder, its settings, its process."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from harness.backends.network.network import Network, NetworkNode
from harness.backends.network.process import Process
from harness.backends.scylla_settings import Place
from harness.errors import BackendError

STOP_TIMEOUT_S = 120.0


class ExecutableMachine:
    """A node's process in a network namespace; the contract of ``Machine``.

    Args:
        network: that the node belongs to.
        node: its namespace.
        place: its name, address, datacenter and rack.
        command: its command line.
        environment: of its process, added to ours.
        prepare: writes what the process reads; called before each start.
        log: file for what it says.
    """

    def __init__(
        self,
        network: Network,
        node: NetworkNode,
        place: Place,
        *,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        prepare: Callable[[], None],
        log: Path,
    ) -> None:
        self.place = place
        self.command = command
        self.log = log
        self._network = network
        self._node = node
        self._environment = environment
        self._prepare = prepare
        self._process: Process | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.place.name

    @property
    def address(self) -> str:
        """Where the node listens."""
        return self.place.address

    @property
    def datacenter(self) -> str:
        """The node's datacenter."""
        return self.place.datacenter

    @property
    def rack(self) -> str:
        """The node's rack."""
        return self.place.rack

    @property
    def is_seed(self) -> bool:
        """Whether others learn from it who is there."""
        return self.place.is_seed

    def start(self) -> None:
        """Start its process.

        Raises:
            BackendError: it runs already, or cannot be started.
        """
        if self._process is not None and self._process.exit_code() is None:
            raise BackendError(f"{self.name} runs already (process {self._process.pid})")
        try:
            self._prepare()
        except OSError as error:
            raise BackendError(f"cannot write the settings of {self.name}: {error}") from error
        self._process = self._node.start(
            self.command, log=self.log, environment={**os.environ, **self._environment}
        )

    def exit_code(self) -> int | None:
        """None while its process runs, and before it was first started."""
        return None if self._process is None else self._process.exit_code()

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        return "it was never started" if self._process is None else self._process.last_words()

    def kill(self) -> None:
        """End its process at once.

        Raises:
            BackendError: it is not gone in time.
        """
        self._running("kill").kill()

    def stop(self) -> None:
        """Let it shut down.

        Raises:
            BackendError: it still runs after two minutes, or ended otherwise than in order.
        """
        process = self._running("stop")
        exit_code = process.stop(timeout_s=STOP_TIMEOUT_S)
        # Wrappers that do not take SIGTERM themselves end by it, when what they wrap has ended.
        if exit_code not in {0, -signal.SIGTERM, 128 + signal.SIGTERM}:
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
        self._network.links.isolate(self.name, tuple(peers))

    def heal(self) -> None:
        """End ``isolate``.

        Raises:
            BackendError: the kernel refuses.
        """
        self._network.links.heal(self.name)

    def _running(self, what: str) -> Process:
        if self._process is None:
            raise BackendError(f"cannot {what} {self.name}: it was never started")
        return self._process
