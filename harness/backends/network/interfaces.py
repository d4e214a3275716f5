"""The interfaces of one network namespace, through routing netlink."""

import errno
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Self, TypeVar

from pyroute2 import IPRoute, NetlinkError

from harness.errors import BackendError

LOOPBACK_INDEX = 1

_T = TypeVar("_T")


class Interfaces:
    """Makes and changes interfaces of one namespace; may be used from any thread.

    pyroute2 runs an event loop for each socket, in the thread that made it, and refuses other threads as well as
    threads with a loop of their own. Hence a thread for it.

    Args:
        netlink: a socket of the family AF_NETLINK that belongs to the namespace, closed by ``close``; None: ours.
    """

    def __init__(self, netlink: socket.socket | None = None) -> None:
        self._netlink = netlink
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="harness-netlink")
        # No groups: what others change in this namespace would only pile up here.
        self._routes: IPRoute = self._thread.submit(lambda: IPRoute(use_socket=netlink, groups=0)).result()

    def index_of(self, name: str) -> int | None:
        """The index of an interface; None if there is none of that name."""
        return self._run(lambda: next(iter(self._routes.link_lookup(ifname=name)), None))

    def is_up(self, name: str) -> bool:
        """Whether there is an interface of that name that takes packets."""
        return self._run(lambda: bool(self._routes.link_lookup(ifname=name, state="up")))

    def alias_of(self, name: str) -> str | None:
        """What its maker has written on an interface; None if nothing, or there is none of that name."""

        def alias() -> str | None:
            for link in self._routes.get_links(ifname=name):
                found = link.get("ifalias")
                return found if isinstance(found, str) else None
            return None

        try:
            return self._run(alias)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise

    def add_bridge(self, name: str) -> int:
        """Make a bridge that forwards at once and learns nothing of multicast; return its index, up.

        Raises:
            BackendError: the kernel refuses.
        """

        def add() -> int:
            self._routes.link(
                "add", ifname=name, kind="bridge", br_stp_state=0, br_forward_delay=0, br_mcast_snooping=0
            )
            index = int(self._routes.link_lookup(ifname=name)[0])
            self._routes.link("set", index=index, state="up")
            return index

        return self._change(f"a bridge {name}", add)

    def add_veth(
        self,
        name: str,
        *,
        peer: str,
        peer_namespace: int,
        peer_mac: str | None = None,
        bridge: int | None = None,
    ) -> None:
        """Make a pair of interfaces, one end here and up, the other one in another namespace.

        Args:
            name: of the end here.
            peer: of the other end.
            peer_namespace: an open descriptor of its namespace.
            peer_mac: hardware address of the other end; None: any.
            bridge: index of the bridge that the end here joins.

        Raises:
            BackendError: the kernel refuses.
            FileExistsError: there is an interface of one of these names.
        """
        other: dict[str, object] = {"ifname": peer, "net_ns_fd": peer_namespace}
        if peer_mac is not None:
            other["address"] = peer_mac
        more = {} if bridge is None else {"master": bridge}
        self._change(
            f"a veth {name}",
            lambda: self._routes.link("add", ifname=name, kind="veth", peer=other, state="up", **more),
        )

    def set_alias(self, name: str, alias: str) -> None:
        """Write on an interface whose it is.

        Raises:
            BackendError: the kernel refuses.
        """
        self._change(
            f"an alias of {name}",
            lambda: self._routes.link("set", index=self._routes.link_lookup(ifname=name)[0], ifalias=alias),
        )

    def set_queue_length(self, name: str, packets: int) -> None:
        """Set how many packets an interface may hold.

        Raises:
            BackendError: the kernel refuses.
        """
        self._change(
            f"a queue of {name}",
            lambda: self._routes.link("set", index=self._routes.link_lookup(ifname=name)[0], txqlen=packets),
        )

    def join(self, name: str, *, bridge: int) -> None:
        """Let an interface join a bridge, and set it up.

        Raises:
            BackendError: the kernel refuses.
        """

        def join() -> None:
            index = self._routes.link_lookup(ifname=name)[0]
            self._routes.link("set", index=index, master=bridge, state="up")

        self._change(f"{name} a port of the bridge", join)

    def configure(self, name: str, *, address: IPv4Address, prefix: int) -> None:
        """Set an interface and loopback up, and give it its address; the route to its subnet comes with it.

        Raises:
            BackendError: the kernel refuses.
        """

        def configure() -> None:
            index = self._routes.link_lookup(ifname=name)[0]
            self._routes.link("set", index=LOOPBACK_INDEX, state="up")
            self._routes.link("set", index=index, state="up")
            self._routes.addr("add", index=index, address=str(address), prefixlen=prefix)

        self._change(f"an address of {name}", configure)

    def remove(self, name: str) -> bool:
        """Remove an interface, a veth with its other end; whether there was one.

        Raises:
            BackendError: the kernel refuses.
        """

        def remove() -> bool:
            for index in self._routes.link_lookup(ifname=name):
                self._routes.link("del", index=index)
                return True
            return False

        try:
            return self._run(remove)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return False
            raise BackendError(f"cannot remove the interface {name}: {_reason(error)}") from error

    def busy_networks(self) -> tuple[IPv4Network, ...]:
        """Where addresses and routes of this namespace lead to; not the default route."""

        def networks() -> tuple[IPv4Network, ...]:
            found = [(a.get("address"), a["prefixlen"]) for a in self._routes.get_addr(family=socket.AF_INET)]
            found += [(r.get("dst"), r["dst_len"]) for r in self._routes.get_routes(family=socket.AF_INET)]
            return tuple(
                IPv4Network(f"{address}/{prefix}", strict=False)
                for address, prefix in found
                if address and prefix
            )

        return self._run(networks)

    def tc(self, *arguments: object, **named: object) -> None:
        """Change traffic control, as ``pyroute2.IPRoute.tc``.

        Raises:
            NetlinkError: the kernel refuses.
        """
        self._run(lambda: self._routes.tc(*arguments, **named))

    def close(self) -> None:
        """Close the socket; interfaces stay as they are."""
        self._thread.submit(self._routes.close).result()
        self._thread.shutdown()
        if self._netlink is not None:
            self._netlink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _change(self, what: str, change: Callable[[], _T]) -> _T:
        try:
            return self._run(change)
        except NetlinkError as error:
            if error.code == errno.EEXIST:
                raise FileExistsError(error.code, f"cannot make {what}", _reason(error)) from error
            if error.code in (errno.EPERM, errno.EACCES):
                raise PermissionError(error.code, f"cannot make {what}", _reason(error)) from error
            raise BackendError(f"cannot make {what}: {_reason(error)}") from error
        except IndexError:
            raise BackendError(f"cannot make {what}: the interface has vanished") from None

    def _run(self, task: Callable[[], _T]) -> _T:
        return self._thread.submit(task).result()


def _reason(error: NetlinkError) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)
