"""Writes through a coordinator, over real connections."""

import asyncio
from collections.abc import Sequence

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.writes.write_type import WriteType
from harness.backends.simulation.writes.writes import Writes
from harness.codec.cql.errors import ErrorCode, Unavailable, WriteFailure, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.paxos import PaxosLearnRequest, Proposal
from harness.codec.verbs.writes import MutationDone
from harness.partitioner import token_of
from harness.replication import Replication
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes, until
from tests.backends.simulation.tables import i32
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of, stored, value

SIMPLE = Replication(strategy="SimpleStrategy", factor=3)
TWO_EACH = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2), ("dc2", 2)))
PLACES = (("dc1", "r"), ("dc1", "r"), ("dc2", "r"), ("dc2", "r"))


def key_without_replica_on_the_first(nodes: Sequence[LoopbackNode]) -> int:
    members = nodes[0].context.members
    return next(
        key for key in range(100) if members.own not in members.replicas(SIMPLE, token_of((i32(key),)))
    )


@pytest.mark.parametrize(
    "consistency",
    [ConsistencyLevel.ANY, ConsistencyLevel.ONE, ConsistencyLevel.QUORUM, ConsistencyLevel.ALL],
)
def test_every_replica_gets_one_mutation_at_every_consistency_level(consistency: ConsistencyLevel) -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], consistency)
            await until(lambda: not len(roles[0].pending))
            assert [sent.verb for sent in nodes[0].sent] == [Verb.MUTATION] * 2
            assert {sent.receiver for sent in nodes[0].sent} == {nodes[1].address, nodes[2].address}
            assert [value(stored(node, mutation), "country") for node in nodes] == [b"Norway"] * 3
            for sent in nodes[0].sent:
                assert sent.body.forward == ()
                assert sent.body.reply_to == nodes[0].address
                assert sent.body.trace is None
                assert sent.timeout_ms == 2000
            for node in nodes[1:]:
                ((receiver, done),) = [(sent.receiver, sent.body) for sent in node.sent]
                assert receiver == nodes[0].address
                assert isinstance(done, MutationDone)
                assert done.response_id == nodes[0].sent[0].body.response_id

    asyncio.run(run())


def test_response_ids_are_counted_from_the_milliseconds_of_the_start() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            before_ms = nodes[0].context.world.now_us // 1000
            roles = roles_of(nodes)
            after_ms = nodes[0].context.world.now_us // 1000
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            for _ in range(3):
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            first, second, third = sorted({sent.body.response_id for sent in nodes[0].sent})
            assert before_ms <= first <= after_ms
            assert (second, third) == (first + 1, first + 2)

    asyncio.run(run())


def test_a_coordinator_without_a_replica_of_its_own_sends_to_all_replicas() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP) as nodes:
            roles = roles_of(nodes)
            replicas = None
            for key in range(100):
                mutation = row_of(nodes[0].context.catalog, "map", key, country=b"x")
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
                if stored(nodes[0], mutation) is None:
                    replicas = [node for node in nodes[1:] if stored(node, mutation) is not None]
                    break
            assert replicas == nodes[1:]
            assert [sent.verb for sent in nodes[0].sent[-3:]] == [Verb.MUTATION] * 3

    asyncio.run(run())


def test_one_node_of_a_remote_datacenter_sends_a_write_on() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP, replication=TWO_EACH, places=PLACES) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            local, remote = nodes[0].sent
            assert (local.receiver, local.body.forward) == (nodes[1].address, ())
            (forwarder,) = [node for node in nodes[2:] if node.address == remote.receiver]
            (other,) = [node for node in nodes[2:] if node is not forwarder]
            assert remote.body.forward == (other.address,)
            (sent_on,) = forwarder.sent_of(Verb.MUTATION)
            assert sent_on.receiver == other.address
            assert sent_on.body.forward == ()
            assert sent_on.body.reply_to == nodes[0].address
            assert sent_on.body.response_id == remote.body.response_id
            assert 0 < sent_on.timeout_ms <= 2000
            for node in nodes[1:]:
                assert [sent.receiver for sent in node.sent_of(Verb.MUTATION_DONE)] == [nodes[0].address]

    asyncio.run(run())


