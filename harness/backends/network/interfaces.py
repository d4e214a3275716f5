"""The interfaces of one network namespace, through routing netlink."""

import errno
import socket
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Self

from harness.backends.network.route_socket import (
    LINK_HEADER_BYTES,
    Answer,
    Flag,
    Request,
    RouteSocket,
    attribute,
    index_and_flags_of,
    link_header,
)
from harness.backends.network.traffic_control import TrafficControl
from harness.errors import BackendError

LOOPBACK_INDEX = 1

_UP = 1
_LINK_ADDRESS, _LINK_NAME, _LINK_MASTER, _LINK_QUEUE_LENGTH, _LINK_INFO, _LINK_ALIAS, _LINK_NAMESPACE = (
    *(1, 3, 10, 13),
    *(18, 20, 28),
)
_INFO_KIND, _INFO_DATA = 1, 2
_BRIDGE_FORWARD_DELAY, _BRIDGE_STP_STATE, _BRIDGE_MULTICAST_SNOOPING = 1, 5, 23
_VETH_PEER = 1
_ADDRESS, _LOCAL_ADDRESS = 1, 2
_DESTINATION = 1
_ADDRESS_HEADER_BYTES, _ROUTE_HEADER_BYTES = 8, 12


class Interfaces:
    """Makes and changes interfaces of one namespace; may be used from any thread.

    Args:
        open_netlink: opens a socket of the family AF_NETLINK that belongs to the namespace; None: ours.
    """

    def __init__(self, open_netlink: Callable[[], socket.socket] | None = None) -> None:
        opener = open_netlink or _own_netlink
        self._routes = RouteSocket(opener())
        self._traffic = TrafficControl(opener)

    def index_of(self, name: str) -> int | None:
        """The index of an interface; None if there is none of that name."""
        link = self._link(name)
        return None if link is None else index_and_flags_of(link)[0]

    def is_up(self, name: str) -> bool:
        """Whether there is an interface of that name that takes packets."""
        link = self._link(name)
        return link is not None and bool(index_and_flags_of(link)[1] & _UP)

    def alias_of(self, name: str) -> str | None:
        """What its maker has written on an interface; None if nothing, or there is none of that name."""
        link = self._link(name)
        alias = None if link is None else link.attributes.get(_LINK_ALIAS)
        return None if alias is None else alias.rstrip(b"\0").decode(errors="replace")

    def add_bridge(self, name: str) -> int:
        """Make a bridge that forwards at once and learns nothing of multicast; return its index, up.

        Raises:
            BackendError: the kernel refuses.
        """
        settings = [
            attribute(_BRIDGE_STP_STATE, 0),
            attribute(_BRIDGE_FORWARD_DELAY, 0),
            attribute(_BRIDGE_MULTICAST_SNOOPING, b"\0"),
        ]
        self._add(f"a bridge {name}", name, "bridge", settings)
        index = self.index_of(name)
        if index is None:
            raise BackendError(f"cannot make a bridge {name}: the interface has vanished")
        return index

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
        other = [link_header(), attribute(_LINK_NAME, peer), attribute(_LINK_NAMESPACE, peer_namespace)]
        if peer_mac is not None:
            other.append(attribute(_LINK_ADDRESS, bytes.fromhex(peer_mac.replace(":", ""))))
        more = b"" if bridge is None else attribute(_LINK_MASTER, bridge)
        self._add(f"a veth {name}", name, "veth", [attribute(_VETH_PEER, other)], more)

    def set_alias(self, name: str, alias: str) -> None:
        """Write on an interface whose it is.

        Raises:
            BackendError: the kernel refuses.
        """
        self._set(f"an alias of {name}", name, attribute(_LINK_ALIAS, alias.encode()))

    def set_queue_length(self, name: str, packets: int) -> None:
        """Set how many packets an interface may hold.

        Raises:
            BackendError: the kernel refuses.
        """
        self._set(f"a queue of {name}", name, attribute(_LINK_QUEUE_LENGTH, packets))

    def join(self, name: str, *, bridge: int) -> None:
        """Let an interface join a bridge, and set it up.

        Raises:
            BackendError: the kernel refuses.
        """
        self._set(f"{name} a port of the bridge", name, attribute(_LINK_MASTER, bridge), is_up=True)

    def configure(self, name: str, *, address: IPv4Address, prefix: int) -> None:
        """Set an interface and loopback up, and give it its address; the route to its subnet comes with it.

        Raises:
            BackendError: the kernel refuses.
        """
        what = f"an address of {name}"
        self._set(what, name, is_up=True)
        self._change(what, Request.NEW_LINK, link_header(LOOPBACK_INDEX, flags=_UP, changed_flags=_UP))
        index = self.index_of(name) or 0
        header = bytes((socket.AF_INET, prefix, 0, 0)) + index.to_bytes(4, sys.byteorder)
        body = header + attribute(_LOCAL_ADDRESS, address.packed) + attribute(_ADDRESS, address.packed)
        self._change(what, Request.NEW_ADDRESS, body, Flag.CREATE | Flag.EXCLUSIVE)

    def remove(self, name: str) -> bool:
        """Remove an interface, a veth with its other end; whether there was one.

        Raises:
            BackendError: the kernel refuses.
        """
        try:
            self._routes.change(Request.DELETE_LINK, link_header() + attribute(_LINK_NAME, name))
        except OSError as error:
            if error.errno == errno.ENODEV:
                return False
            raise BackendError(f"cannot remove the interface {name}: {error.strerror}") from error
        return True

    def busy_networks(self) -> tuple[IPv4Network, ...]:
        """Where addresses and routes of this namespace lead to; not the default route."""
        addresses = self._routes.all(
            Request.GET_ADDRESS, _of_ipv4(_ADDRESS_HEADER_BYTES), _ADDRESS_HEADER_BYTES
        )
        routes = self._routes.all(Request.GET_ROUTE, _of_ipv4(_ROUTE_HEADER_BYTES), _ROUTE_HEADER_BYTES)
        found = [
            *((answer.attributes.get(_ADDRESS), answer.header[1]) for answer in addresses),
            *((answer.attributes.get(_DESTINATION), answer.header[1]) for answer in routes),
        ]
        return tuple(
            IPv4Network((address, prefix), strict=False) for address, prefix in found if address and prefix
        )

    def tc(self, *arguments: object, **named: object) -> None:
        """Change traffic control, as ``pyroute2.IPRoute.tc``.

        Raises:
            OSError: the kernel refuses.
        """
        self._traffic.change(*arguments, **named)

    def close(self) -> None:
        """Close the sockets; interfaces stay as they are."""
        self._traffic.close()
        self._routes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _link(self, name: str) -> Answer | None:
        try:
            return self._routes.ask(
                Request.GET_LINK, link_header() + attribute(_LINK_NAME, name), LINK_HEADER_BYTES
            )
        except OSError as error:
            if error.errno == errno.ENODEV:
                return None
            raise

    def _add(self, what: str, name: str, kind: str, settings: list[bytes], more: bytes = b"") -> None:
        info = [attribute(_INFO_KIND, kind), attribute(_INFO_DATA, settings)]
        body = (
            link_header(flags=_UP, changed_flags=_UP)
            + attribute(_LINK_NAME, name)
            + attribute(_LINK_INFO, info)
            + more
        )
        self._change(what, Request.NEW_LINK, body, Flag.CREATE | Flag.EXCLUSIVE)

    def _set(self, what: str, name: str, attributes: bytes = b"", *, is_up: bool = False) -> None:
        flag = _UP if is_up else 0
        body = link_header(flags=flag, changed_flags=flag) + attribute(_LINK_NAME, name) + attributes
        self._change(what, Request.NEW_LINK, body)

    def _change(self, what: str, request: Request, body: bytes, flags: Flag = Flag.NONE) -> None:
        try:
            self._routes.change(request, body, flags)
        except OSError as error:
            if error.errno == errno.EEXIST:
                raise FileExistsError(error.errno, f"cannot make {what}", error.strerror) from error
            if error.errno in (errno.EPERM, errno.EACCES):
                raise PermissionError(error.errno, f"cannot make {what}", error.strerror) from error
            why = "the interface has vanished" if error.errno == errno.ENODEV else error.strerror
            raise BackendError(f"cannot make {what}: {why}") from error


def _own_netlink() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE)


def _of_ipv4(header_bytes: int) -> bytes:
    """A header that asks for what is of IPv4."""
    return bytes((socket.AF_INET,)).ljust(header_bytes, b"\0")
