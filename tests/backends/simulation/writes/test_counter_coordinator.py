"""Counters."""

import asyncio

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.codec.cql.errors import Unavailable, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.mutation import CounterCell, CounterDelta, CounterShards, Mutation
from harness.partitioner import token_of
from harness.replication import Replication
from tests.backends.simulation.loopback_nodes import loopback_nodes, until
from tests.backends.simulation.tables import i32, partition_with
from tests.backends.simulation.writes.writing import roles_of, stored

SIMPLE = Replication(strategy="SimpleStrategy", factor=3)
HITS = "CREATE TABLE hits (id int PRIMARY KEY, n counter)"


def add(catalog: Catalog, delta: int) -> Mutation:
    layout = catalog.table("ks", "hits")
    assert layout is not None
    cell = CounterCell(created_at=1, state=CounterDelta(delta=delta))
    return mutation_of(layout, (i32(1),), partition_with(layout, (), {"n": cell}))


def shards_of(state: object) -> list[tuple[int, int, int]]:
    assert isinstance(state, CounterShards)
    return [(shard.id.int, shard.value, shard.clock) for shard in state.shards]


def test_leaders_by_chance_count_for_themselves_and_all_replicas_get_every_count() -> None:
    """As in capture scylla-4.2/base/counter: 5000 ms, COUNTER_MUTATION to a leader, shards to the others."""

    async def run() -> None:
        async with loopback_nodes(3, HITS) as nodes:
            roles = roles_of(nodes)
            mutation = add(nodes[0].context.catalog, 2)
            for _ in range(12):
                await roles[0].counters.write([mutation], ConsistencyLevel.QUORUM)
            await until(lambda: not any(len(role.pending) for role in roles))
            asked = nodes[0].sent_of(Verb.COUNTER_MUTATION)
            assert {sent.receiver for sent in asked} == {nodes[1].address, nodes[2].address}
            assert 0 < len(asked) < 12
            for sent in asked:
                assert sent.timeout_ms == 5000
                assert sent.body.mutations == (mutation,)
                assert sent.body.consistency_level == ConsistencyLevel.QUORUM
                assert sent.body.trace is None
            led = [len(node.sent_of(Verb.MUTATION)) for node in nodes]
            assert sum(led) == 24
            for node in nodes:
                for sent in node.sent_of(Verb.MUTATION):
                    assert sent.timeout_ms in range(4900, 5001)
                    (row,) = sent.body.mutation.partition.rows
                    ((leader, _, _),) = shards_of(row.cells.columns[0].cell.state)
                    assert leader == int(node.address.rpartition(".")[2])
            held = []
            for node in nodes:
                partition = stored(node, mutation)
                assert partition is not None
                ((_, stored_row),) = partition.rows.items()
                cell = stored_row.cells["n"]
                assert isinstance(cell, CounterCell)
                held.append(sorted(shards_of(cell.state)))
            assert held[0] == held[1] == held[2]
            assert sum(value for _, value, _ in held[0]) == 24

    asyncio.run(run())


def test_without_a_live_replica_a_counter_is_unavailable() -> None:
    async def run() -> None:
        async with loopback_nodes(4, HITS) as nodes:
            roles = roles_of(nodes)
            mutation = add(nodes[0].context.catalog, 2)
            outsider = next(
                (node, role)
                for node, role in zip(nodes, roles, strict=True)
                if node.context.members.own not in node.context.members.replicas(SIMPLE, token_of((i32(1),)))
            )
            for node in nodes:
                outsider[0].context.members.mark_down(node.address)
            with pytest.raises(RequestError) as caught:
                await outsider[1].counters.write([mutation], ConsistencyLevel.QUORUM)
            assert caught.value.details == Unavailable(
                consistency=ConsistencyLevel.QUORUM, required=2, alive=0
            )

    asyncio.run(run())


def test_a_leader_that_does_not_answer_means_a_timeout_without_acknowledgements() -> None:
    async def run() -> None:
        async with loopback_nodes(3, HITS) as nodes:
            roles = roles_of(nodes)
            for node in nodes[1:]:
                node.messaging.loses = lambda _receiver, _verb: True
            nodes[0].messaging.loses = lambda _receiver, _verb: True
            mutation = add(nodes[0].context.catalog, 2)
            for _ in range(4):
                with pytest.raises(RequestError) as caught:
                    await roles[0].counters.write([mutation], ConsistencyLevel.ALL, timeout_ms=60)
                details = caught.value.details
                assert isinstance(details, WriteTimeout)
                assert (details.required, details.write_type) == (3, "COUNTER")

    asyncio.run(run())
