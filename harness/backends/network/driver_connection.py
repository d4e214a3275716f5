"""The stock driver's connections, for clients that only reach the nodes through sockets of a namespace."""

from cassandra.cluster import DefaultConnection
from cassandra.connection import Connection

from harness.backends.network.network import Client


def connection_class_of(client: Client) -> type[Connection]:
    """What to give ``cassandra.cluster.Cluster`` as its ``connection_class``.

    On the host that is the driver's own class. Elsewhere it is the same with another source of sockets: the driver
    looks its ``socket.socket`` up in the attribute ``_socket_impl`` of the class.
    """
    drivers_own: type[Connection] = DefaultConnection
    if client.is_host:
        return drivers_own
    return type("NamespaceConnection", (drivers_own,), {"_socket_impl": client})
