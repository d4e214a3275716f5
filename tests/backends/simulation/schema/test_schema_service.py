import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.rpc_error import RemoteError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.schema.schema_service import SchemaService
from harness.backends.simulation.schema.schema_store import EMPTY_VERSION
from harness.codec.verbs.gossip import ApplicationState
from harness.codec.verbs.schema_verbs import SchemaCheckReply
from harness.codec.verbs.wire import Void
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes, until

KEYSPACE = "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
TABLE = "CREATE TABLE k.t (p int PRIMARY KEY, v text)"


@dataclass
class SaidAloud:
    """Gossip that arrives at once."""

    nodes: list["SaidAloud"]
    address: str
    said: dict[tuple[str, ApplicationState], str] = field(default_factory=dict)
    listeners: list[Callable[[str, ApplicationState, str], None]] = field(default_factory=list)

    def set_state(self, state: ApplicationState, value: str) -> None:
        for node in self.nodes:
            node.said[self.address, state] = value
            for listener in node.listeners:
                listener(self.address, state, value)

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        return self.said.get((address, state))

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        self.listeners.append(listener)


@asynccontextmanager
async def schema_nodes(number: int) -> AsyncIterator[list[tuple[LoopbackNode, SchemaService]]]:
    async with loopback_nodes(number) as nodes:
        yield [(node, SchemaService(node.context)) for node in nodes]


async def run(node: LoopbackNode, schema: SchemaService, text: str) -> None:
    def make() -> SchemaPlan:
        made = plan(node.context.catalog, text, "k", (), node.context.moment)
        assert isinstance(made, SchemaPlan)
        return made

    await schema.change(make(), replan=make)


def test_a_change_reaches_all_nodes_with_equal_ids_and_versions() -> None:
    async def check() -> None:
        async with schema_nodes(3) as ((n1, s1), (n2, s2), (n3, s3)):
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            await until(lambda: s1.version == s2.version == s3.version)
            tables = [node.context.catalog.schema.table("k", "t") for node in (n1, n2, n3)]
            assert tables[0] is not None
            assert tables[0].id is not None
            assert tables[0].version is not None
            assert tables[0] == tables[1] == tables[2]
            assert [sent.receiver for sent in n1.sent_of(Verb.DEFINITIONS_UPDATE)] == 2 * [
                n2.address,
                n3.address,
            ]
            assert not n2.sent
            await run(n2, s2, "ALTER TABLE k.t ADD w int")
            await until(lambda: s1.version == s2.version == s3.version)
            altered = [node.context.catalog.schema.table("k", "t") for node in (n1, n2, n3)]
            assert altered[0] == altered[1] == altered[2]
            assert altered[0] is not None
            assert altered[0].version != tables[0].version
            assert n1.context.catalog.table_of(tables[0].id, tables[0].version) is not None

    asyncio.run(check())


def test_a_client_hears_of_a_change_when_it_is_on_its_way() -> None:
    async def check() -> None:
        async with schema_nodes(3) as ((n1, s1), *_):
            # The first message to a peer waits for the connection to it.
            await run(n1, s1, KEYSPACE)
            connections = list(n1.messaging._outgoing.values())
            assert len(connections) == 2
            assert not [connection for connection in connections if connection._queue]

    asyncio.run(check())


def test_a_version_that_a_node_missed_is_asked_of_the_sender() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            n1.messaging.loses = lambda _, verb: verb is Verb.DEFINITIONS_UPDATE
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            table = n1.context.catalog.schema.table("k", "t")
            assert table is not None
            assert table.id is not None
            assert table.version is not None
            assert n2.context.catalog.table_of(table.id, table.version) is None
            await asyncio.gather(*(s2.learn(n1.address, table.id, table.version) for _ in range(3)))
            assert n2.context.catalog.schema.table("k", "t") == table
            assert [sent.verb for sent in n2.sent] == [Verb.GET_SCHEMA_VERSION, Verb.MIGRATION_REQUEST]
            assert n2.sent[1].tenant is Tenant.USER, "the write was a client's"
            assert s1.version == s2.version

    asyncio.run(check())


def test_a_version_learnt_for_a_read_is_known_beside_the_last_one() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            await until(lambda: s1.version == s2.version)
            n1.messaging.loses = lambda _, verb: verb is Verb.DEFINITIONS_UPDATE
            before = n2.context.catalog.schema.table("k", "t")
            await run(n1, s1, "ALTER TABLE k.t ADD w int")
            table = n1.context.catalog.schema.table("k", "t")
            assert table is not None
            assert table.id is not None
            assert table.version is not None
            await s2.for_reads.learn(n1.address, table.id, table.version)
            assert [sent.verb for sent in n2.sent] == [Verb.GET_SCHEMA_VERSION]
            layout = n2.context.catalog.table_of(table.id, table.version)
            assert layout is not None
            assert layout.regular_names == ("v", "w")
            assert n2.context.catalog.schema.table("k", "t") == before

    asyncio.run(check())


