"""Which image is wanted, where it is to be recorded, and what its nodes are told besides."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

IMAGE = "scylladb/scylla:2025.1.14"
"""The line with long support whose captures the scenarios are held against."""
SIDECAR_IMAGE = "nicolaka/netshoot:v0.13"
"""Has dumpcap, Python, iptables, ip and tc."""


class CaptureBy(Enum):
    """Who records packets."""

    AUTO = "auto"
    """This machine where it can, else a sidecar where it can, else nodes."""
    BRIDGE = "bridge"
    """dumpcap on this machine, on the bridge of the containers."""
    SIDECAR = "sidecar"
    """dumpcap in a container where the engine is, on the bridge; packets come back through the engine."""
    NODES = "nodes"
    """A sidecar in the network of each node; what they record is put together."""


class ConnectBy(Enum):
    """How clients here reach the nodes."""

    AUTO = "auto"
    """By themselves where this machine has the bridge, else through a relay."""
    DIRECT = "direct"
    RELAY = "relay"
    """Through a container on the nodes' network, and the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerOptions:
    """Of ``--cluster=docker``."""

    image: str = IMAGE
    sidecar_image: str = SIDECAR_IMAGE
    capture_by: CaptureBy = CaptureBy.AUTO
    connect_by: ConnectBy = ConnectBy.AUTO
    arguments: tuple[str, ...] = ()
    """Added to each node's command line."""
    yaml: Path | None = None
    """Settings that win over ours."""
    has_tablets: bool | None = None
    """Whether keyspaces have tablets where scenarios do not care; None: no."""
    subnet: str = ""
    """For the nodes; empty: one that is free."""
    stays: bool = False
    """Whether the cluster is left running when pytest ends."""
    attach: str | None = None
    """Name of a cluster that runs already; empty: the only one; None: start one."""
