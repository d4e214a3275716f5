"""Nodes in network namespaces of their own, joined by one Linux bridge that nothing else is connected to.

    client ──┐
    n1 eth0 ─┤ bridge (in a namespace of its own, the hub), where packets are recorded
    n2 eth0 ─┘

The bridge does not touch the host: with root, the host gets one veth with one address of the subnet and is the client;
without, there is a user namespace around everything, and the client is one more namespace, whose sockets this process
uses as its own (``Client.socket``). Addresses: ``.1`` is n1, ``.2`` is n2 and so on, the client is ``.254``.
"""

import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.backends.network.bridge_tap import BridgeTap
from harness.backends.network.cleanup import alias_of, clean
from harness.backends.network.interfaces import Interfaces
from harness.backends.network.keeper import Keeper, Namespace
from harness.backends.network.lease import SUBNET_PREFIX, SUBNETS, Lease
from harness.backends.network.links import Links
from harness.backends.network.process import Process
from harness.backends.network.process_identity import ProcessIdentity
from harness.backends.network.state_folder import default_state_folder, make_state_folder
from harness.backends.network.template import Template
from harness.errors import BackendError

NODES_MAX = 250
CLIENT_PORT = "client"
_CLIENT_HOST_NUMBER = 254

_NODE_INTERFACE = "eth0"
_NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,13}")


