import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.gossip.status import StatusKind
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.streaming.membership_changes import MembershipChanges
from harness.backends.simulation.streaming.stream_sessions import StreamSessions
from harness.codec.verbs.common import Key
from harness.codec.verbs.mutation import (
    Column,
    DeletableRow,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    Row,
)
from harness.errors import BackendError, HarnessError
from harness.partitioner import token_of
from tests.backends.simulation.gossip.cluster import Cluster, Running, address, in_cluster, until
from tests.backends.simulation.tables import NOW_S, catalog_of, deleted, i32

TABLES = "CREATE TABLE t (k int PRIMARY KEY, v int); CREATE TABLE empty (k int PRIMARY KEY)"
KEYS = 200
NOTHING = deleted(-(2**63), 0)


@dataclass
class StorageWriter:
    """Applies to storage, and counts."""

    storage: Storage
    applied: list[bool] = field(default_factory=list)

    async def apply(self, mutation: Mutation, origin: str | None = None, *, with_views: bool = True) -> None:
        _ = origin
        self.applied.append(with_views)
        self.storage.apply(mutation)


def written(catalog: Catalog, key: int, name: str = "t") -> Mutation:
    layout = catalog.table("ks", name)
    assert layout is not None
    assert layout.table.id is not None
    assert layout.table.version is not None
    row = DeletableRow(
        key=Key(components=()),
        marker=LiveMarker(created_at=key + 1),
        deleted_at=NOTHING,
        cells=Row(columns=(Column(id=0, cell=LiveCell(timestamp=key + 1, value=i32(key))),)),
    )
    return Mutation(
        table_id=layout.table.id,
        schema_version=layout.table.version,
        key=Key(components=(i32(key),)),
        partition=MutationPartition(
            tombstone=NOTHING, static_row=Row(columns=()), range_tombstones=(), rows=(row,)
        ),
    )


def write_everywhere(nodes: list[Running]) -> None:
    """Write each key to its replicas, of which there are three."""
    by_address = {node.address: node for node in nodes}
    members = nodes[0].context.members
    for key in range(KEYS):
        catalog = nodes[0].context.catalog
        keyspace = catalog.keyspace("ks")
        assert keyspace is not None
        for replica in members.replicas(keyspace.replication, token_of((i32(key),))):
            by_address[replica.address].context.storage.apply(written(catalog, key))


def keys_of(node: Running) -> set[int]:
    layout = node.context.catalog.table("ks", "t")
    assert layout is not None
    return {
        int.from_bytes(mutation.key.components[0], "big")
        for mutation in node.context.storage.mutations(layout, WHOLE_RING, NOW_S)
    }


def keys_to_have(node: Running) -> set[int]:
    keyspace = node.context.catalog.keyspace("ks")
    assert keyspace is not None
    return {
        key
        for key in range(KEYS)
        if node.address
        in {
            replica.address
            for replica in node.context.members.replicas(keyspace.replication, token_of((i32(key),)))
        }
    }


def streaming(node: Running) -> tuple[MembershipChanges, StorageWriter]:
    writer = StorageWriter(node.context.storage)
    sessions = StreamSessions(node.context, writer)
    return MembershipChanges(node.context, node.gossip, sessions), writer


async def three_nodes(cluster: Cluster, make_catalog: Callable[[], Catalog]) -> list[Running]:
    cluster.make_storage = lambda: Storage(make_catalog())
    nodes = await cluster.start(1, 2, 3)
    await until(lambda: all(len(node.members()) == 3 and len(node.live()) == 2 for node in nodes))
    return nodes


def test_a_newcomer_gets_the_data_of_its_ranges_and_becomes_a_member() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await three_nodes(cluster, lambda: catalog_of(TABLES))
        write_everywhere(nodes)
        for node in nodes:
            streaming(node)
        newcomer = await cluster.node(4)
        await newcomer.gossip.start()
        changes, writer = streaming(newcomer)
        await changes.bootstrap()
        assert {address(number) for number in (1, 2, 3, 4)} == newcomer.members() == nodes[2].members()
        assert keys_of(newcomer) == keys_to_have(newcomer) != set()
        assert set(writer.applied) == {False}
        assert len(writer.applied) == len(keys_of(newcomer))

    in_cluster(story, [1, 2, 3])


