"""Delays and losses for a link where the kernel has no netem: a program that holds packets back.

A rule at the bridge's port hands packets from one sender to a TAP device. This program reads them there, waits, and
puts them on the wire behind the port's rules. It is good for some 10,000 packets a second, which netem is not limited
to; it exists because kernels made for small virtual machines often come without netem. It needs nothing but Python's
own library, so that its text can be run where the harness is not.

Source:
    Linux Documentation/networking/tuntap.rst; man pages packet(7), netdevice(7).
"""

import fcntl
import os
import random
import select
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.backends.network.link_shape import LinkShape

TUN_DEVICE = "/dev/net/tun"

QUEUE_FRAMES = 10_000
"""How many frames a device may hold for its program; 500, as is usual, are not enough for a burst."""

_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x0002 | 0x1000
_SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8913, 0x8914
_IFF_UP = 1
_SOL_PACKET, _PACKET_QDISC_BYPASS = 263, 20

READY = "ready"
"""What it says when its device is there."""
_FRAME_BYTES_MAX = 65_536
_FRAMES_AT_ONCE = 64
_HELD_FRAMES_MAX = 100_000


def command_of(device: str, port: str, shape: "LinkShape", *, seed: str) -> list[str]:
    """The command line of a delay line, to be run in the namespace of the bridge.

    Args:
        device: name of the TAP device that it makes; it goes with the program.
        port: the port that packets leave by.
        shape: what happens to them.
        seed: decides which packets are lost.
    """
    arguments = _arguments_of(device, port, shape, seed=seed)
    return [sys.executable, "-m", "harness.backends.network.delay_line", *arguments]


def command_with_text(device: str, port: str, shape: "LinkShape", *, seed: str) -> list[str]:
    """As ``command_of``, where there is a Python but no harness."""
    text = Path(__file__).read_text(encoding="utf-8")
    return ["python3", "-c", text, *_arguments_of(device, port, shape, seed=seed)]


def _arguments_of(device: str, port: str, shape: "LinkShape", *, seed: str) -> list[str]:
    numbers = (shape.delay_ms, shape.loss_percent, shape.bandwidth_kbit_per_s or 0)
    return [device, port, *map(str, numbers), seed]


class HeldFrames:
    """The frames that are under way, in order, with the times at which they arrive.

    Args:
        delay_ms: how long each is under way.
        loss_percent: how many of a hundred are lost.
        bandwidth_kbit_per_s: how fast they leave, one after the other; 0: at once.
        chance: decides which are lost.
    """

    def __init__(
        self, *, delay_ms: float, loss_percent: float, bandwidth_kbit_per_s: int, chance: random.Random
    ) -> None:
        self._delay_s = delay_ms / 1000
        self._loss = loss_percent / 100
        self._s_per_byte = 0.008 / bandwidth_kbit_per_s if bandwidth_kbit_per_s else 0.0
        self._chance = chance
        self._free_s = 0.0
        """When the last frame has left the sender."""
        self._frames: deque[tuple[float, bytes]] = deque()

    def add(self, frame: bytes, *, now_s: float) -> None:
        """Take a frame; it may be lost."""
        if self._chance.random() < self._loss or len(self._frames) >= _HELD_FRAMES_MAX:
            return
        self._free_s = max(now_s, self._free_s) + len(frame) * self._s_per_byte
        self._frames.append((self._free_s + self._delay_s, frame))

    def arrived(self, *, now_s: float) -> list[bytes]:
        """Give up the frames whose time has come."""
        frames = self._frames
        ready = []
        while frames and frames[0][0] <= now_s:
            ready.append(frames.popleft()[1])
        return ready

    def wait_s(self, *, now_s: float) -> float | None:
        """How long it is until the next frame arrives; None if there is none."""
        return max(0.0, self._frames[0][0] - now_s) if self._frames else None


def main() -> None:
    """Run a delay line until somebody ends it; arguments as in ``command_of``."""
    device, port, delay_ms, loss_percent, bandwidth_kbit_per_s, seed = sys.argv[1:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    # Past the rules of the port, which would hand the frame to us again.
    wire.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
    wire.bind((port, 0))
    tap = _open_tap(device)
    held = HeldFrames(
        delay_ms=float(delay_ms),
        loss_percent=float(loss_percent),
        bandwidth_kbit_per_s=int(bandwidth_kbit_per_s),
        # Which packets are lost is part of a run that its seed repeats.
        chance=random.Random(seed),  # noqa: S311
    )
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    while True:
        readable, _, _ = select.select([tap], [], [], held.wait_s(now_s=time.monotonic()))
        now_s = time.monotonic()
        if readable:
            with suppress(BlockingIOError):
                for _ in range(_FRAMES_AT_ONCE):
                    held.add(os.read(tap, _FRAME_BYTES_MAX), now_s=now_s)
        for frame in held.arrived(now_s=now_s):
            # A port that is down or overrun loses frames as a cable does.
            with suppress(OSError):
                wire.send(frame)


def _open_tap(device: str) -> int:
    """Make a TAP device and set it up; return its descriptor, which does not block."""
    tap = os.open(TUN_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    name = device.encode()
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name, _IFF_TAP_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        (flags,) = struct.unpack_from(
            "16xH", fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16s24x", name))
        )
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | _IFF_UP))
    return tap


if __name__ == "__main__":
    main()
