"""The SDK's way through a socket of this machine, but nothing stays open where nobody answers.

The SDK leaves a socket that it could not connect to the garbage collector, which finds it, and warns of it, much later.

Source:
    docker 7.2, docker/transport/unixconn.py.
"""

import socket
from typing import Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

_MOUNTED_AT = "http+docker://"


class _Connection(UnixHTTPConnection):  # type: ignore[misc]  # the SDK has no types
    def connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self.unix_socket)
        except BaseException:
            connection.close()
            raise
        self.sock = connection


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]  # the SDK has no types
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _Adapter(UnixHTTPAdapter):  # type: ignore[misc]  # the SDK has no types
    def get_connection(self, url: str, proxies: object = None) -> _Pool:  # noqa: ARG002  (of proxies there are none)
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = _Pool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                self.pools[url] = pool
        assert isinstance(pool, _Pool)
        return pool


def close_what_does_not_connect(api: Any) -> None:  # noqa: ANN401  (the SDK has no types)
    """Have a client of the SDK close sockets that do not connect; nothing happens if it uses none of this machine."""
    theirs = api.get_adapter(_MOUNTED_AT) if _MOUNTED_AT in api.adapters else None
    if isinstance(theirs, UnixHTTPAdapter):
        api.mount(
            _MOUNTED_AT, _Adapter(theirs.socket_path, theirs.timeout, max_pool_size=theirs.max_pool_size)
        )
        theirs.close()
