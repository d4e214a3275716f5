"""What a node is told before it starts, as a JSON file."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from harness.errors import BackendError


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """The settings of one node; names follow scylla.yaml where that has the same thing."""

    name: str
    """Such as ``n1``; for logs alone, nodes know each other by address."""
    listen_address: str
    seeds: tuple[str, ...]
    """Addresses; a node that is a seed itself does not stream when it starts for the first time."""
    data_folder: str
    """Where it keeps what it has to know when it starts again."""
    cluster_name: str = "Test Cluster"
    datacenter: str = "datacenter1"
    rack: str = "rack1"
    snitch: str = "SimpleSnitch"
    """``SimpleSnitch``, or ``GossipingPropertyFileSnitch`` with several datacenters."""
    num_tokens: int = 16
    initial_token: tuple[int, ...] = ()
    """The ring tokens; empty: as many as ``num_tokens``, by chance."""
    host_id: str | None = None
    """UUID; None: by chance."""
    seed: int | None = None
    """Of chance; None: the operating system's."""
    internode_compression: str = "none"
    """``none``, ``all`` or ``dc``."""
    storage_port: int = 7000
    native_transport_port: int = 9042
    api_port: int = 10000
    override_decommission: bool = False
    """Whether a node that was decommissioned may join again."""
    auto_bootstrap: bool = True
    """Whether a node that is no seed streams its ranges when it starts for the first time."""
    ring_delay_ms: int = 0
    """How long a node waits, before it becomes a member, for gossip to have told everybody."""
    shutdown_announce_in_ms: int = 100
    """How long a node that stops stays after it has said so."""
    gossip_interval_ms: int = 1000
    failure_timeout_ms: int = 10_000
    """How long nothing new may be heard of a node before it counts as down."""
    down_when_refused: bool = True
    """Whether a node counts as down as soon as nobody listens at its port; Scylla waits for its silence to last."""
    hinted_handoff_enabled: bool = True
    hint_flush_interval_ms: int = 1000
    """How often what was kept for nodes that are back is sent."""
    view_update_delay_ms: int = 0
    """How long updates of views wait at a base replica, as they do where disks and queues are busy."""
    write_request_timeout_in_ms: int = 2000
    read_request_timeout_in_ms: int = 5000
    range_request_timeout_in_ms: int = 10000
    counter_write_request_timeout_in_ms: int = 5000
    cas_contention_timeout_in_ms: int = 1000
    truncate_request_timeout_in_ms: int = 60000
    request_timeout_in_ms: int = 10000
    batchlog_replay_interval_ms: int = 60000
    default_role_delay_ms: int = 10_000
    """How long a node has served clients when it looks for the role ``cassandra``."""
    cache_hit_rate_read_balancing: bool = False
    """Off: a coordinator that is a replica reads from itself."""
    speculates_at_percentile: bool = False
    """Off: a table's percentile as ``speculative_retry``, the default, sends no extra requests; on an idle cluster
    they come by chance."""
    faults: tuple[str, ...] = ()
    """Names of bugs to have on purpose, as ``faults`` lists them."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            BackendError: it cannot be read, or holds something else.
        """
        try:
            told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BackendError(f"the settings of the node in {path} cannot be read: {error}") from error
        unknown = sorted(set(told) - {item.name for item in fields(cls)})
        if unknown:
            raise BackendError(f"{path} has settings that no node knows: {', '.join(unknown)}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told.items()
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise BackendError(f"{path} lacks settings: {error}") from error

    def write(self, path: Path) -> None:
        """Write a file that ``read`` takes."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
