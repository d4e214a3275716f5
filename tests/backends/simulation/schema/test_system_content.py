import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from uuid import UUID

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.schema.schema_service import SchemaService
from harness.backends.simulation.schema.system_content import SystemContent
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes

IDENTITY = NodeIdentity(host_id=UUID(int=77), tokens=(-5, 7), generation=1_700_000_000)
SCHEMA = UUID(int=9, version=3)


class Heard:
    """Gossip of which a test says what is heard."""

    def __init__(self) -> None:
        self.told: dict[tuple[str, ApplicationState], str] = {}
        self._listeners: list[Callable[[str, ApplicationState, str], None]] = []

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        return self.told.get((address, state))

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        self._listeners.append(listener)

    def hear(self, address: str, state: ApplicationState, value: str) -> None:
        self.told[address, state] = value
        for listener in self._listeners:
            listener(address, state, value)


def rows(node: LoopbackNode, query: str) -> list[tuple[object, ...]]:
    local = LocalNode(node.context.catalog)
    local.storage = node.context.storage
    local.now_us = node.context.world.now_us
    return local.rows(query)


def test_a_node_tells_of_itself_as_a_real_one_does() -> None:
    async def check() -> None:
        async with loopback_nodes(1) as (node,):
            SchemaService(node.context)
            heard = Heard()
            SystemContent(node.context, IDENTITY, heard)
            heard.hear(node.address, ApplicationState.SCHEMA, str(SCHEMA))
            heard.hear(node.address, ApplicationState.STATUS, "NORMAL,-5")
            found = rows(
                node,
                "SELECT key, bootstrapped, cluster_name, cql_version, data_center, host_id, partitioner, rack,"
                " release_version, rpc_address, schema_version, tokens, native_protocol_version"
                " FROM system.local WHERE key='local'",
            )
            assert found == [
                (
                    "local",
                    "COMPLETED",
                    "Test Cluster",
                    "3.3.1",
                    "datacenter1",
                    UUID(int=77),
                    "org.apache.cassandra.dht.Murmur3Partitioner",
                    "rack1",
                    "3.0.8",
                    ip_address(node.address),
                    SCHEMA,
                    frozenset({"-5", "7"}),
                    "4",
                )
            ]

    asyncio.run(check())


def test_peers_are_the_other_members_as_gossip_describes_them() -> None:
    async def check() -> None:
        async with loopback_nodes(3) as (n1, n2, n3):
            SchemaService(n1.context)
            heard = Heard()
            heard.told[n2.address, ApplicationState.SCHEMA] = str(SCHEMA)
            SystemContent(n1.context, IDENTITY, heard)
            query = "SELECT peer, host_id, rack, rpc_address, schema_version, tokens FROM system.peers"
            found = {row[0]: row for row in rows(n1, query)}
            assert set(found) == {ip_address(n2.address), ip_address(n3.address)}
            tokens = frozenset(str(token) for token in n2.context.members.own.tokens)
            assert found[ip_address(n2.address)] == (
                ip_address(n2.address),
                UUID(int=2),
                "rack1",
                ip_address(n2.address),
                SCHEMA,
                tokens,
            )
            other = UUID(int=10, version=3)
            heard.hear(n2.address, ApplicationState.SCHEMA, str(other))
            n1.context.members.leave(n3.address)
            assert [(row[0], row[4], row[5]) for row in rows(n1, query)] == [
                (ip_address(n2.address), other, tokens)
            ]

    asyncio.run(check())


def test_a_node_with_new_tokens_has_only_those() -> None:
    async def check() -> None:
        async with loopback_nodes(2) as (n1, n2):
            SchemaService(n1.context)
            heard = Heard()
            SystemContent(n1.context, IDENTITY, heard)
            n1.context.members.join(
                Node(name="n2", address=n2.address, datacenter="datacenter1", rack="rack1", tokens=(1,))
            )
            heard.hear(n2.address, ApplicationState.TOKENS, "1")
            assert rows(n1, "SELECT tokens FROM system.peers") == [(frozenset({"1"}),)]

    asyncio.run(check())
