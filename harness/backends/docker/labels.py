"""What is written on containers and networks: whose they are, and what they are for.

A cluster with a node label can be attached to, whoever started it. What also has an owner label is removed when its
owner, a process, has ended; unless it is to stay.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from harness.backends.network.process_identity import ProcessIdentity

_PREFIX = "scylla-wire-harness"
CLUSTER = f"{_PREFIX}.cluster"
"""The cluster's name; on everything."""
NODE = f"{_PREFIX}.node"
"""The node's name; on its container."""
DATACENTER = f"{_PREFIX}.datacenter"
RACK = f"{_PREFIX}.rack"
NEEDS = f"{_PREFIX}.needs"
"""How the cluster was made, as JSON; on nodes."""
CAPTURE = f"{_PREFIX}.capture"
"""On containers that record."""
OWNER = f"{_PREFIX}.owner"
STAYS = f"{_PREFIX}.stays"


def owner() -> str:
    """This process, told from all others on all machines, before and after boots."""
    identity = ProcessIdentity.of(os.getpid())
    started = 0 if identity is None else identity.started_ticks
    return f"{_place()}/{os.getpid()}/{started}"


def of_cluster(name: str, *, stays: bool = False) -> dict[str, str]:
    """What is written on all that this process makes for a cluster.

    Args:
        name: the cluster's.
        stays: whether that is to be there when this process has ended.
    """
    written = {CLUSTER: name, OWNER: owner()}
    return written | {STAYS: "1"} if stays else written


def is_left_over(labels: Mapping[str, str], *, with_kept: bool = False) -> bool:
    """Whether something is of a process of this machine that has ended.

    Args:
        labels: its own.
        with_kept: count what was to stay, too.
    """
    told = labels.get(OWNER)
    if told is None:
        return False
    if labels.get(STAYS):
        return with_kept
    place, _, identity = told.partition("/")
    pid, _, started = identity.partition("/")
    if place != _place():
        # Of another machine that uses the same engine, or of a boot that is over.
        return place.partition(":")[0] == _machine() and place.partition(":")[2] != _boot()
    return not ProcessIdentity(int(pid), int(started)).is_alive()


def _place() -> str:
    return f"{_machine()}:{_boot()}"


def _machine() -> str:
    """This machine, or rather what has process numbers of its own on it."""
    machine = _read("/etc/machine-id") or _read("/proc/sys/kernel/hostname") or "unknown"
    try:
        numbers = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        numbers = 0
    return f"{machine}-{numbers}"


def _boot() -> str:
    return _read("/proc/sys/kernel/random/boot_id") or "unknown"


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""
