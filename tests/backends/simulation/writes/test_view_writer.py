"""Who gets the updates of views, and how they travel."""

import asyncio
from pathlib import Path

import pytest

from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.writes.consistency import is_by_datacenter
from harness.backends.simulation.writes.view_writer import paired
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.writes import MutationRequest
from harness.partitioner import token_of
from harness.topology import Node
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.loopback_nodes import loopback_nodes, until
from tests.backends.simulation.writes.writing import roles_of, row_of, stored

CQL = (
    "CREATE TABLE t (id int PRIMARY KEY, city text, name text);"
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE city IS NOT NULL AND id IS NOT NULL"
    " PRIMARY KEY (city, id)"
)
A, B, C, D, E = (Node(name=name, address=name, datacenter="dc1") for name in "abcde")
X, Y = (Node(name=name, address=name, datacenter="dc2") for name in "xy")


def test_a_node_that_stores_both_rows_is_its_own_partner() -> None:
    assert paired(B, [A, B, C], [D, C, B], by_datacenter=False) is B
    assert paired(C, [A, B, C], [D, C, B], by_datacenter=False) is C


def test_the_others_pair_by_their_place_among_those_without_a_partner() -> None:
    assert paired(A, [A, B, C], [D, C, B], by_datacenter=False) is D
    assert paired(A, [B, A, C], [D, E, B], by_datacenter=False) is D
    assert paired(C, [B, A, C], [D, E, B], by_datacenter=False) is E


def test_pairs_stay_within_a_datacenter_that_has_replicas_of_its_own() -> None:
    assert paired(A, [X, A], [Y, B], by_datacenter=True) is B
    assert paired(A, [X, A], [Y, B], by_datacenter=False) is B
    assert paired(A, [A, X], [Y, B], by_datacenter=True) is B
    assert paired(A, [A, X], [Y, B], by_datacenter=False) is Y


def test_a_node_that_is_no_base_replica_has_no_partner() -> None:
    assert paired(E, [A, B, C], [D, C, B], by_datacenter=False) is None


@pytest.mark.parametrize("name", ["views/view_life_rf3", "views/view_life_rf2", "base/index_write"])
def test_updates_in_captures_went_from_and_to_the_pairs(reference: Path, name: str) -> None:
    trace = trace_of(reference / f"scylla-4.2/{name}.pcapng")
    topology = trace.topology
    seen = 0
    for message in trace.rpc:
        if not isinstance(message.body, MutationRequest):
            continue
        mutation = message.body.mutation
        table = trace.schema.table_of(mutation.table_id)
        if table is None or (keyspace := trace.schema.keyspaces.get(table.keyspace)) is None:
            continue
        if table.base is None:
            continue
        sender = topology.node_at(message.body.reply_to)
        receiver = topology.node_at(message.receiver.address)
        assert sender is not None
        row_key = mutation.partition.rows[0].key.components
        view_token = token_of(mutation.key.components)
        base_token = token_of((row_key[-1],))
        partner = paired(
            sender,
            topology.replicas(keyspace.replication, base_token),
            topology.replicas(keyspace.replication, view_token),
            by_datacenter=is_by_datacenter(keyspace.replication),
        )
        assert partner == receiver
        seen += 1
    assert seen


def test_each_base_replica_sends_its_update_to_its_own_view_replica_before_it_acknowledges() -> None:
    async def run() -> None:
        async with loopback_nodes(5, CQL) as nodes:
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            for key in range(40):
                await roles[0].coordinator.write(
                    [row_of(catalog, "t", key, city=b"Oslo%d" % key, name=b"n")], ConsistencyLevel.ALL
                )
            await until(lambda: not any(len(role.pending) for role in roles))
            view = catalog.table("ks", "v")
            assert view is not None
            updates = {
                (node.address, sent.receiver, sent.body.mutation.key.components[0]): sent
                for node in nodes
                for sent in node.sent_of(Verb.MUTATION)
                if sent.body.mutation.table_id == view.table.id
            }
            assert updates
            for sent in updates.values():
                assert sent.timeout_ms == 300_000
                assert sent.body.forward == ()
            # Each row stands in as many copies of the view as of the table.
            for key in range(40):
                holders = [
                    node
                    for node in nodes
                    if view.table.id is not None
                    and node.context.storage.partition(view.table.id, (b"Oslo%d" % key,))
                ]
                assert len(holders) == 3
            for node in nodes[1:]:
                verbs = [
                    (sent.verb, sent.receiver)
                    for sent in node.sent
                    if sent.verb is Verb.MUTATION_DONE or sent.timeout_ms == 300_000
                ]
                assert (Verb.MUTATION_DONE, nodes[0].address) in verbs
                first_update = next(
                    (index for index, (verb, _) in enumerate(verbs) if verb is Verb.MUTATION), None
                )
                if first_update is not None:
                    assert verbs[first_update + 1] == (Verb.MUTATION_DONE, nodes[0].address)

    asyncio.run(run())


