import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.repair.range_repair import ROW_BUFFER_BYTES
from harness.backends.simulation.repair.repair import Repair
from harness.backends.simulation.repair.repair_follower import RepairError, RepairFollower
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.common import BoundKind, Key
from harness.codec.verbs.mutation import (
    Column,
    DeletableRow,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    RangeTombstone,
    Row,
)
from harness.codec.verbs.schema_verbs import SchemaCheckReply
from harness.codec.verbs.wire import Void
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.gossip.cluster import Cluster, Running, address, in_cluster, until
from tests.backends.simulation.tables import catalog_of, deleted, i32

TABLE = "CREATE TABLE t (p int, c int, s int static, v int, PRIMARY KEY (p, c))"
NOTHING = deleted(-(2**63), 0)
NOT_LONG_AGO = int(time.time())
"""A deletion that may not be forgotten yet."""
ROUND_OF_FEW_ROWS = 400
"""Bytes."""


class StorageWriter:
    """Applies to storage, and counts."""

    def __init__(self, storage: Storage) -> None:
        self.count = 0
        self._storage = storage

    async def apply(self, mutation: Mutation, origin: str | None = None, *, with_views: bool = True) -> None:
        _ = origin, with_views
        self.count += 1
        self._storage.apply(mutation)


def row(number: int, timestamp: int, value: int | None = None) -> DeletableRow:
    cells = () if value is None else (Column(id=0, cell=LiveCell(timestamp=timestamp, value=i32(value))),)
    return DeletableRow(
        key=Key(components=(i32(number),)),
        marker=LiveMarker(created_at=timestamp),
        deleted_at=NOTHING,
        cells=Row(columns=cells),
    )


def partition(
    node: Running, key: int, *rows: DeletableRow, deleted_at: int | None = None, hole: int | None = None
) -> Mutation:
    layout = node.context.catalog.table("ks", "t")
    assert layout is not None
    assert layout.table.id is not None
    assert layout.table.version is not None
    deletion = RangeTombstone(
        start=Key(components=(i32(2),)),
        tombstone=deleted(hole or 0, NOT_LONG_AGO),
        start_kind=BoundKind.EXCLUSIVE_START,
        end=Key(components=(i32(5),)),
        end_kind=BoundKind.INCLUSIVE_END,
    )
    return Mutation(
        table_id=layout.table.id,
        schema_version=layout.table.version,
        key=Key(components=(i32(key),)),
        partition=MutationPartition(
            tombstone=NOTHING if deleted_at is None else deleted(deleted_at, NOT_LONG_AGO),
            static_row=Row(columns=(Column(id=0, cell=LiveCell(timestamp=1, value=i32(key))),)),
            range_tombstones=() if hole is None else (deletion,),
            rows=rows,
        ),
    )


def contents(node: Running) -> list[Mutation]:
    layout = node.context.catalog.table("ks", "t")
    assert layout is not None
    return list(node.context.storage.mutations(layout, WHOLE_RING, NOT_LONG_AGO))


Story = Callable[[list[Running], list[StorageWriter], Repair], Awaitable[Any]]


def with_three_replicas(story: Story, *, row_buffer_bytes: int = ROW_BUFFER_BYTES) -> Any:  # noqa: ANN401
    """Let three nodes, all replicas of everything, repair."""

    async def run(cluster: Cluster) -> Any:  # noqa: ANN401  (whatever the story gives)
        cluster.make_storage = lambda: Storage(catalog_of(TABLE))
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: all(len(node.members()) == 3 and len(node.live()) == 2 for node in nodes))
        writers = [StorageWriter(node.context.storage) for node in nodes]
        for node, writer in zip(nodes, writers, strict=True):
            RepairFollower(node.context, writer)

            async def check(_: Sender, __: Void) -> SchemaCheckReply:
                return SchemaCheckReply(version=nodes[0].identity.host_id)

            node.context.messaging.handle(Verb.SCHEMA_CHECK, check)
        repair = Repair(nodes[0].context, writers[0], row_buffer_bytes=row_buffer_bytes)
        return await story(nodes, writers, repair)

    return in_cluster(run, [1, 2, 3])


def write_differences(nodes: list[Running]) -> None:
    """Let each node have what the others lack."""
    for key in range(40):
        whole = partition(nodes[0], key, row(1, 10, 1), row(2, 10, 2), row(7, 10, 3))
        for number, node in enumerate(nodes):
            if key % 4 != number:
                node.context.storage.apply(whole)
    for number, node in enumerate(nodes):
        apply = node.context.storage.apply
        apply(partition(node, 50, row(1, 100 + number, number)))
        apply(partition(node, 51, *(row(c, 20 + c, c) for c in range(number, 9, 2))))
        apply(partition(node, 60 + number, row(1, 5), deleted_at=4))
        apply(partition(node, 70, hole=30 + number))
        apply(partition(node, 71, deleted_at=number + 1))