def test_too_few_live_replicas_are_unavailable_and_nothing_is_sent() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            for node in nodes[1:]:
                nodes[0].context.members.mark_down(node.address)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            with pytest.raises(
                RequestError, match="Cannot achieve consistency level for cl QUORUM"
            ) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)
            assert caught.value.code is ErrorCode.UNAVAILABLE
            assert caught.value.details == Unavailable(
                consistency=ConsistencyLevel.QUORUM, required=2, alive=1
            )
            assert nodes[0].sent == []
            assert stored(nodes[0], mutation) is None
            assert not len(roles[0].hints)

    asyncio.run(run())


def test_a_write_that_too_few_acknowledge_times_out_and_leaves_no_hint() -> None:
    """As in capture scylla-4.2/faults/paused_replica, statement 2."""

    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[0].messaging.loses = lambda receiver, _: receiver == nodes[2].address
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            with pytest.raises(RequestError) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, timeout_ms=50)
            assert caught.value.code is ErrorCode.WRITE_TIMEOUT
            assert caught.value.text == (
                "Operation timed out for ks.map - received only 2 responses from 3 CL=ALL."
            )
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.ALL, received=2, required=3, write_type="SIMPLE"
            )
            assert not len(roles[0].hints)
            assert not len(roles[0].pending)

    asyncio.run(run())


def test_what_is_missing_at_the_end_of_a_write_that_succeeded_becomes_a_hint() -> None:
    """As in capture scylla-4.2/faults/paused_replica, statement 1."""

    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[0].messaging.loses = lambda receiver, _: receiver == nodes[2].address
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM, timeout_ms=50)
            await until(lambda: not len(roles[0].pending))
            (hint,) = roles[0].hints.of(nodes[2].address)
            assert hint.mutation == mutation

    asyncio.run(run())


def test_a_dead_replica_gets_a_hint_at_once() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[0].context.members.mark_down(nodes[2].address)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)
            assert [hint.mutation for hint in roles[0].hints.of(nodes[2].address)] == [mutation]
            assert [sent.receiver for sent in nodes[0].sent] == [nodes[1].address]

    asyncio.run(run())


def test_with_hints_switched_off_none_is_kept() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP, settings={"hinted_handoff_enabled": False}) as nodes:
            roles = roles_of(nodes)
            nodes[0].context.members.mark_down(nodes[2].address)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)
            assert not len(roles[0].hints)

    asyncio.run(run())


def test_a_hint_is_enough_for_consistency_any() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP) as nodes:
            roles = roles_of(nodes)
            key = key_without_replica_on_the_first(nodes)
            for node in nodes[1:]:
                nodes[0].context.members.mark_down(node.address)
            mutation = row_of(nodes[0].context.catalog, "map", key, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ANY)
            assert nodes[0].sent == []
            assert len(roles[0].hints) == 3

    asyncio.run(run())


def test_a_replica_that_cannot_apply_a_write_says_so_and_the_write_fails() -> None:
    """As in capture scylla-4.2/errors/mutation_failed, where both others fail."""

    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes, loopback_nodes(1, "") as strangers:
            roles = roles_of(nodes)
            for node in nodes[1:]:
                node.context.storage.use(strangers[0].context.catalog)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            with pytest.raises(RequestError) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)
            assert caught.value.code is ErrorCode.WRITE_FAILURE
            details = caught.value.details
            assert isinstance(details, WriteFailure)
            assert (details.required, details.failures_count, details.write_type) == (2, 2, "SIMPLE")
            for node in nodes[1:]:
                (failed,) = node.sent_of(Verb.MUTATION_FAILED)
                assert failed.body.failed_count == 1

    asyncio.run(run())