def test_acknowledgements_tell_the_bytes_of_updates_under_way() -> None:
    """Capture scylla-4.2/views/view_life_rf3: 233 bytes of an update, 233 in the MUTATION_DONE behind it."""

    async def run() -> None:
        async with loopback_nodes(5, CQL) as nodes:
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            for key in range(40):
                await roles[0].coordinator.write(
                    [row_of(catalog, "t", key, city=b"Oslo%d" % key)], ConsistencyLevel.ALL
                )
                await until(lambda: not any(len(role.pending) for role in roles))
            told = 0
            for node in nodes[1:]:
                for before, sent in zip(node.sent, node.sent[1:], strict=False):
                    if before.timeout_ms == 300_000 and sent.verb is Verb.MUTATION_DONE:
                        assert sent.body.backlog.current_bytes == len(encode_payload(before.body.mutation))
                        assert sent.body.backlog.limit_bytes == 107_374_182
                        told += 1
            assert told
            assert [role.backlog.current_bytes for role in roles] == [0] * 5

    asyncio.run(run())


def test_an_update_for_a_dead_view_replica_becomes_a_hint_even_without_hinted_handoff() -> None:
    async def run() -> None:
        async with loopback_nodes(5, CQL, settings={"hinted_handoff_enabled": False}) as nodes:
            roles = roles_of(nodes)
            for node in nodes[:4]:
                node.context.members.mark_down(nodes[4].address)
            catalog = nodes[0].context.catalog
            for key in range(40):
                await roles[0].coordinator.write(
                    [row_of(catalog, "t", key, city=b"Oslo%d" % key)], ConsistencyLevel.ONE
                )
            await until(lambda: any(len(role.hints) for role in roles))
            view = catalog.table("ks", "v")
            assert view is not None
            for role in roles:
                for hint in role.hints:
                    assert hint.address == nodes[4].address
                    assert hint.mutation.table_id == view.table.id

    asyncio.run(run())


def test_an_update_under_way_to_a_node_that_goes_down_becomes_a_hint() -> None:
    async def run() -> None:
        async with loopback_nodes(5, CQL) as nodes:
            roles = roles_of(nodes)
            for node in nodes[:4]:
                node.messaging.loses = lambda receiver, _: receiver == nodes[4].address
            catalog = nodes[0].context.catalog
            for key in range(40):
                await roles[0].coordinator.write(
                    [row_of(catalog, "t", key, city=b"Oslo%d" % key)], ConsistencyLevel.QUORUM
                )
            view = catalog.table("ks", "v")
            assert view is not None
            waiting = [
                (role, sent.body.mutation)
                for node, role in zip(nodes[:4], roles[:4], strict=True)
                for sent in node.sent
                if sent.timeout_ms == 300_000 and sent.receiver == nodes[4].address
            ]
            assert waiting
            for node in nodes[:4]:
                node.context.members.mark_down(nodes[4].address)
            for role, mutation in waiting:
                assert mutation in [hint.mutation for hint in role.hints]

    asyncio.run(run())


def test_the_fault_of_skipping_updates_leaves_the_view_empty() -> None:
    async def run() -> None:
        async with loopback_nodes(3, CQL, settings={"faults": ("skip_view_update",)}) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "t", 1, city=b"Oslo")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            view = nodes[0].context.catalog.table("ks", "v")
            assert view is not None
            assert view.table.id is not None
            for node in nodes:
                assert stored(node, mutation) is not None
                assert node.context.storage.partition(view.table.id, (b"Oslo",)) is None

    asyncio.run(run())
