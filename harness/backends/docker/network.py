"""A user-defined bridge of the engine, with a subnet that nobody else uses and addresses that do not change."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from harness.backends.docker.engine import Engine
from harness.errors import BackendError

SUBNETS = IPv4Network("198.19.0.0/16")
"""The upper half of what is for networks that measure something (RFC 2544, appendix C.2.2)."""
_PREFIX = 24
_ROUTES = Path("/proc/net/route")
_FIRST_NODE = 11
_BRIDGE_NAME = "com.docker.network.bridge.name"


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerNetwork:
    """A network of the engine."""

    id: str
    name: str
    subnet: IPv4Network
    gateway: str
    """Address of the interface on the engine's machine."""
    bridge: str
    """Name of that interface, as Docker gives it; Podman has names of its own."""

    def address_of(self, index: int) -> str:
        """The address of a node, counted from 0.

        Raises:
            BackendError: the subnet is full.
        """
        number = index + (_FIRST_NODE if self.subnet.prefixlen <= _PREFIX else 3)
        if number >= self.subnet.num_addresses - 1:
            raise BackendError(f"the subnet {self.subnet} has no room for another node")
        return str(self.subnet[number])


def make_network(engine: Engine, name: str, *, labels: Mapping[str, str], subnet: str = "") -> DockerNetwork:
    """Make a network.

    Args:
        engine: where.
        name: of the network.
        labels: written on it.
        subnet: such as ``10.9.8.0/24``; empty: one that is free.

    Raises:
        BackendError: the subnet is taken, or all are.
    """
    if subnet:
        try:
            wanted = IPv4Network(subnet)
        except ValueError as error:
            raise BackendError(
                f"--docker-subnet {subnet} is no subnet such as 10.9.8.0/24: {error}"
            ) from error
        with engine.changing(f"no network with the subnet {subnet} can be made"):
            return _make(engine, name, wanted, labels)
    refusal: APIError | None = None
    for free in _free(engine):
        with engine.changing("no network can be made"):
            try:
                return _make(engine, name, free, labels)
            except APIError as error:
                if "overlap" not in str(error):
                    raise
                refusal = error
    raise BackendError(
        f"all subnets of {SUBNETS} are in use; docker network ls shows by whom, harness clean removes what killed runs "
        "have left, --docker-subnet names another one"
    ) from refusal


def network_of(engine: Engine, name: str) -> DockerNetwork:
    """A network that there is.

    Raises:
        BackendError: there is none of that name, or it is of another kind.
    """
    with engine.refusing(f"network {name}"):
        told = engine.api.inspect_network(name)
    if told["Driver"] != "bridge":
        raise BackendError(f"network {name} is of the kind {told['Driver']}; nodes have to be on a bridge")
    pools = [pool for pool in told["IPAM"]["Config"] or () if ":" not in pool["Subnet"]]
    if not pools:
        raise BackendError(f"network {name} has no IPv4 subnet")
    subnet = IPv4Network(pools[0]["Subnet"])
    bridge = (told.get("Options") or {}).get(_BRIDGE_NAME) or f"br-{told['Id'][:12]}"
    return DockerNetwork(
        id=told["Id"],
        name=told["Name"],
        subnet=subnet,
        gateway=pools[0].get("Gateway") or str(subnet[1]),
        bridge=bridge,
    )


def _make(engine: Engine, name: str, subnet: IPv4Network, labels: Mapping[str, str]) -> DockerNetwork:
    made = engine.api.create_network(
        name,
        driver="bridge",
        ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))]),
        labels=dict(labels),
        check_duplicate=True,
    )
    return network_of(engine, made["Id"])


def _free(engine: Engine) -> Iterator[IPv4Network]:
    """Subnets that neither the engine nor this machine uses, as far as they tell."""
    with engine.refusing("networks cannot be listed"):
        networks = engine.api.networks()
    busy = [
        IPv4Network(pool["Subnet"])
        for network in networks
        for pool in (network.get("IPAM") or {}).get("Config") or ()
        if pool.get("Subnet") and ":" not in pool["Subnet"]
    ]
    busy += _own_routes()
    for subnet in SUBNETS.subnets(new_prefix=_PREFIX):
        if not any(subnet.overlaps(other) for other in busy):
            yield subnet


def _own_routes() -> list[IPv4Network]:
    """Where this machine sends packets, but for what goes everywhere.

    Source:
        Linux, net/ipv4/fib_trie.c (/proc/net/route: addresses as hexadecimal numbers of the machine's byte order).
    """
    routes = []
    with suppress(OSError):
        for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            destination, mask = (IPv4Address(bytes.fromhex(fields[index])[::-1]) for index in (1, 7))
            if int(mask):
                routes.append(IPv4Network(f"{destination}/{mask}", strict=False))
    return routes
