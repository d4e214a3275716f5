"""Hints reach replicas that are back."""

import asyncio
from dataclasses import replace

from harness.backends.simulation.messaging.connection_index import STREAMING
from harness.backends.simulation.messaging.verb import Verb
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.loopback_nodes import loopback_nodes, until
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of, stored


def test_hints_are_sent_when_their_replica_is_back_and_forgotten_when_it_has_them() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            catalog, members = nodes[0].context.catalog, nodes[0].context.members
            members.mark_down(nodes[2].address)
            written = [row_of(catalog, "map", key, country=b"x") for key in range(5)]
            await roles[0].coordinator.write(written, ConsistencyLevel.QUORUM)
            roles[0].hint_replay.send()
            assert nodes[0].sent_of(Verb.HINT_MUTATION) == []
            members.mark_up(nodes[2].context.members.own)
            roles[0].hint_replay.send()
            await until(lambda: not len(roles[0].hints))
            hints = nodes[0].sent_of(Verb.HINT_MUTATION)
            assert [sent.body.mutation for sent in hints] == written
            for sent in hints:
                assert sent.receiver == nodes[2].address
                assert sent.body.forward == ()
                assert sent.body.reply_to == nodes[0].address
                assert sent.timeout_ms == 2000
            assert nodes[0].messaging.connection_to(nodes[2].address, STREAMING) is not None
            assert all(stored(nodes[2], mutation) is not None for mutation in written)
            assert [sent.receiver for sent in nodes[2].sent_of(Verb.MUTATION_DONE)] == [nodes[0].address] * 5

    asyncio.run(run())


def test_a_hint_that_is_not_acknowledged_stays_and_is_sent_again() -> None:
    """As in capture scylla-4.2/faults/paused_replica, where one hint is sent twice."""

    async def run() -> None:
        async with loopback_nodes(3, MAP, settings={"write_request_timeout_in_ms": 50}) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            roles[0].hints.add(nodes[2].address, mutation)
            nodes[0].messaging.loses = lambda _receiver, verb: verb is Verb.HINT_MUTATION
            roles[0].hint_replay.send()
            await until(lambda: nodes[0].sent_of(Verb.HINT_MUTATION))
            roles[0].hint_replay.send()
            await until(lambda: not len(roles[0].pending))
            assert len(nodes[0].sent_of(Verb.HINT_MUTATION)) == 1
            assert len(roles[0].hints) == 1
            nodes[0].messaging.loses = lambda _receiver, _verb: False
            context = nodes[0].context
            context.config = replace(context.config, write_request_timeout_in_ms=10_000)

            def is_sent_again() -> bool:
                roles[0].hint_replay.send()
                return not len(roles[0].hints)

            await until(is_sent_again)
            first, second = nodes[0].sent_of(Verb.HINT_MUTATION)
            assert second.body.response_id == first.body.response_id + 1

    asyncio.run(run())


def test_a_hint_for_a_node_that_is_no_replica_any_more_goes_to_all_replicas() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            roles[0].hints.add(nodes[3].address, mutation)
            for node in nodes:
                node.context.members.leave(nodes[3].address)
            roles[0].hint_replay.send()
            await until(lambda: not len(roles[0].hints))
            assert {sent.receiver for sent in nodes[0].sent_of(Verb.HINT_MUTATION)} == {
                nodes[1].address,
                nodes[2].address,
            }
            assert all(stored(node, mutation) is not None for node in nodes[:3])

    asyncio.run(run())