def test_a_replica_at_which_nobody_listens_lets_a_write_wait_until_its_time_is_over() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[2].messaging.close()
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            with pytest.raises(RequestError) as refused:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, timeout_ms=300)
            assert refused.value.code is ErrorCode.WRITE_TIMEOUT
            assert refused.value.details == WriteTimeout(
                consistency=ConsistencyLevel.ALL, received=2, required=3, write_type="SIMPLE"
            )
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM)

    asyncio.run(run())


def test_a_write_that_was_lost_on_the_way_still_becomes_a_hint() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            nodes[2].messaging.close()
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM, timeout_ms=100)
            await until(lambda: not len(roles[0].pending))
            assert [hint.mutation for hint in roles[0].hints.of(nodes[2].address)] == [mutation]

    asyncio.run(run())


def test_a_write_whose_last_replicas_fail_leaves_their_hints_at_once() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes, loopback_nodes(1, "") as strangers:
            roles = roles_of(nodes)
            nodes[2].context.storage.use(strangers[0].context.catalog)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.QUORUM, timeout_ms=1_000_000)
            await until(lambda: not len(roles[0].pending))
            assert [hint.mutation for hint in roles[0].hints.of(nodes[2].address)] == [mutation]

    asyncio.run(run())


def test_replicas_that_fail_do_not_keep_a_write_from_consistency_any() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP) as nodes, loopback_nodes(1, "") as strangers:
            roles = roles_of(nodes)
            key = key_without_replica_on_the_first(nodes)
            for node in nodes[1:]:
                node.context.storage.use(strangers[0].context.catalog)
            mutation = row_of(nodes[0].context.catalog, "map", key, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ANY, timeout_ms=1_000_000)
            assert len(nodes[0].sent_of(Verb.MUTATION)) == 3
            assert len(roles[0].hints) == 3

    asyncio.run(run())


def test_a_forward_that_cannot_be_delivered_is_not_told() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP, replication=TWO_EACH, places=PLACES) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            (sent,) = [one for one in nodes[0].sent if one.body.forward]
            (unreachable,) = [node for node in nodes if node.address in sent.body.forward]
            unreachable.messaging.close()
            (forwarder,) = [node for node in nodes if node.address == sent.receiver]
            forwarder.messaging.drop(unreachable.address)
            with pytest.raises(RequestError) as refused:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, timeout_ms=300)
            assert refused.value.details == WriteTimeout(
                consistency=ConsistencyLevel.ALL, received=3, required=4, write_type="SIMPLE"
            )
            assert forwarder.sent_of(Verb.MUTATION_FAILED) == []

    asyncio.run(run())


def test_only_the_own_datacenter_counts_for_a_local_quorum() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP, replication=TWO_EACH, places=PLACES) as nodes:
            roles = roles_of(nodes)
            nodes[0].messaging.loses = lambda receiver, _: receiver == nodes[1].address
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            with pytest.raises(RequestError) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.LOCAL_QUORUM, timeout_ms=80)
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.LOCAL_QUORUM, received=1, required=2, write_type="SIMPLE"
            )

    asyncio.run(run())


def test_each_quorum_needs_a_quorum_of_every_datacenter() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP, replication=TWO_EACH, places=PLACES) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.EACH_QUORUM)
            remote = {nodes[2].address, nodes[3].address}
            nodes[0].messaging.loses = lambda receiver, _: receiver in remote
            with pytest.raises(RequestError) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.EACH_QUORUM, timeout_ms=80)
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.EACH_QUORUM, received=2, required=4, write_type="SIMPLE"
            )

    asyncio.run(run())


