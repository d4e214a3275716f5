from ipaddress import IPv4Address
from threading import Thread

import pytest
from cassandra import DriverException
from cassandra.cluster import DefaultConnection
from cassandra.connection import ConnectionException, DefaultEndPoint

from harness.backends.network.driver_connection import connection_class_of
from harness.backends.network.network import Client, Network
from tests.backends.network.networks import listening, receive, skip_without_root

pytestmark = pytest.mark.namespaces


def test_on_the_host_the_driver_stays_as_it_is(network: Network) -> None:
    skip_without_root(network)
    assert connection_class_of(network.client) is DefaultConnection


def test_elsewhere_the_driver_reaches_nodes_through_the_namespace(network: Network) -> None:
    namespace = network.node("n3")
    client = Client(network._keeper, namespace.namespace, address=IPv4Address(namespace.address))
    connection_class = connection_class_of(client)
    assert connection_class.__name__ == "NamespaceConnection"
    connection_class.initialize_reactor()

    def connect() -> None:
        with pytest.raises((ConnectionException, DriverException, OSError)):
            connection_class.factory(DefaultEndPoint(network.node("n1").address, 9042), 0.5)

    with listening(network, "n1", 9042) as listener:
        driver = Thread(target=connect)
        driver.start()
        far, (address, _) = listener.accept()
        with far:
            far.settimeout(10)
            head = receive(far, 9)
        driver.join()
    assert address == namespace.address
    # Whatever version of CQL it begins with, OPTIONS comes first and has no body.
    assert head[4:] == bytes.fromhex("05 00000000")