def test_changes_of_two_nodes_at_once_end_in_one_schema() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            await until(lambda: s1.version == s2.version)
            await asyncio.gather(
                run(n1, s1, "ALTER TABLE k.t ADD a int"), run(n2, s2, "ALTER TABLE k.t ADD b int")
            )
            await until(lambda: s1.version == s2.version)
            one, other = (node.context.catalog.schema.table("k", "t") for node in (n1, n2))
            assert one == other
            assert one is not None
            assert [column.name for column in one.regular_columns] == ["a", "b", "v"]

    asyncio.run(check())


def test_changes_through_one_node_at_once_do_not_lose_each_other() -> None:
    async def check() -> None:
        async with schema_nodes(1) as ((n1, s1),):
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            await asyncio.gather(*(run(n1, s1, f"ALTER TABLE k.t ADD c{index} int") for index in range(4)))
            table = n1.context.catalog.schema.table("k", "t")
            assert table is not None
            assert [column.name for column in table.regular_columns] == ["c0", "c1", "c2", "c3", "v"]

    asyncio.run(check())


def test_a_new_node_pulls_the_schema_of_peers_that_know_it() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            n1.messaging.loses = lambda _, verb: verb is Verb.DEFINITIONS_UPDATE
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            voices: list[SaidAloud] = []
            for node in (n1, n2):
                voices.append(SaidAloud(voices, node.address))
            s2.use_gossip(voices[1])
            assert s2.version == EMPTY_VERSION
            s1.use_gossip(voices[0])
            await until(lambda: n2.sent_of(Verb.MIGRATION_REQUEST))
            await asyncio.sleep(0.05)
            assert s2.version == EMPTY_VERSION, "the peer does not know the new node's tables yet"
            for voice in voices:
                voice.set_state(ApplicationState.SCHEMA_TABLES_VERSION, "3")
            assert await s2.agreement(2.0)
            assert s2.version == s1.version

    asyncio.run(check())


def test_a_change_that_was_not_pushed_is_found_by_gossip() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            voices: list[SaidAloud] = []
            for node in (n1, n2):
                voices.append(SaidAloud(voices, node.address))
            for voice in voices:
                voice.set_state(ApplicationState.SCHEMA_TABLES_VERSION, "3")
            for voice, schema in zip(voices, (s1, s2), strict=True):
                schema.use_gossip(voice)
            await run(n1, s1, KEYSPACE)
            await until(lambda: s1.version == s2.version)
            await run(n2, s2, "CREATE TABLE k.u (p int PRIMARY KEY)")
            await until(lambda: s1.version == s2.version)
            n1.messaging.loses = lambda _, verb: verb is Verb.DEFINITIONS_UPDATE
            await run(n1, s1, TABLE)
            assert s2.version != s1.version
            assert await s2.agreement(5.0)
            assert s2.version == s1.version
            assert [sent.verb for sent in n2.sent][-2:] == [Verb.DEFINITIONS_UPDATE, Verb.MIGRATION_REQUEST]

    asyncio.run(check())


def test_listeners_hear_what_clients_are_told() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (_, s2)):
            heard: list[str] = []
            s2.subscribe(lambda change: heard.append(f"{change.change} {change.target} {change.name}"))
            await run(n1, s1, KEYSPACE)
            await run(n1, s1, TABLE)
            await run(n1, s1, "CREATE INDEX i ON k.t (v)")
            await run(n1, s1, "DROP TABLE k.t")
            await until(lambda: s1.version == s2.version)
            assert heard == [
                "CREATED KEYSPACE None",
                "CREATED TABLE t",
                "CREATED TABLE i_index",
                "UPDATED TABLE t",
                "DROPPED TABLE i_index",
                "DROPPED TABLE t",
            ]

    asyncio.run(check())


def test_a_version_that_nobody_knows_is_an_error_for_who_asks() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, _), (_, s2)):
            with pytest.raises(RemoteError, match="is not known"):
                await s2.learn(n1.address, UUID(int=1), UUID(int=2))

    asyncio.run(check())


def test_peers_are_told_the_version_when_they_ask() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, _)):
            await run(n1, s1, KEYSPACE)
            reply = await n2.context.messaging.call(n1.address, Verb.SCHEMA_CHECK, Void())
            assert reply == SchemaCheckReply(version=s1.version)

    asyncio.run(check())


def test_the_keyspaces_of_the_first_node_have_the_same_version_on_any_node() -> None:
    async def check() -> None:
        async with schema_nodes(2) as ((n1, s1), (n2, s2)):
            assert s1.version == EMPTY_VERSION
            s1.add_shared_keyspaces()
            await until(lambda: s1.version == s2.version)
            s2.add_shared_keyspaces()
            assert not n2.sent
            factors = {
                keyspace.name: keyspace.replication.factor
                for keyspace in n2.context.catalog.schema.known_keyspaces
            }
            assert factors["system_auth"] == 1
            assert factors["system_distributed"] == 3
            assert factors["system_traces"] == 2
            assert n1.context.catalog.properties_of("system_traces", "events").default_time_to_live == 86400

    asyncio.run(check())