@pytest.mark.parametrize("row_buffer_bytes", [ROW_BUFFER_BYTES, ROUND_OF_FEW_ROWS, 1])
def test_all_replicas_hold_the_same_after_a_repair(row_buffer_bytes: int) -> None:
    async def story(nodes: list[Running], _: list[StorageWriter], repair: Repair) -> None:
        write_differences(nodes)
        merged = Storage(nodes[0].context.catalog)
        for node in nodes:
            for mutation in contents(node):
                merged.apply(mutation)
        await repair.repair("ks")
        layout = nodes[0].context.catalog.table("ks", "t")
        assert layout is not None
        expected = list(merged.mutations(layout, WHOLE_RING, NOT_LONG_AGO))
        assert len(expected) > 40
        for node in nodes:
            assert contents(node) == expected

    with_three_replicas(story, row_buffer_bytes=row_buffer_bytes)


def test_replicas_that_hold_the_same_move_no_rows() -> None:
    async def story(nodes: list[Running], writers: list[StorageWriter], repair: Repair) -> None:
        for key in range(20):
            for node in nodes:
                node.context.storage.apply(partition(node, key, row(1, 10, 1)))
        await repair.repair("ks")
        assert [writer.count for writer in writers] == [0, 0, 0]

    with_three_replicas(story)


def test_rows_go_only_to_who_lacks_them() -> None:
    async def story(nodes: list[Running], writers: list[StorageWriter], repair: Repair) -> None:
        for node in nodes[:2]:
            node.context.storage.apply(partition(node, 1, row(1, 10, 1)))
        await repair.repair("ks")
        assert [writer.count for writer in writers] == [0, 0, 1]

    with_three_replicas(story)


def test_a_replica_that_is_down_fails_the_repair_of_its_ranges_and_the_others_are_repaired() -> None:
    async def story(nodes: list[Running], _: list[StorageWriter], repair: Repair) -> None:
        nodes[0].context.storage.apply(partition(nodes[0], 1, row(1, 10, 1)))
        nodes[2].kill()
        await until(lambda: not nodes[0].gossip.is_alive(address(3)))
        with pytest.raises(RepairError, match=f"{address(3)} is down"):
            await repair.repair("ks")
        assert contents(nodes[1]) == contents(nodes[0])

    with_three_replicas(story)


def test_a_keyspace_that_is_not_there_cannot_be_repaired() -> None:
    async def story(_: list[Running], __: list[StorageWriter], repair: Repair) -> None:
        with pytest.raises(RepairError, match="no keyspace"):
            await repair.repair("another")

    with_three_replicas(story)


@pytest.mark.reference
def test_the_messages_are_those_of_a_real_repair(reference: Path) -> None:
    """The third node lacks what the two others have: as many messages of each kind for a range as real nodes send."""
    real = _messages_by_repair(reference / "scylla-4.2/faults/repair.pcapng")
    sent: dict[int, Counter[str]] = {}

    async def story(nodes: list[Running], _: list[StorageWriter], repair: Repair) -> None:
        for node in nodes[:2]:
            node.context.storage.apply(partition(node, 1, row(1, 10, 1)))
        messaging = nodes[0].context.messaging
        call = messaging.call

        async def noted_call(to: str, verb: Verb, body: Any, **options: Any) -> Any:  # noqa: ANN401
            repair_meta_id = getattr(body, "repair_meta_id", None)
            if repair_meta_id is not None:
                number = 2 if to == address(2) else 3
                sent.setdefault(repair_meta_id, Counter())[f"{verb.name} to {number}"] += 1
            return await call(to, verb, body, **options)

        messaging.call = noted_call  # type: ignore[method-assign, assignment]
        for node in nodes:
            node.context.storage.apply(partition(node, 9, row(1, 10, 1)))
        await repair.repair("ks")

    with_three_replicas(story)
    kinds = {tuple(sorted(counts.items())) for counts in sent.values()}
    # Of ranges without rows, with the same rows, and with rows that one lacks.
    assert len(kinds) == 3
    assert kinds <= real


def _messages_by_repair(path: Path) -> set[tuple[tuple[str, int], ...]]:
    found: dict[int, Counter[str]] = {}
    for message in trace_of(path).rpc:
        repair_meta_id = getattr(message.body, "repair_meta_id", None)
        if isinstance(repair_meta_id, int) and message.verb is not None:
            number = message.receiver.address.rpartition(".")[2].removeprefix("1")
            found.setdefault(repair_meta_id, Counter())[f"{Verb(message.verb).name} to {number}"] += 1
    return {tuple(sorted(counts.items())) for counts in found.values()}
