"""What dumpcap says on standard error: its counters, and why it could not capture.

Source:
    Measured with dumpcap 4.0.17.
"""

import re
from dataclasses import dataclass

from harness.errors import CaptureError

_COUNTERS = re.compile(
    r"received/dropped on interface '.*': (\d+)/(\d+) \(pcap:(\d+)/dumpcap:(\d+)/flushed:(\d+)/ps_ifdrop:(\d+)\)"
)
_COUNTERS_SHORT = re.compile(r"received/dropped on interface '.*': (\d+)/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """How many packets passed the filter."""

    received: int
    dropped: int
    """Lost on their way into the file: in the kernel's buffer, in dumpcap, or in the interface."""


def counters_of(output: str) -> Counters | None:
    """Add up the counters in what dumpcap said, one line for each interface; they stand at its end, if it is regular."""
    received = dropped = 0
    found = [*_COUNTERS.finditer(output)]
    for match in found:
        got, lost, *parts = map(int, match.groups())
        received += got
        dropped += max(lost, sum(parts))
    if not found:
        found = [*_COUNTERS_SHORT.finditer(output)]
        received = sum(int(match[1]) for match in found)
        dropped = sum(int(match[2]) for match in found)
    return Counters(received=received, dropped=dropped) if found else None


_MISSING = (
    "{program} is not installed; it comes with Wireshark: apt install wireshark-common (Debian, Ubuntu), "
    "dnf install wireshark-cli (Fedora)"
)
DISK_FULL = "the disk is full; make room where {path} stands, or record to another folder"
_GREETING = re.compile(r"Capturing on |File: ")
_EXPLANATIONS = (
    (
        "no space left",
        DISK_FULL,
    ),
    (
        "permission to capture",
        (
            "{program} may not capture on {interface}; run as root, or allow it with: "
            "sudo setcap cap_net_raw,cap_net_admin+eip $(command -v {program})"
        ),
    ),
    (
        "no longer attached",
        "the interface {interface} has vanished; whoever made it has removed it, or has ended",
    ),
    (
        "no such device",
        "there is no interface {interface} where {program} runs; is the cluster still there?",
    ),
    (
        "is not up",
        "the interface {interface} is down; set it up with: ip link set {interface} up",
    ),
)


def program_missing(program: str) -> CaptureError:
    """The error for a dumpcap that is not there."""
    return CaptureError(_MISSING.format(program=program))


def program_forbidden(program: str) -> CaptureError:
    """The error for a dumpcap that is there and may not be started."""
    return CaptureError(
        f"{program} may not be started by this user; run as root, or join the group that may "
        "(Debian: sudo usermod -aG wireshark $USER, then log in again)"
    )


def disk_full(path: object) -> CaptureError:
    """The error for a file that cannot grow any more; dumpcap itself says so only when it ends."""
    return CaptureError(DISK_FULL.format(path=path))


def failure_of(output: str, *, program: str, interface: str, path: object, exit_code: int) -> CaptureError:
    """The error for a dumpcap that ended by itself: what happened and what to do."""
    lower = output.lower()
    for sign, explanation in _EXPLANATIONS:
        if sign in lower:
            return CaptureError(explanation.format(program=program, interface=interface, path=path))
    lines = [line.strip() for line in output.splitlines() if line.strip() and not _GREETING.match(line)]
    said = f"; its last words: {lines[-1]!r}" if lines else " without a word"
    how = f"was ended by signal {-exit_code}" if exit_code < 0 else f"ended with exit code {exit_code}"
    return CaptureError(f"{program} on {interface} {how}{said}")
