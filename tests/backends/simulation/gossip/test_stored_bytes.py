import asyncio
from collections.abc import Iterator

import pytest

from harness.backends.simulation.gossip.stored_bytes import stored_bytes
from harness.backends.simulation.storage.storage import Storage
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
from tests.backends.simulation.gossip.cluster import Cluster, in_cluster
from tests.backends.simulation.tables import catalog_of, deleted, i32

NOTHING = deleted(-(2**63), 0)
ROW_BYTES = 1000


def written(storage: Storage, keys: range) -> Iterator[Mutation]:
    table = storage.catalog.schema.tables[0]
    assert table.id is not None
    assert table.version is not None
    cells = Row(columns=(Column(id=0, cell=LiveCell(timestamp=1, value=bytes(ROW_BYTES))),))
    row = DeletableRow(
        key=Key(components=()), marker=LiveMarker(created_at=1), deleted_at=NOTHING, cells=cells
    )
    for key in keys:
        yield Mutation(
            table_id=table.id,
            schema_version=table.version,
            key=Key(components=(i32(key),)),
            partition=MutationPartition(
                tombstone=NOTHING, static_row=Row(columns=()), range_tombstones=(), rows=(row,)
            ),
        )


@pytest.mark.parametrize("count", [0, 1, 45])
def test_what_is_stored_is_counted_with_all_its_partitions(count: int) -> None:
    async def story(cluster: Cluster) -> int:
        cluster.make_storage = lambda: Storage(catalog_of("CREATE TABLE t (k int PRIMARY KEY, v blob)"))
        node = await cluster.node(1)
        for mutation in written(node.context.storage, range(count)):
            node.context.storage.apply(mutation)
        turns = 0

        async def other_work() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(other_work())
        size = await stored_bytes(node.context)
        other.cancel()
        assert turns >= count // 20
        return size

    size = in_cluster(story, [1])
    assert count * ROW_BYTES <= size <= count * ROW_BYTES * 1.3
