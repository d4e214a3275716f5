import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from harness.backends.simulation.journal import FileJournal
from harness.backends.simulation.node import Node
from harness.backends.simulation.real_world import RealWorld
from tests.backends.simulation.started_nodes import addresses, asked, config_of, free_ports, running

TIMEOUT_S = 30
KEYSPACE = "CREATE KEYSPACE ks WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': {}}}"


def make_table(session: Any, replicas: int) -> None:  # noqa: ANN401  (the driver has no types)
    session.execute(KEYSPACE.format(replicas))
    session.execute("CREATE TABLE ks.t (k int PRIMARY KEY, v text, c int)")
    session.execute("CREATE TABLE ks.counts (k int PRIMARY KEY, n counter)")
    session.execute("INSERT INTO ks.t (k, v) VALUES (1, 'one')")
    session.execute("INSERT INTO ks.t (k, v) VALUES (2, 'two') IF NOT EXISTS")
    session.execute("DELETE FROM ks.t WHERE k = 1")
    session.execute("UPDATE ks.counts SET n = n + 7 WHERE k = 1")
    session.execute("ALTER TABLE ks.t ADD later int")


async def is_up(node: Node, address: str) -> None:
    """Return when a node takes another one for alive."""
    async with asyncio.timeout(TIMEOUT_S):
        while not node._context.members.is_alive(address):  # noqa: ASYNC110  (the node is not asked to tell tests)
            await asyncio.sleep(0.01)


def identity(session: Any) -> tuple[object, ...]:  # noqa: ANN401  (the same)
    return tuple(session.execute("SELECT host_id, tokens, cluster_name FROM system.local").one())


def test_a_node_that_starts_again_is_the_same_and_has_its_data(tmp_path: Path) -> None:
    (address,) = addresses(1)
    config = config_of(address, [address], tmp_path, free_ports(address), cluster_name="alone")

    async def run() -> None:
        async with running(config):
            await asked(config, lambda session: make_table(session, 1))
            first = await asked(config, identity)
        async with running(config):
            assert await asked(config, identity) == first
            assert await asked(
                config, lambda session: [tuple(row) for row in session.execute("SELECT * FROM ks.t")]
            ) == [(2, None, None, "two")]
            assert (
                await asked(config, lambda session: session.execute("SELECT n FROM ks.counts").one().n) == 7
            )
            refused = "INSERT INTO ks.t (k, v) VALUES (2, 'again') IF NOT EXISTS"
            assert not await asked(config, lambda session: session.execute(refused).was_applied)

    asyncio.run(run())


def test_a_prepared_node_has_its_schema_and_nobody_can_reach_it_yet(tmp_path: Path) -> None:
    (address,) = addresses(1)
    config = config_of(address, [address], tmp_path, free_ports(address))

    async def run() -> None:
        world = RealWorld(seed=1, log=io.StringIO())
        journal = FileJournal(Path(config.data_folder, "journal"))
        node = Node(config, world, journal)
        before = node._schema.version
        node.prepare()
        prepared = node._schema.version
        assert prepared != before
        for port in (config.storage_port, config.native_transport_port, config.api_port):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(address, port)
        await node.start()
        assert node._schema.version == prepared
        await node.stop()
        await world.close()
        journal.close()
        assert world.failures == []

    asyncio.run(run())


def test_two_nodes_find_each_other_and_one_hears_that_the_other_stops(tmp_path: Path) -> None:
    both = addresses(2)
    ports = free_ports(both[0])
    first, second = (config_of(address, both, tmp_path, ports) for address in both)

    def peers(session: Any) -> list[tuple[str, int]]:  # noqa: ANN401  (the same)
        return [
            (row.peer, len(row.tokens)) for row in session.execute("SELECT peer, tokens FROM system.peers")
        ]

    async def run() -> None:
        async with running(first) as node, running(second):
            await is_up(node, second.listen_address)
            await asked(first, lambda session: make_table(session, 2))
            assert await asked(first, peers) == [(second.listen_address, 16)]
            assert await asked(second, peers) == [(first.listen_address, 16)]
            rows = await asked(second, lambda session: session.execute("SELECT v FROM ks.t").all())
            assert [row.v for row in rows] == ["two"]

        async with running(first) as node:
            async with running(second):
                await is_up(node, second.listen_address)
            # It has said so: nobody has to find out by its silence.
            assert not node._context.members.is_alive(second.listen_address)

    asyncio.run(run())
