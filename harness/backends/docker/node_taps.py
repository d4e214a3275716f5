"""Recording at the nodes themselves: a sidecar in the network of each, put together to one capture.

For engines that lend nobody their own network, or whose bridge is nowhere to be seen. A frame between two nodes is seen
at either end and kept once. Nodes come and go: one that is started stands still until its sidecar listens, and before
one is killed all that its sidecar has seen is fetched. When a node ends by itself its network is gone at once, and with
it what its sidecar alone has seen in the last quarter of a second: what it told its clients. What it told other nodes
they have seen as well.

Source:
    Docker Engine API 1.41, HostConfig.NetworkMode ``container:ID``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.backends.docker.container_stream import Sink
from harness.backends.docker.engine import Engine
from harness.backends.docker.node_recording import NodeRecording
from harness.backends.docker.sidecar import SidecarProcess, start_sidecar
from harness.backends.docker.way_in import Steered

INTERFACE = "nodes"
"""What the interface is called in commands and errors: whichever each node has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A container on the nodes' network that runs as long as it; so there are marks even while no node runs."""

    container: str
    address: str
    name: str = "hub"


class NodeTaps:
    """A tap as ``harness.capture.tap.Tap``, made of one at each node.

    Args:
        engine: where the nodes are.
        image: of the sidecars; has dumpcap and Python.
        labels: written on their containers.
        hub: recorded besides the nodes.
        nodes: gives those that there are, running or not.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        image: str,
        labels: Mapping[str, str],
        hub: Hub,
        nodes: Callable[[], Iterable[Steered]],
    ) -> None:
        self._engine = engine
        self._image = image
        self._labels = labels
        self._hub = hub
        self._nodes = nodes
        self._recording: NodeRecording | None = None

    @property
    def interface(self) -> str:
        """A word that stands for the interface of each."""
        return INTERFACE

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> NodeRecording:
        """Start a program at each node that runs; returns when all listen.

        Args:
            command: program and arguments.
            stdout: file that the merged capture goes to; it is emptied first.
            stderr: file for what the programs said, written when they have ended.

        Raises:
            OSError: one of the files cannot be opened.
            BackendError: the engine cannot start a sidecar.
            CaptureError: a sidecar does not record.
        """
        self.close()

        def start(node: Steered, output: Sink, errors: Sink) -> SidecarProcess:
            address = f"@{node.address}"
            return start_sidecar(
                self._engine,
                address,
                [address if word == INTERFACE else word for word in command],
                image=self._image,
                labels=self._labels,
                network_mode=f"container:{node.container}",
                output=output,
                errors=errors,
                name=f"the sidecar that records {node.name}",
            )

        recording = NodeRecording(self._runs, start, stdout=stdout, stderr=stderr, program=command[0])
        try:
            recording.join([self._hub, *(node for node in self._nodes() if self._runs(node))])
        except BaseException:
            recording.close()
            raise
        self._recording = recording
        return recording

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame out of the interface of each.

        Raises:
            OSError: no sidecar runs.
        """
        if self._recording is None:
            raise OSError(0, "no sidecar records there")
        self._recording.send(frame)

    def join(self, node: Steered) -> None:
        """Record a node that has just been started, if others are recorded; returns when its sidecar listens.

        Raises:
            BackendError: the engine cannot start its sidecar.
            CaptureError: its sidecar does not record.
        """
        if self._recording is not None:
            self._recording.join([node])

    def fetch(self, node: Steered) -> None:
        """Fetch all that the sidecar of a node has seen, for the node is about to be killed.

        Raises:
            CaptureError: its sidecar does not record.
        """
        if self._recording is not None:
            self._recording.fetch(node)

    def leave(self, node: Steered) -> None:
        """End the sidecar of a node that has ended."""
        if self._recording is not None:
            self._recording.leave(node)

    def close(self) -> None:
        """Remove all sidecars."""
        if self._recording is not None:
            self._recording.close()
            self._recording = None

    def _runs(self, node: Steered) -> bool:
        return self._engine.is_running(node.container)
