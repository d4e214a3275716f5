"""Reads of a cluster give what one node that holds everything gives; pages, limits and filters included."""

import asyncio
from random import Random

import pytest

from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.codec.verbs.common import ConsistencyLevel
from harness.partitioner import token_of
from harness.replication import SIMPLE_STRATEGY, Replication
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.reads.reading_nodes import ReadingNode, reading_nodes
from tests.backends.simulation.tables import catalog_of

_TABLE = "CREATE TABLE w (k int, c int, s int STATIC, v int, PRIMARY KEY (k, c))"
_SELECTS = (
    "SELECT * FROM w",
    "SELECT k, c, v FROM w LIMIT 17",
    "SELECT DISTINCT k, s FROM w",
    "SELECT * FROM w PER PARTITION LIMIT 2",
    "SELECT * FROM w PER PARTITION LIMIT 3 LIMIT 10",
    "SELECT * FROM w WHERE v > 50 ALLOW FILTERING",
    "SELECT count(*) FROM w",
    "SELECT max(v) FROM w WHERE k = 3",
    "SELECT * FROM w WHERE token(k) > 0",
    "SELECT * FROM w WHERE token(k) > -3000000000000000000 AND token(k) <= 5000000000000000000",
    "SELECT * FROM w WHERE k = 5",
    "SELECT * FROM w WHERE k = 5 ORDER BY c DESC LIMIT 3",
    "SELECT * FROM w WHERE k = 5 AND c >= 2 AND c < 5",
    "SELECT * FROM w WHERE k IN (1, 5, 9, 13)",
    "SELECT * FROM w WHERE k IN (1, 5, 9, 13) LIMIT 7",
    "SELECT * FROM w WHERE k IN (1, 5, 9) AND c IN (0, 3)",
    "SELECT v FROM w WHERE k = 404",
)


def _writes(random: Random) -> list[str]:
    texts = []
    for key in range(20):
        texts += [
            f"INSERT INTO w (k, c, v) VALUES ({key}, {row}, {random.randrange(100)})"
            for row in range(random.randrange(9))
        ]
        if random.random() < 0.5:
            texts.append(f"UPDATE w SET s = {key} WHERE k = {key}")
        if random.random() < 0.3:
            texts.append(f"DELETE FROM w WHERE k = {key} AND c = {random.randrange(9)}")
        if random.random() < 0.2:
            texts.append(f"DELETE FROM w WHERE k = {key} AND c > {random.randrange(9)}")
        if random.random() < 0.1:
            texts.append(f"DELETE FROM w WHERE k = {key}")
    return texts


def _store(
    nodes: list[ReadingNode], text: str, timestamp_us: int, written_count: int, random: Random
) -> None:
    """Write to some of the replicas of a partition."""
    context = nodes[0].context
    planned = plan(context.catalog, text, "ks", (), context.moment)
    assert isinstance(planned, WritePlan)
    keyspace = context.catalog.keyspace("ks")
    assert keyspace is not None
    for one in planned.mutations(timestamp_us):
        token = token_of(one.mutation.key.components)
        replicas = context.members.replicas(keyspace.replication, token)
        chosen = {node.address for node in random.sample(replicas, written_count)}
        for node in nodes:
            if node.address in chosen:
                node.context.storage.apply(one.mutation)


async def _pages(
    node: ReadingNode, text: str, level: ConsistencyLevel, page_rows: int
) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    state: bytes | None = None
    while True:
        page = await node.rows_of(node.select(text, page_rows, state), level)
        rows += page.values()
        state = page.metadata.paging_state
        if state is None:
            return rows


@pytest.mark.parametrize(
    ("factor", "level", "written_count"),
    [
        (1, ConsistencyLevel.ONE, 1),
        (3, ConsistencyLevel.QUORUM, 2),
        (3, ConsistencyLevel.ALL, 1),
    ],
)
def test_reads_give_what_was_written_to_as_many_replicas_as_they_need(
    factor: int, level: ConsistencyLevel, written_count: int
) -> None:
    """Where replicas hold different parts, reads have to reconcile them, limits and deletions included."""

    async def run() -> None:
        random = Random(factor * 10 + written_count)
        replication = Replication(strategy=SIMPLE_STRATEGY, factor=factor)
        local = LocalNode(catalog_of(_TABLE))
        writes = _writes(random)
        for text in _SELECTS:
            async with reading_nodes(4, _TABLE, replication=replication) as nodes:
                for number, write in enumerate(writes):
                    if text == _SELECTS[0]:
                        local.carry_out(local.plan(write), 1_000_000 + number)
                    _store(nodes, write, 1_000_000 + number, written_count, random)
                expected = local.rows(text)
                for page_rows in (0, 5):
                    found = await _pages(random.choice(nodes), text, level, page_rows)
                    assert found == expected, (text, page_rows)

    asyncio.run(run())