def test_a_node_about_to_become_a_replica_gets_the_write_and_has_to_acknowledge_it() -> None:
    async def run() -> None:
        async with loopback_nodes(4, MAP) as nodes:
            roles = roles_of(nodes)
            newcomer = nodes[3].context.members.own
            key = next(
                key
                for key in range(100)
                if newcomer in nodes[0].context.members.replicas(SIMPLE, token_of((i32(key),)))
            )
            for node in nodes:
                node.context.members.leave(newcomer.address)
                node.context.members.begin_joining(newcomer)
            mutation = row_of(nodes[0].context.catalog, "map", key, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            assert stored(nodes[3], mutation) is not None
            nodes[0].messaging.loses = lambda receiver, _: receiver == nodes[3].address
            with pytest.raises(RequestError) as caught:
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, timeout_ms=50)
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.ALL, received=3, required=4, write_type="SIMPLE"
            )

    asyncio.run(run())


def test_differences_of_a_read_go_one_to_each_replica_and_count_with_those_that_lack_nothing() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            one, two = row_of(catalog, "map", 1, country=b"a"), row_of(catalog, "map", 1, 2, country=b"b")
            await roles[0].coordinator.repair(
                {nodes[0].address: None, nodes[1].address: one, nodes[2].address: two}, ConsistencyLevel.ALL
            )
            assert [(sent.receiver, sent.body.mutation, sent.body.forward) for sent in nodes[0].sent] == [
                (nodes[1].address, one, ()),
                (nodes[2].address, two, ()),
            ]
            assert stored(nodes[0], one) is None

    asyncio.run(run())


def test_the_fault_of_answering_too_early_answers_before_any_replica_has() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP, settings={"faults": ("answer_before_consistency",)}) as nodes:
            roles = roles_of(nodes)
            nodes[0].messaging.loses = lambda _receiver, _verb: True
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, write_type=WriteType.SIMPLE)
            assert stored(nodes[0], mutation) is None

    asyncio.run(run())


def test_the_fault_of_dropping_forwards_leaves_one_replica_without_the_write() -> None:
    async def run() -> None:
        async with loopback_nodes(
            4, MAP, replication=TWO_EACH, places=PLACES, settings={"faults": ("drop_forward",)}
        ) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            with pytest.raises(RequestError, match="received only 3 responses from 4"):
                await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, timeout_ms=80)

    asyncio.run(run())


def test_a_decision_is_learned_by_all_replicas_and_leaves_no_hint() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            decision = Proposal(ballot=nodes[0].context.make_time_uuid(), update=mutation)
            applied: list[Proposal] = []
            learned: list[str] = []
            for node, role in zip(nodes[1:], roles[1:], strict=True):
                _learn_with(node, role)
            await roles[0].coordinator.learn(
                decision, ConsistencyLevel.ALL, applied.append, learned=learned.append, timeout_ms=1000
            )
            assert applied == [decision]
            assert sorted(learned) == sorted(node.address for node in nodes)
            sent = nodes[0].sent_of(Verb.PAXOS_LEARN)
            assert {(one.receiver, one.body.decision, one.timeout_ms) for one in sent} == {
                (node.address, decision, 1000) for node in nodes[1:]
            }
            nodes[0].context.members.mark_down(nodes[2].address)
            await roles[0].coordinator.learn(decision, ConsistencyLevel.QUORUM, applied.append)
            assert not len(roles[0].hints)

    asyncio.run(run())


def test_a_decision_may_be_learned_by_chosen_replicas_alone() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"Norway")
            decision = Proposal(ballot=nodes[0].context.make_time_uuid(), update=mutation)
            for node, role in zip(nodes[1:], roles[1:], strict=True):
                _learn_with(node, role)
            await roles[0].coordinator.learn(
                decision, ConsistencyLevel.ANY, lambda _: None, nodes=[nodes[2].context.members.own]
            )
            assert [sent.receiver for sent in nodes[0].sent] == [nodes[2].address]

    asyncio.run(run())


def _learn_with(node: LoopbackNode, role: Writes) -> None:
    """Have a node acknowledge decisions, as its part in lightweight transactions does."""

    async def learn(sender: Sender, request: PaxosLearnRequest) -> None:
        role.replica.send_done(request.reply_to, request.response_id, sender.tenant)

    node.messaging.handle(Verb.PAXOS_LEARN, learn)