class NetworkNode:
    """A network namespace with one address."""

    def __init__(self, keeper: Keeper, namespace: Namespace, *, name: str, address: IPv4Address) -> None:
        self.name = name
        self.address = str(address)
        self.namespace = namespace
        """Its path is good for ``nsenter``, as long as the network is."""
        self._keeper = keeper

    def start(
        self,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Process:
        """Start a program here; it ends, at the latest, with the process that made the network.

        Args:
            command: program and arguments.
            log: file that standard output and standard error are added to.
            environment: all its variables; None: ours.
            folder: where it starts; None: where we are.

        Raises:
            BackendError: the program, the log or the folder cannot be opened, or the network is gone.
        """
        try:
            started = self._keeper.start(
                self.namespace, command, stdout=log, environment=environment, folder=folder, is_appended=True
            )
        except OSError as error:
            what = error.filename or command[0]
            raise BackendError(
                f"cannot start {command[0]} on {self.name}: {what}: {error.strerror}"
            ) from error
        return Process(self._keeper, started, name=self.name, log=log)

    def start_copy(
        self, template: Template, arguments: Sequence[str], *, log: Path, passed: int | None = None
    ) -> Process:
        """Start a copy of a loaded program here; it ends as one that was started does.

        Args:
            template: the program.
            arguments: for it.
            log: file that standard output and standard error are added to.
            passed: a descriptor that it gets as well; its number there stands behind the arguments.

        Raises:
            BackendError: the program cannot be loaded, the log cannot be opened, or the network is gone.
        """
        try:
            started = template.start(
                self._keeper, self.namespace, arguments, name=self.name, log=log, passed=passed
            )
        except OSError as error:
            what = f"{error.filename}: " if error.filename else ""
            raise BackendError(
                f"cannot start {template.module} on {self.name}: {what}{error.strerror}"
            ) from error
        return Process(self._keeper, started, name=self.name, log=log)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """A socket of this node, for use in this process.

        Raises:
            OSError: there is no such socket.
            BackendError: the network is gone.
        """
        return self._keeper.open_socket(self.namespace, family, kind)


class Client:
    """Where whoever talks to the nodes stands: the host, or, without root, a namespace beside them."""

    def __init__(self, keeper: Keeper, namespace: Namespace | None, *, address: IPv4Address) -> None:
        self.address = str(address)
        self.is_host = namespace is None
        """Whether any program of this machine reaches the nodes."""
        self._keeper = keeper
        self._namespace = namespace

    def socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> socket.socket:
        """A socket that reaches the nodes; takes what ``socket.socket`` takes, and is used like it.

        Raises:
            OSError: there is no such socket.
            BackendError: the network is gone.
        """
        if self._namespace is None:
            return socket.socket(family, kind, protocol)
        return self._keeper.open_socket(self._namespace, family, kind, protocol)

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What stands before the command line of a program so that it reaches the nodes; empty on the host."""
        if self._namespace is None:
            return ()
        return (
            *("nsenter", f"--net={self._namespace.path}"),
            *(f"--user=/proc/{self._keeper.pid}/ns/user", "--preserve-credentials", "--"),
        )


class Network:
    """A bridge with nodes; made by ``create``."""

    def __init__(self, lease: Lease, folder: Path, keeper: Keeper, hub: Interfaces, *, seed: int) -> None:
        self.subnet = lease.subnet
        self.folder = folder
        """For temporary files; removed by ``close``."""
        self._lease = lease
        self._keeper = keeper
        self._nodes: dict[str, NetworkNode] = {}
        self._has_host_interface = False
        self._other_folder: Path | None = None
        self._hub = hub
        self._bridge = self._hub.add_bridge(lease.name)
        self.links = Links(self._hub, start_delay_line=self._start_in_hub, seed=seed)
        """What packets between nodes meet."""
        self.tap = BridgeTap(keeper, lease.name)
        """Where all packets pass."""
        self.client = self._add_client()

    @classmethod
    def create(
        cls,
        nodes: int | Iterable[str] = (),
        *,
        state_folder: Path | None = None,
        subnets: IPv4Network = SUBNETS,
        seed: int = 0,
    ) -> Self:
        """Make a network; before that, what killed runs of this user have left behind is removed.

        Args:
            nodes: names, or a number of nodes to be called n1, n2 ...
            state_folder: where runs tell each other which subnets they use; None: where this user's runs do.
            subnets: where to look for a subnet, of 256 addresses, that neither another run nor this machine uses.
            seed: decides, where the kernel does not, which packets are lost on lossy links.

        Raises:
            BackendError: this machine does not let us, or all subnets are in use.
        """
        names = [f"n{number + 1}" for number in range(nodes)] if isinstance(nodes, int) else list(nodes)
        state = state_folder or default_state_folder()
        make_state_folder(state)
        clean(state_folder=state)
        with Interfaces() as host:
            busy = host.busy_networks()
        for subnet in subnets.subnets(new_prefix=SUBNET_PREFIX):
            lease = None if any(subnet.overlaps(used) for used in busy) else Lease.take(state, subnet)
            # A run whose leases are elsewhere may be using it since a moment ago.
            with suppress(FileExistsError):
                if lease is not None:
                    network = cls._create(lease, seed=seed)
                    break
        else:
            raise BackendError(
                f"all networks of {subnets} are in use, by other runs (leases in {state}) or by routes of this "
                "machine; end some of them, or remove what is left over with: harness clean"
            )
        try:
            for name in names:
                network.add_node(name)
        except BaseException:
            network.close()
            raise
        return network

    @classmethod
    def _create(cls, lease: Lease, *, seed: int) -> Self:
        """Make a network without nodes; if that fails, nothing is left, the lease neither."""
        with ExitStack() as undo:
            undo.callback(lease.release)
            folder = Path(tempfile.gettempdir(), f"scylla-wire-harness-{secrets.token_hex(6)}")
            lease.record(folder=folder, interface=lease.name)
            folder.mkdir(mode=0o700)
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            keeper = Keeper(lease_descriptor=lease.descriptor, log=folder / "keeper.log")
            undo.callback(keeper.close)
            lease.record(keepers=(ProcessIdentity.of(keeper.pid), ProcessIdentity.of(keeper.outer_pid)))
            hub = Interfaces(keeper.open_socket(keeper.hub, socket.AF_NETLINK, socket.SOCK_DGRAM))
            undo.callback(hub.close)
            network = cls(lease, folder, keeper, hub, seed=seed)
            undo.pop_all()
        return network

    @property
    def name(self) -> str:
        """The name of the bridge, and of the host's interface if there is one."""
        return self._lease.name

    @property
    def is_rootless(self) -> bool:
        """Whether there is a user namespace around it."""
        return self._keeper.is_rootless

    @property
    def nodes(self) -> tuple[NetworkNode, ...]:
        """All nodes, in the order in which they were added."""
        return tuple(self._nodes.values())

    def node(self, name: str) -> NetworkNode:
        """The node of that name.

        Raises:
            BackendError: there is none.
        """
        node = self._nodes.get(name)
        if node is None:
            raise BackendError(f"there is no node {name} here; there are {', '.join(self._nodes) or 'none'}")
        return node

    def add_node(self, name: str) -> NetworkNode:
        """Add a namespace with the next address.

        Raises:
            BackendError: the subnet is full, or the kernel refuses.
            ValueError: a name that cannot be that of an interface, or is taken.
        """
        if not _NODE_NAME.fullmatch(name) or name in (*self._nodes, CLIENT_PORT, self.name):
            raise ValueError(f"a node cannot be called {name!r}, as its interface has to be called so too")
        if len(self._nodes) >= NODES_MAX:
            raise BackendError(f"{NODES_MAX} nodes fill the subnet {self.subnet}")
        address = self.subnet[len(self._nodes) + 1]
        namespace = self._join(name, address)
        node = NetworkNode(self._keeper, namespace, name=name, address=address)
        self._nodes[name] = node
        self.links.add(name, port=name, address=address)
        return node

    def own_folder_of(self, root: Path) -> Path:
        """The path of ``folder`` for programs whose root is another one; that folder is removed by ``close`` as well.

        Args:
            root: absolute; the same one with every call.
        """
        other = root / self.folder.relative_to("/")
        if other != self.folder and self._other_folder is None:
            self._lease.record(other_folder=other)
            self._other_folder = other
        return other

    def close(self) -> None:
        """End every program of the network and remove all of it; the second call does nothing."""
        if self._lease.descriptor < 0:
            return
        if self._has_host_interface:
            # Should the kernel refuse, it goes with its other end, when the keeper does.
            with Interfaces() as host, suppress(BackendError):
                host.remove(self.name)
        self._hub.close()
        self.tap.close()
        self._keeper.close()
        for folder in (self.folder, self._other_folder):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
        self._lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add_client(self) -> Client:
        address = self.subnet[_CLIENT_HOST_NUMBER]
        if not self._keeper.is_rootless:
            # Who may make namespaces may not always give the host an interface: then the client is one more namespace.
            with Interfaces() as host, suppress(PermissionError):
                host.add_veth(self.name, peer=CLIENT_PORT, peer_namespace=self._keeper.hub_descriptor)
                self._has_host_interface = True
                host.set_alias(self.name, alias_of(os.fstat(self._lease.descriptor)))
                # No address and no noise of IPv6 on an interface that is only for the nodes.
                with suppress(OSError):
                    Path(f"/proc/sys/net/ipv6/conf/{self.name}/disable_ipv6").write_text(
                        "1", encoding="ascii"
                    )
                host.configure(self.name, address=address, prefix=SUBNET_PREFIX)
                self._hub.join(CLIENT_PORT, bridge=self._bridge)
                return Client(self._keeper, None, address=address)
        return Client(self._keeper, self._join(CLIENT_PORT, address), address=address)

    def _join(self, port: str, address: IPv4Address) -> Namespace:
        """Make a namespace that is joined to the bridge."""
        namespace, descriptor = self._keeper.add_namespace()
        try:
            self._hub.add_veth(
                port,
                peer=_NODE_INTERFACE,
                peer_namespace=descriptor,
                peer_mac=_mac_of(address),
                bridge=self._bridge,
            )
        finally:
            os.close(descriptor)
        with Interfaces(
            self._keeper.open_socket(namespace, socket.AF_NETLINK, socket.SOCK_DGRAM)
        ) as interfaces:
            interfaces.configure(_NODE_INTERFACE, address=address, prefix=SUBNET_PREFIX)
        return namespace

    def _start_in_hub(self, name: str, command: list[str]) -> Process:
        log = self.folder / f"{name}.log"
        started = self._keeper.start(self._keeper.hub, command, stdout=log)
        return Process(self._keeper, started, name=name, log=log)


def _mac_of(address: IPv4Address) -> str:
    """The hardware address of a node; the same that captures of the simulation have."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *address.packed))
