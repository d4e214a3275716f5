"""Logged batches."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.schema.builtin_schema import local_catalog
from harness.backends.simulation.writes.batch_data import mutations_of
from harness.backends.simulation.writes.batchlog import keepers_of
from harness.codec.cql.errors import WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange
from harness.codec.verbs.mutation import NoMarker
from harness.codec.verbs.writes import MutationRequest
from harness.topology import Node
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes, until
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of, stored

LOG = local_catalog().table("system", "batchlog")
assert LOG is not None
WRITE_MS = 10_000
GIVEN_UP_MS = 200
"""So soon a coordinator gives up whose writes are lost; its log is not."""


def is_of_log(body: MutationRequest) -> bool:
    return LOG is not None and body.mutation.table_id == LOG.table.id


def kept_by(node: LoopbackNode) -> int:
    """How many batches a node keeps."""
    assert LOG is not None
    everything = PartitionRange(start=None, end=None, singular=False)
    entries = node.context.storage.mutations(LOG, everything, node.context.now_s)
    return sum(len(entry.partition.rows) for entry in entries)


def test_a_batch_is_logged_at_two_others_then_written_then_forgotten() -> None:
    """The order of capture scylla-4.2/base/batch, statement 2."""

    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            batch = [row_of(catalog, "map", key, country=b"x") for key in (3, 4)]
            await roles[0].batchlog.write(batch, ConsistencyLevel.QUORUM)
            await until(lambda: len(nodes[0].sent) == 8 and not len(roles[0].pending))
            bodies = [sent.body for sent in nodes[0].sent]
            assert [is_of_log(body) for body in bodies] == [True] * 2 + [False] * 4 + [True] * 2
            logged, deleted = bodies[0].mutation, bodies[-1].mutation
            assert {sent.receiver for sent in nodes[0].sent[:2]} == {nodes[1].address, nodes[2].address}
            assert logged.key == deleted.key
            (row,) = logged.partition.rows
            assert isinstance(row.marker, NoMarker)
            data, version, written_at = [column.cell.value for column in row.cells.columns]
            assert [column.id for column in row.cells.columns] == [0, 1, 2]
            assert mutations_of(catalog, data) == tuple(batch)
            assert version == bytes(4)
            assert int.from_bytes(written_at, "big") == row.cells.columns[0].cell.timestamp // 1000
            assert deleted.partition.tombstone.timestamp > row.cells.columns[0].cell.timestamp
            assert deleted.partition.rows == ()
            # The writes of the batch are numbered before its log is.
            assert [body.response_id - bodies[2].response_id for body in bodies] == [2, 2, 0, 0, 1, 1, 3, 3]
            await until(lambda: [kept_by(node) for node in nodes] == [0, 0, 0])

    asyncio.run(run())


def test_a_batch_whose_log_nobody_acknowledges_is_not_written() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[0].messaging.loses = lambda _receiver, _verb: True
            batch = [row_of(nodes[0].context.catalog, "map", key, country=b"x") for key in (3, 4)]
            with pytest.raises(RequestError) as caught:
                await roles[0].batchlog.write(batch, ConsistencyLevel.ONE, timeout_ms=50)
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.ONE, received=0, required=1, write_type="BATCH_LOG"
            )
            assert stored(nodes[0], batch[0]) is None

    asyncio.run(run())


def test_without_another_live_node_a_batch_is_unavailable() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            for node in nodes[1:]:
                nodes[0].context.members.mark_down(node.address)
            batch = [row_of(nodes[0].context.catalog, "map", key, country=b"x") for key in (3, 4)]
            with pytest.raises(RequestError, match="Cannot achieve consistency level for cl ONE"):
                await roles[0].batchlog.write(batch, ConsistencyLevel.ONE)
            assert nodes[0].sent == []

    asyncio.run(run())


class LaterClock:
    """A node's world, some time ahead of the others'."""

    def __init__(self, node: LoopbackNode, ahead_ms: int) -> None:
        self._real = node.context.world
        self._ahead_us = ahead_ms * 1000

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    @property
    def now_us(self) -> int:
        return self._real.now_us + self._ahead_us


def test_a_batch_left_over_is_finished_by_a_node_that_keeps_its_log() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP, settings={"write_request_timeout_in_ms": WRITE_MS}) as nodes:
            coordinating = nodes[0].context
            coordinating.config = replace(coordinating.config, write_request_timeout_in_ms=GIVEN_UP_MS)
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            batch = [row_of(catalog, "map", key, country=b"x") for key in (3, 4)]

            def loses(_receiver: str, _verb: Verb) -> bool:
                return not is_of_log(nodes[0].sent[-1].body)

            nodes[0].messaging.loses = loses
            with pytest.raises(RequestError, match="received only 1 responses from 2"):
                await roles[0].batchlog.write(batch, ConsistencyLevel.QUORUM)
            assert [kept_by(node) for node in nodes] == [0, 1, 1]
            assert stored(nodes[1], batch[0]) is None
            await roles[1].batchlog.replay()
            assert stored(nodes[1], batch[0]) is None
            nodes[0].messaging.loses = lambda _receiver, _verb: False
            nodes[1].context.world = LaterClock(nodes[1], 2 * WRITE_MS)  # type: ignore[assignment]
            await roles[1].batchlog.replay()
            assert all(stored(node, mutation) is not None for node in nodes for mutation in batch)
            assert [kept_by(node) for node in nodes] == [0, 0, 1]
            assert [sent.verb for sent in nodes[1].sent_of(Verb.MUTATION)] == [Verb.MUTATION] * 4

    asyncio.run(run())


def nodes_in(*racks: str) -> list[Node]:
    return [Node(name=f"n{n}", address=f"a{n}", rack=rack) for n, rack in enumerate(racks)]


def test_the_log_is_kept_in_other_racks_and_in_two_of_them_if_there_are() -> None:
    for seed in range(20):
        random = Random(seed)
        assert {node.rack for node in keepers_of(nodes_in("r1", "r1", "r2", "r3"), "r1", random)} == {
            "r2",
            "r3",
        }
        assert [node.rack for node in keepers_of(nodes_in("r1", "r1", "r2", "r2", "r2"), "r1", random)] == [
            "r2",
            "r2",
        ]
        chosen = keepers_of(nodes_in("r1", "r1", "r1"), "r1", random)
        assert len({node.name for node in chosen}) == 2
