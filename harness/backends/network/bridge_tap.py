"""The tap on the bridge of a network, which all packets of its nodes pass."""

import socket
from collections.abc import Sequence
from pathlib import Path

from harness.backends.network.keeper import Keeper
from harness.backends.network.process import Process

_ETH_P_NONE = 0


class BridgeTap:
    """A tap as ``harness.capture.tap.Tap``; programs run in the namespace of the bridge."""

    def __init__(self, keeper: Keeper, bridge: str) -> None:
        self._keeper = keeper
        self._bridge = bridge
        self._packet_socket: socket.socket | None = None

    @property
    def interface(self) -> str:
        """The bridge's name."""
        return self._bridge

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> Process:
        """Start a program in the namespace of the bridge, as ``Tap.start`` says; it ends, at the latest, with this network.

        Raises:
            OSError: the program or one of the files cannot be opened.
            BackendError: the network is gone.
        """
        started = self._keeper.start(self._keeper.hub, command, stdout=stdout, stderr=stderr)
        return Process(self._keeper, started, name=command[0], log=stderr)

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame out of the bridge.

        Raises:
            OSError: the bridge is gone or down.
            BackendError: the network is gone.
        """
        if self._packet_socket is not None:
            try:
                self._packet_socket.send(frame)
            except OSError:
                # Maybe of a moment that is over, when the bridge was down; a new socket knows.
                self.close()
            else:
                return
        # It stays open: to close one takes the kernel 10 ms.
        self._packet_socket = self._keeper.open_socket(
            self._keeper.hub, socket.AF_PACKET, socket.SOCK_RAW, _ETH_P_NONE
        )
        self._packet_socket.bind((self._bridge, _ETH_P_NONE))
        self._packet_socket.send(frame)

    def close(self) -> None:
        """Send nothing any more; the second call does nothing."""
        if self._packet_socket is not None:
            self._packet_socket.close()
            self._packet_socket = None
