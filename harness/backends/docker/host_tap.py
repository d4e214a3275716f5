"""The tap on a bridge of this machine."""

import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from pyroute2 import IPRoute

from harness.backends.network.syscalls import die_with_parent

_ETH_P_NONE = 0
_INTERFACES = Path("/sys/class/net")


class HostProcess:
    """A program of this machine; the contract of ``TapProcess``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        self._process.send_signal(number)


class HostTap:
    """A tap as ``harness.capture.tap.Tap``; programs run here."""

    def __init__(self, bridge: str) -> None:
        self._bridge = bridge

    @property
    def interface(self) -> str:
        """The bridge's name."""
        return self._bridge

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> HostProcess:
        """Start a program of this machine, as ``Tap.start`` says.

        Raises:
            OSError: the program or one of the files cannot be opened.
        """
        with stdout.open("wb") as output, stderr.open("wb") as errors:
            process = subprocess.Popen(  # noqa: S603  (dumpcap)
                [*command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                # Ctrl-C is for us alone, who then take everything down in order.
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509  (one system call, no locks)
            )
        return HostProcess(process)

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame out of the bridge.

        Raises:
            OSError: the bridge is gone or down, or this user may not.
        """
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ETH_P_NONE) as packet_socket:
            packet_socket.bind((self._bridge, _ETH_P_NONE))
            packet_socket.send(frame)


def sees_bridge(bridge: str) -> bool:
    """Whether this machine has a bridge."""
    return (_INTERFACES / bridge).exists()


def bridge_with(address: str) -> str:
    """The bridge of this machine that has an IPv4 address; empty: there is none."""
    with IPRoute() as route:
        indexes = [found["index"] for found in route.get_addr(family=socket.AF_INET, address=address)]
        names = [link.get("ifname") for index in indexes for link in route.get_links(index)]
    return next((str(name) for name in names if (_INTERFACES / str(name) / "bridge").exists()), "")


def why_not_here(bridge: str, program: str = "dumpcap") -> str:
    """Why packets on a bridge cannot be recorded by this process; empty: they can."""
    if not sees_bridge(bridge):
        return (
            f"this machine does not see the bridge {bridge}: the engine is elsewhere, or in a virtual machine"
        )
    if shutil.which(program) is None:
        return f"{program} is not installed: apt install wireshark-common (Debian, Ubuntu)"
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, _ETH_P_NONE).close()
    except OSError as error:
        return f"this user may not send marks on {bridge} ({error.strerror}): run as root"
    return ""
