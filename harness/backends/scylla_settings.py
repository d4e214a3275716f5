"""What a real node is told: scylla.yaml, its place, and the options that let it start quickly on a small machine.

Source:
    Scylla, db/config.cc (settings); conf/scylla.yaml (as it is delivered), conf/cassandra-rackdc.properties; main.cc;
    service/storage_service.cc, should_bootstrap (up to 4.2 a node that is its own seed joins without streaming, so that all
    of them can start together; later ones join one by one); test/pylib/scylla_cluster.py (settings of quick tests).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from harness.backends.contract import Needs
from harness.backends.release_line import line_of_release, release_numbers
from harness.codec.verbs.line import Line
from harness.errors import BackendError

DATACENTER = "datacenter1"
RACK = "rack1"
RACKDC = "cassandra-rackdc.properties"
NODES = 3
"""Where nobody asks for a number."""
_SNITCH_OF_ONE = "SimpleSnitch"
_SNITCH_OF_MANY = "GossipingPropertyFileSnitch"
_SEEDS_JOIN_AT_ONCE = (4, 2)
_TABLETS_SINCE = (6, 0)
_TABLETS_SAID_BY_KEYSPACES_SINCE = (6, 2)
_TABLETS_MODE_SINCE = (2025, 2)
_TABLETS_WITH_VIEWS_AS_EXPERIMENT = (2025, 1), (2025, 4)
"""Since which release they are, and since which no more; later ones want as many replicas as there are racks."""
_AUDITED_UNASKED_SINCE = (2026, 1)
_NETWORK_IO_LIMITED_SINCE = (4, 6)
_RING_DELAY_MS = 3000
_MEMORY_MB, _MEMORY_MB_PER_SHARD = 750, 512
_DEVELOPER_MODE = ("--developer-mode", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version of Scylla, as the executable tells it."""

    text: str
    numbers: tuple[int, int]
    """Major and minor one; of Enterprise, those of the release that it is made of."""
    line: Line

    @classmethod
    def of(cls, text: str) -> Self:
        """Understand what ``scylla --version`` prints, such as ``4.2.4-0.20210324.8e8f6e1``.

        Raises:
            BackendError: that is no version that is known.
        """
        version = text.strip()
        return cls(text=version, numbers=release_numbers(version), line=line_of_release(version))

    @property
    def boots_together(self) -> bool:
        """Whether all nodes may start at the same time, each of them a seed."""
        return self.numbers <= _SEEDS_JOIN_AT_ONCE

    @property
    def has_tablets(self) -> bool:
        """Whether keyspaces can have tablets."""
        return self.numbers >= _TABLETS_SINCE

    def why_not(self, needs: Needs, what: str) -> str:
        """Why nodes of this version never give what is needed; empty: they may.

        Args:
            needs: that.
            what: such as ``the image holds``.
        """
        if needs.lines and self.line.value not in needs.lines:
            return f"not of {self.line.value}, which {what} of, but of {', '.join(needs.lines)}"
        if needs.tablets and not self.has_tablets:
            return f"{what} {self.text}, which has no tablets"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node stands in its cluster."""

    name: str
    address: str
    datacenter: str = DATACENTER
    rack: str = RACK
    is_seed: bool = False


def count_of(needs: Needs) -> int:
    """How many nodes a cluster begins with.

    Raises:
        BackendError: there is no such cluster.
    """
    count = needs.nodes if needs.nodes is not None else max(NODES, needs.datacenters)
    if count < 1:
        raise BackendError("a cluster has at least one node")
    if needs.datacenters > count:
        raise BackendError(f"{count} nodes cannot be spread over {needs.datacenters} datacenters")
    return count


def kind_of(needs: Needs, has_tablets: bool | None) -> Needs:
    """What is needed, as far as clusters differ by it.

    Args:
        needs: of a scenario.
        has_tablets: whether keyspaces have tablets where it does not care; None: no.
    """
    return replace(
        needs,
        nodes=count_of(needs),
        lines=(),
        hints=needs.hints is not False,
        shards=needs.shards or 1,
        tablets=bool(has_tablets if needs.tablets is None else needs.tablets),
    )


def next_place(places: Iterable[Place], needs: Needs, *, address: str, count: int, is_seed: bool) -> Place:
    """Where another node is put: datacenters are filled one after the other, newcomers go where there are fewest.

    Args:
        places: of the nodes that there are.
        needs: how many datacenters.
        address: of the new node.
        count: how many nodes the cluster begins with.
        is_seed: whether it is one.
    """
    known = list(places)
    name = f"n{len(known) + 1}"
    if needs.datacenters == 1:
        return Place(name=name, address=address, is_seed=is_seed)
    sizes = {f"dc{number}": 0 for number in range(1, needs.datacenters + 1)}
    for place in known:
        sizes[place.datacenter] += 1
    if len(known) < count:
        datacenter = f"dc{len(known) * needs.datacenters // count + 1}"
    else:
        datacenter = min(sizes, key=lambda name: sizes[name])
    return Place(
        name=name,
        address=address,
        datacenter=datacenter,
        rack=f"r{sizes[datacenter] + 1}",
        is_seed=is_seed,
    )


def settings_of(
    place: Place,
    release: Release,
    needs: Needs,
    *,
    cluster_name: str | None,
    seeds: Iterable[str],
    has_tablets: bool,
) -> dict[str, Any]:
    """What scylla.yaml says; addresses are the node's own throughout, for others have to reach it.

    Args:
        place: of the node.
        release: its version.
        needs: how its cluster is made.
        cluster_name: the same for all nodes; None: it joins nodes of somebody else, and is told by theirs what all have
            to agree on.
        seeds: addresses of those who know the others.
        has_tablets: whether keyspaces have tablets unless they ask for none.
    """
    settings: dict[str, Any] = {
        "num_tokens": 16,
        "listen_address": place.address,
        "rpc_address": place.address,
        "broadcast_address": place.address,
        "broadcast_rpc_address": place.address,
        "api_address": place.address,
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": ",".join(seeds)}],
            }
        ],
        "endpoint_snitch": _SNITCH_OF_ONE if needs.datacenters == 1 else _SNITCH_OF_MANY,
        "internode_compression": needs.compression or "none",
        "hinted_handoff_enabled": needs.hints is not False,
        # Keyspaces come and go with scenarios; nobody wants their data back.
        "auto_snapshot": False,
        # Who is alone hears nobody, and who is not need not wait for gossip that is on one bridge.
        "skip_wait_for_gossip_to_settle": 0,
        "ring_delay_ms": _RING_DELAY_MS,
    }
    if has_tablets:
        is_mode = release.numbers >= _TABLETS_MODE_SINCE
        settings |= {"tablets_mode_for_new_keyspaces": "enabled"} if is_mode else {"enable_tablets": True}
        if _TABLETS_WITH_VIEWS_AS_EXPERIMENT[0] <= release.numbers < _TABLETS_WITH_VIEWS_AS_EXPERIMENT[1]:
            settings["experimental_features"] = ["views-with-tablets"]
    elif _TABLETS_SINCE <= release.numbers < _TABLETS_SAID_BY_KEYSPACES_SINCE and cluster_name is not None:
        # As it is delivered, keyspaces that do not care have them.
        settings["enable_tablets"] = False
    if cluster_name is not None:
        settings["cluster_name"] = cluster_name
    if release.numbers >= _AUDITED_UNASKED_SINCE:
        # As it is delivered, nodes make a keyspace for what they audit, and write to it; and a socket in their work folder,
        # whose path may be too long for that.
        settings |= {"audit": "none", "maintenance_socket": "ignore"}
    return settings


def runtime_options(needs: Needs, release: Release) -> tuple[str, ...]:
    """Options for a node that shares its machine with others, as ``scylla`` itself takes them.

    Source:
        Seastar, src/core/reactor.cc (--overprovisioned is a switch: a value behind it would be an argument too many).
    """
    return (*_limits(needs, release), "--overprovisioned", *_DEVELOPER_MODE)


def image_options(needs: Needs, release: Release) -> tuple[str, ...]:
    """The same as the entry point of the image takes them.

    Source:
        Scylla, dist/docker/commandlineparser.py (--overprovisioned is 0 or 1; what it does not know it passes on, but up to
        4.2 refuses).
    """
    return (*_limits(needs, release), "--overprovisioned", "1", *_DEVELOPER_MODE)


def tablets_wanted(needs: Needs, preferred: bool | None, release: Release) -> bool:
    """Whether keyspaces are to have tablets.

    Args:
        needs: what the scenario needs.
        preferred: where it does not care; None: they have none.
        release: of the nodes.

    Raises:
        BackendError: they are, but the version has none.
    """
    wanted = needs.tablets if needs.tablets is not None else bool(preferred)
    if wanted and not release.has_tablets:
        raise BackendError(f"version {release.text} has no tablets")
    return wanted


def read_overlay(path: Path) -> dict[str, Any]:
    """Read the settings that somebody wants in place of ours.

    Raises:
        BackendError: the file cannot be read, or is no list of settings.
    """
    import yaml  # noqa: PLC0415  (simulated nodes do without)

    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BackendError(f"--scylla-yaml {path} cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise BackendError(f"--scylla-yaml {path} is no scylla.yaml: it is not a list of settings")
    return told


def yaml_text(*layers: Mapping[str, Any]) -> str:
    """scylla.yaml made of layers; what stands in a later one wins."""
    import yaml  # noqa: PLC0415  (simulated nodes do without)

    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    return str(yaml.safe_dump(merged, sort_keys=False))


def rackdc_text(place: Place) -> str:
    """cassandra-rackdc.properties for a node."""
    return f"dc={place.datacenter}\nrack={place.rack}\nprefer_local=true\n"


def _limits(needs: Needs, release: Release) -> tuple[str, ...]:
    """What a node may take of its machine.

    Where it is not told, a shard reserves 50,000 places for network I/O since 4.6, as far as there are any; a kernel has
    65,536 unless it is told, so that two nodes leave nothing for a third.

    Source:
        Scylla, main.cc (max_networking_aio_io_control_blocks), docs/dev/docker-hub.md; Seastar, src/core/reactor.cc
        (smp::adjust_max_networking_aio_io_control_blocks).
    """
    shards = needs.shards or 1
    memory = ("--smp", str(shards), "--memory", f"{max(_MEMORY_MB, shards * _MEMORY_MB_PER_SHARD)}M")
    if release.numbers < _NETWORK_IO_LIMITED_SINCE:
        return memory
    return (*memory, "--max-networking-io-control-blocks", "1000")
