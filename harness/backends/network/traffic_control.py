"""Traffic control of one network namespace: queues, classes and filters, through pyroute2."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class TrafficControl:
    """Changes traffic control; may be used from any thread.

    pyroute2 takes 100 ms to load, which few networks need. It runs an event loop for each socket, in the thread that made
    it, and refuses other threads as well as threads with a loop of their own. Hence a thread for it.

    Args:
        open_netlink: opens a socket of the family AF_NETLINK that belongs to the namespace.
    """

    def __init__(self, open_netlink: Callable[[], socket.socket]) -> None:
        self._open_netlink = open_netlink
        self._thread: ThreadPoolExecutor | None = None
        self._netlink: socket.socket | None = None
        self._routes: Any = None

    def change(self, *arguments: object, **named: object) -> None:
        """As ``pyroute2.IPRoute.tc``.

        Raises:
            OSError: the kernel refuses.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="harness-netlink")
        self._thread.submit(self._change, arguments, named).result()

    def close(self) -> None:
        """Close the socket; what was set stays as it is."""
        if self._thread is None:
            return
        self._thread.submit(self._close).result()
        self._thread.shutdown()
        self._thread = None

    def _change(self, arguments: tuple[object, ...], named: dict[str, object]) -> None:
        from pyroute2 import IPRoute, NetlinkError  # noqa: PLC0415  (few networks need it)

        if self._routes is None:
            self._netlink = self._open_netlink()
            # No groups: what others change in this namespace would only pile up here.
            self._routes = IPRoute(use_socket=self._netlink, groups=0)
        try:
            self._routes.tc(*arguments, **named)
        except NetlinkError as error:
            raise OSError(error.code, str(error.args[1]) if len(error.args) > 1 else str(error)) from error

    def _close(self) -> None:
        if self._routes is not None:
            self._routes.close()
        if self._netlink is not None:
            self._netlink.close()
