"""A delay line in the network of a node's container, for kernels without netem."""

from harness.backends.docker.container_stream import Words
from harness.backends.docker.way_in import Steered, WayIn
from harness.backends.network.delay_line import READY, TUN_DEVICE, command_with_text
from harness.backends.network.link_shape import LinkShape
from harness.errors import BackendError
from harness.waiting import wait_until

_TIMEOUT_S = 20.0


class ContainerDelayLine:
    """Holds packets from one node to another back.

    Args:
        way_in: to the nodes.
        sender: in whose network it runs.
        receiver: the other node's name.
        device: name of the TAP device that it makes there, that packets have to be led to.
        port: the sender's interface.
        shape: what happens to them.

    Raises:
        BackendError: it cannot be started.
    """

    def __init__(
        self, way_in: WayIn, sender: Steered, receiver: str, *, device: str, port: str, shape: LinkShape
    ) -> None:
        self.device = device
        self.shape = shape
        self._link = f"from {sender.name} to {receiver}"
        self._said, self._words = Words(), Words()
        self._stream = way_in.start(
            sender,
            command_with_text(device, port, shape, seed=self._link),
            output=self._said,
            errors=self._words,
            name=f"what delays packets {self._link}",
            devices=[f"{TUN_DEVICE}:{TUN_DEVICE}:rwm"],
        )

    def wait_until_ready(self) -> None:
        """Return when its device is there.

        Raises:
            BackendError: it is not in time.
        """
        wait_until(
            lambda: READY in self._said.text or self._stream.exit_code() is not None, timeout_s=_TIMEOUT_S
        )
        if READY not in self._said.text:
            lines = self._words.text.strip().splitlines() or ["no word"]
            raise BackendError(f"packets {self._link} cannot be delayed: {lines[-1]}")

    def close(self) -> None:
        """End it; packets that it holds are lost."""
        self._stream.close()