def test_what_is_written_while_a_newcomer_streams_goes_to_it_too() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await three_nodes(cluster, lambda: catalog_of(TABLES))
        newcomer = await cluster.node(4)
        await newcomer.gossip.start()
        streaming(newcomer)
        newcomer.gossip.announce_boot()
        await newcomer.gossip.tell_all()
        keyspace = nodes[0].context.catalog.keyspace("ks")
        assert keyspace is not None
        for node in nodes:
            assert newcomer.address not in node.members()
            assert {
                pending.address
                for key in range(KEYS)
                for pending in node.context.members.pending(keyspace.replication, token_of((i32(key),)))
            } == {newcomer.address}

    in_cluster(story, [1, 2, 3], gossip_interval_ms=60_000)


def test_a_leaver_hands_over_its_data_and_is_no_member_for_anybody() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await three_nodes(cluster, lambda: catalog_of(TABLES))
        write_everywhere(nodes)
        for node in nodes:
            streaming(node)
        fourth = await cluster.node(4)
        await fourth.gossip.start()
        changes, _ = streaming(fourth)
        await changes.bootstrap()
        for node in nodes:
            node.context.storage.truncate(written(node.context.catalog, 1).table_id)
        await changes.decommission()
        assert [node.members() for node in nodes] == [{address(1), address(2), address(3)}] * 3
        assert [node.live() for node in nodes] == [
            {address(number) for number in (1, 2, 3) if address(number) != node.address} for node in nodes
        ]
        handed = keys_of(fourth)
        assert set[int]().union(*(keys_of(node) for node in nodes)) == handed

    in_cluster(story, [1, 2, 3])


def test_a_plan_with_a_node_that_dies_fails_and_the_newcomer_is_no_member() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await three_nodes(cluster, lambda: catalog_of(TABLES))
        for node in nodes:
            streaming(node)
        confirmed = asyncio.Event()

        async def confirm(_: object, __: object) -> None:
            confirmed.set()

        nodes[0].context.messaging.handle(Verb.PREPARE_DONE_MESSAGE, confirm)
        newcomer = await cluster.node(4)
        await newcomer.gossip.start()
        changes, _ = streaming(newcomer)
        booting = asyncio.create_task(changes.bootstrap())
        await confirmed.wait()
        nodes[0].kill()
        with pytest.raises(HarnessError, match=f"{address(1)} is down"):
            await booting
        assert newcomer.address not in nodes[1].members()

    in_cluster(story, [1, 2, 3])


def test_a_leaver_that_cannot_hand_over_stays_a_member() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await three_nodes(cluster, lambda: catalog_of(TABLES))
        for node in nodes:
            streaming(node)
        fourth = await cluster.node(4)
        await fourth.gossip.start()
        changes, _ = streaming(fourth)
        await changes.bootstrap()
        proposed = asyncio.Event()

        async def never(_: object, __: object) -> None:
            proposed.set()
            await asyncio.Event().wait()

        nodes[0].context.messaging.handle(Verb.PREPARE_MESSAGE, never)
        leaving = asyncio.create_task(changes.decommission())
        await proposed.wait()
        assert nodes[1].context.members.is_leaving(fourth.address)
        nodes[0].kill()
        with pytest.raises(HarnessError):
            await leaving
        assert fourth.gossip.status is StatusKind.NORMAL
        await until(lambda: not nodes[1].context.members.is_leaving(fourth.address))
        assert fourth.address in nodes[1].members()

    in_cluster(story, [1, 2, 3])


def test_the_only_member_does_not_leave() -> None:
    async def story(cluster: Cluster) -> None:
        (node,) = await cluster.start(1)
        changes, _ = streaming(node)
        with pytest.raises(BackendError, match="pointless"):
            await changes.decommission()

    in_cluster(story, [1])
