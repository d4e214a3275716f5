"""The replica of a transaction, alone, and beside replicas of real clusters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from harness.backends.simulation.journal import FileJournal, RecordKind
from harness.backends.simulation.messaging.rpc_error import RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.paxos.ballots import Ballots
from harness.backends.simulation.paxos.paxos_replica import PaxosReplica
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.backends.simulation.writes.writes import Writes
from harness.codec.verbs.common import ConsistencyLevel, Key
from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Promise,
    Proposal,
)
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.writes import MutationRequest
from harness.events.trace import Trace
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.loopback_nodes import NoSchema, loopback_nodes, until
from tests.backends.simulation.paxos.transacting_nodes import TransactingNode, transacting_nodes

_CONTENDED = Key(components=((200).to_bytes(4),))
"""Where several coordinators are at work, real nodes do not answer in the order in which they were asked."""
_KEY = ((1).to_bytes(4),)
_SELECT = "SELECT * FROM t WHERE k = 1"


@asynccontextmanager
async def _one() -> AsyncIterator[TransactingNode]:
    async with transacting_nodes(1) as (node,):
        yield node


def _ballot(node: TransactingNode, timestamp_us: int) -> UUID:
    return Ballots(node.context.world.random).make(timestamp_us)


def _prepare(node: TransactingNode, timestamp_us: int, *, only_digest: bool = True) -> UUID | Promise:
    command = node.select(_SELECT).first_command(node.context.moment)
    return node.paxos.prepare(command, _KEY, _ballot(node, timestamp_us), only_digest=only_digest)


def _promised(node: TransactingNode, timestamp_us: int, *, only_digest: bool = True) -> Promise:
    promise = _prepare(node, timestamp_us, only_digest=only_digest)
    assert isinstance(promise, Promise)
    return promise


def _proposal(node: TransactingNode, timestamp_us: int, value: int = 7) -> Proposal:
    update = node.planned_mutation(f"INSERT INTO t (k, v) VALUES (1, {value})", timestamp_us)
    return Proposal(ballot=_ballot(node, timestamp_us), update=update)


def test_an_older_ballot_is_refused_with_the_newest_that_was_promised() -> None:
    async def run() -> None:
        async with _one() as node:
            _promised(node, 20)
            refused = _prepare(node, 10)
            assert isinstance(refused, UUID)
            assert refused.time == _ballot(node, 20).time

    asyncio.run(run())


def test_another_ballot_of_the_same_moment_is_refused_too() -> None:
    async def run() -> None:
        async with _one() as node:
            _promised(node, 20)
            assert isinstance(_prepare(node, 20), UUID)

    asyncio.run(run())


def test_a_promise_comes_with_the_row_or_its_digest() -> None:
    async def run() -> None:
        async with _one() as node:
            node.store("INSERT INTO t (k, v) VALUES (1, 7)")
            data = _promised(node, 10, only_digest=False).data
            assert isinstance(data, QueryResult)
            assert data.data is not None
            assert len(data.data.partitions) == 1
            assert _promised(node, 20).data == data.digest

    asyncio.run(run())


def test_what_was_accepted_is_told_to_who_asks_later() -> None:
    async def run() -> None:
        async with _one() as node:
            proposal = _proposal(node, 10)
            assert node.paxos.accept(proposal)
            promise = _promised(node, 20)
            assert promise.accepted == proposal
            assert promise.most_recent_commit is None

    asyncio.run(run())


def test_a_proposal_older_than_a_promise_is_not_accepted() -> None:
    async def run() -> None:
        async with _one() as node:
            _promised(node, 20)
            assert not node.paxos.accept(_proposal(node, 10))
            assert node.paxos.accept(_proposal(node, 30))
            assert isinstance(_prepare(node, 25), UUID)

    asyncio.run(run())


def test_the_proposal_of_the_ballot_that_was_promised_is_accepted() -> None:
    async def run() -> None:
        async with _one() as node:
            proposal = _proposal(node, 20)
            command = node.select(_SELECT).first_command(node.context.moment)
            node.paxos.prepare(command, _KEY, proposal.ballot, only_digest=True)
            assert node.paxos.accept(proposal)

    asyncio.run(run())


def test_what_was_learned_is_written_and_no_longer_open() -> None:
    async def run() -> None:
        async with _one() as node:
            proposal = _proposal(node, 10)
            node.paxos.accept(proposal)
            await node.paxos.learn(proposal)
            promise = _promised(node, 20)
            assert promise.accepted is None
            assert promise.most_recent_commit == proposal
            data = _promised(node, 30, only_digest=False).data
            assert isinstance(data, QueryResult)
            assert data.row_count_low == 1

    asyncio.run(run())


def test_a_decision_from_before_the_table_was_emptied_is_learned_but_not_written() -> None:
    async def run() -> None:
        async with _one() as node:
            before, after = _proposal(node, 10), _proposal(node, 30, 8)
            node.context.storage.truncate(before.update.table_id, 20)
            await node.paxos.learn(before)
            assert await node.rows(_SELECT, ConsistencyLevel.ONE) == []
            assert _promised(node, 25).most_recent_commit == before
            await node.paxos.learn(after)
            assert await node.rows(_SELECT, ConsistencyLevel.ONE) == [(1, 8)]

    asyncio.run(run())


def test_a_pruned_decision_leaves_its_ballot_and_nothing_else() -> None:
    """As in promises of the capture base/lwt_insert_twice, statement 2."""

    async def run() -> None:
        async with _one() as node:
            decision = _proposal(node, 10)
            await node.paxos.learn(decision)
            await node.paxos.prune(decision.update.schema_version, _KEY, decision.ballot)
            commit = _promised(node, 20).most_recent_commit
            assert commit is not None
            assert commit.ballot == decision.ballot
            assert commit.update.partition.rows == ()

    asyncio.run(run())


def test_a_ballot_that_comes_with_the_pruning_of_the_last_is_told_what_that_wrote() -> None:
    """As in the capture base/lwt_contention, where both are in one packet: n2 to n3, 8.7 ms after the first."""

    async def run() -> None:
        async with _one() as node:
            decision = _proposal(node, 10)
            await node.paxos.learn(decision)
            command = node.select(_SELECT).first_command(node.context.moment)
            version = decision.update.schema_version
            pruning = asyncio.create_task(node.paxos.prune(version, _KEY, decision.ballot))
            await asyncio.sleep(0)
            promise = await node.paxos.promise(
                command, _KEY, _ballot(node, 20), only_digest=True, timeout_s=5
            )
            assert isinstance(promise, Promise)
            assert promise.most_recent_commit == decision
            await pruning
            commit = _promised(node, 30).most_recent_commit
            assert commit is not None
            assert commit.update.partition.rows == ()

    asyncio.run(run())


def test_a_proposal_waits_for_the_promise_before_it() -> None:
    async def run() -> None:
        async with _one() as node:
            command = node.select(_SELECT).first_command(node.context.moment)
            order: list[str] = []

            async def promise() -> None:
                await node.paxos.promise(command, _KEY, _ballot(node, 20), only_digest=True, timeout_s=5)
                order.append("promise")

            async def vote() -> None:
                assert not await node.paxos.vote(_proposal(node, 10), timeout_s=5)
                order.append("vote")

            await asyncio.gather(promise(), vote())
            assert order == ["promise", "vote"]

    asyncio.run(run())


def test_who_waits_for_others_in_vain_gives_up() -> None:
    async def run() -> None:
        async with _one() as node:
            holding = asyncio.create_task(node.paxos.vote(_proposal(node, 10), timeout_s=5))
            await asyncio.sleep(0)
            with pytest.raises(RpcTimeoutError):
                await node.paxos.vote(_proposal(node, 20), timeout_s=0)
            assert await holding

    asyncio.run(run())


def test_a_restarted_replica_keeps_its_promises(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "journal"
        journal = FileJournal(path)
        async with transacting_nodes(1, journals=[journal]) as (node,):
            learned, accepted = _proposal(node, 10), _proposal(node, 20, 8)
            await node.paxos.learn(learned)
            node.paxos.accept(accepted)
            _promised(node, 30)
            await node.paxos.prune(learned.update.schema_version, _KEY, learned.ballot)
        journal.close()
        again = FileJournal(path)
        async with transacting_nodes(1, journals=[again]) as (node,):
            for kind, data in again.records():
                assert kind is RecordKind.PAXOS
                node.paxos.restore(data)
            assert isinstance(_prepare(node, 25), UUID)
            promise = _promised(node, 40)
            assert promise.accepted == accepted
            assert promise.most_recent_commit is not None
            assert promise.most_recent_commit.ballot == learned.ballot
            assert promise.most_recent_commit.update.partition.rows == ()
        again.close()

    asyncio.run(run())


def test_a_decision_that_is_to_be_sent_on_is_and_both_acknowledge_to_the_coordinator() -> None:
    async def run() -> None:
        async with transacting_nodes(3) as (first, second, third):
            decision = _proposal(first, 10)
            request = PaxosLearnRequest(
                decision=decision,
                forward=(third.address,),
                reply_to=first.address,
                shard=0,
                response_id=77,
                trace=None,
            )
            first.context.messaging.send(second.address, Verb.PAXOS_LEARN, request, timeout_ms=900)
            await until(
                lambda: second.node.sent_of(Verb.MUTATION_DONE) and third.node.sent_of(Verb.MUTATION_DONE)
            )
            (sent_on,) = second.bodies(Verb.PAXOS_LEARN)
            assert (sent_on.forward, sent_on.reply_to, sent_on.response_id) == ((), first.address, 77)
            for node in (second, third):
                (done,) = node.node.sent_of(Verb.MUTATION_DONE)
                assert (done.receiver, done.body.response_id) == (first.address, 77)
                assert await node.rows(_SELECT, ConsistencyLevel.ONE) == [(1, 7)]

    asyncio.run(run())


def test_a_decision_about_a_table_that_nobody_knows_is_reported_as_failed() -> None:
    async def run() -> None:
        async with transacting_nodes(2) as (known, _), transacting_nodes(2, "") as (asking, replica):
            request = PaxosLearnRequest(
                decision=_proposal(known, 10),
                forward=(),
                reply_to=asking.address,
                shard=0,
                response_id=5,
                trace=None,
            )
            asking.context.messaging.send(replica.address, Verb.PAXOS_LEARN, request, timeout_ms=900)
            await until(lambda: replica.node.sent_of(Verb.MUTATION_FAILED))
            (failed,) = replica.node.sent_of(Verb.MUTATION_FAILED)
            assert failed.receiver == asking.address
            assert (failed.body.response_id, failed.body.failed_count) == (5, 1)
            assert replica.node.sent_of(Verb.MUTATION_DONE) == []

    asyncio.run(run())


def test_a_ballot_for_a_table_that_nobody_knows_is_not_answered() -> None:
    """As in the capture errors/paxos_replica_exception: the coordinator never hears of what failed."""

    async def run() -> None:
        async with transacting_nodes(2) as (known, _), transacting_nodes(2, "") as (asking, replica):
            request = PaxosPrepareRequest(
                command=known.select(_SELECT).first_command(known.context.moment),
                key=_proposal(known, 10).update.key,
                ballot=_ballot(known, 10),
                only_digest=True,
                digest_algorithm=3,
                trace=None,
            )
            with pytest.raises(RpcTimeoutError):
                await asking.context.messaging.call(
                    replica.address, Verb.PAXOS_PREPARE, request, timeout_ms=100
                )

    asyncio.run(run())


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "replies_count"),
    [("base/lwt_insert_twice", 4), ("base/whole_base", 16)],
)
def test_replies_are_those_of_a_real_cluster(reference: Path, name: str, replies_count: int) -> None:
    """Every request that came to a node which coordinated nothing, in order: the same answer, byte for byte."""

    async def run() -> None:
        path = reference / f"scylla-4.2/{name}.pcapng"
        trace = trace_of(path)
        compared = 0
        async with loopback_nodes(2, catalog=catalog_of(path)) as (asking, replica):
            writes = Writes(replica.context, NoSchema())
            paxos = PaxosReplica(replica.context, ReplicaReader(replica.context, NoSchema()), writes.replica)
            address = _quiet_node(trace)
            for message in trace.rpc:
                body: Any = message.body
                if message.receiver.address != address or _key_of(body) == _CONTENDED:
                    continue
                if isinstance(body, MutationRequest):
                    with suppress(UnknownTableError):
                        writes.replica.apply_known(body.mutation, with_views=False)
                elif isinstance(body, PaxosLearnRequest):
                    await paxos.learn(body.decision)
                elif isinstance(body, PaxosPruneRequest):
                    await paxos.prune(body.schema_version, body.key.components, body.ballot)
                elif isinstance(body, PaxosPrepareRequest | PaxosAcceptRequest):
                    reply = await asking.messaging.call(
                        replica.address, Verb(message.verb or 0), body, timeout_ms=5_000
                    )
                    answer = trace.exchange_of(message).reply
                    if answer is not None and isinstance(answer.body, PaxosPrepareReply | PaxosAcceptReply):
                        assert encode_payload(reply) == encode_payload(answer.body), message.frame_last
                        compared += 1
        assert compared == replies_count

    asyncio.run(run())


def _key_of(body: object) -> Key | None:
    """The partition of a request."""
    match body:
        case PaxosPrepareRequest(key=key) | PaxosPruneRequest(key=key):
            found: Key = key
        case PaxosAcceptRequest(proposal=proposal) | PaxosLearnRequest(decision=proposal):
            found = proposal.update.key
        case _:
            return None
    return found


def _quiet_node(trace: Trace) -> str:
    """A node that has answered, and asked nothing itself."""
    asking = {
        message.sender.address for message in trace.rpc if isinstance(message.body, PaxosPrepareRequest)
    }
    asked = {
        message.receiver.address for message in trace.rpc if isinstance(message.body, PaxosPrepareRequest)
    }
    quiet: list[str] = sorted(asked - asking)
    return quiet[0]
