"""Transactions among nodes that really talk to each other."""

import asyncio
from collections.abc import Iterable
from random import Random

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.paxos.ballots import Ballots
from harness.backends.simulation.time_uuids import timestamp_us_of
from harness.codec.cql.errors import ErrorCode, ReadTimeout, Unavailable, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel, Key
from harness.codec.verbs.paxos import Promise, Proposal
from harness.codec.verbs.read_command import DigestAlgorithm
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, Replication
from tests.backends.simulation.loopback_nodes import until
from tests.backends.simulation.paxos.transacting_nodes import TransactingNode, transacting_nodes
from tests.backends.simulation.reads.reading_nodes import mark_down

_INSERT = "INSERT INTO t (k, v) VALUES (1, 7) IF NOT EXISTS"
_UPDATE = "UPDATE t SET v = 8 WHERE k = 1 IF v = 7"
_SELECT = "SELECT * FROM t WHERE k = 1"


def test_an_insert_that_is_alone_takes_the_messages_of_a_real_cluster() -> None:
    """As in the capture base/lwt_insert_twice: two of each of PREPARE, ACCEPT, LEARN and PRUNE."""

    async def run() -> None:
        async with transacting_nodes() as nodes:
            assert await nodes[0].decide(_INSERT) == [(True, None, None)]
            await until(lambda: len(nodes[0].paxos_sent()) == 8)
            others = {node.address for node in nodes[1:]}
            for start, verb in enumerate(
                (Verb.PAXOS_PREPARE, Verb.PAXOS_ACCEPT, Verb.PAXOS_LEARN, Verb.PAXOS_PRUNE)
            ):
                some = nodes[0].paxos_sent()[start * 2 : start * 2 + 2]
                assert {sent for sent, _ in some} == {verb}
                assert {receiver for _, receiver in some} == others
            for request in nodes[0].bodies(Verb.PAXOS_PREPARE):
                assert request.only_digest
                assert request.digest_algorithm is DigestAlgorithm.XXHASH
            (ballot,) = {request.ballot for request in nodes[0].bodies(Verb.PAXOS_PREPARE)}
            (decision,) = {learn.decision for learn in nodes[0].bodies(Verb.PAXOS_LEARN)}
            assert decision.ballot == ballot
            (row,) = decision.update.partition.rows
            assert row.marker.created_at == timestamp_us_of(ballot)
            await until(lambda: all(node.node.sent_of(Verb.MUTATION_DONE) for node in nodes[1:]))
            for node in nodes:
                assert await node.rows(_SELECT, ConsistencyLevel.ONE) == [(1, 7)]
            assert all(1_000 < sent.timeout_ms <= 2_000 for sent in nodes[0].node.sent)

    asyncio.run(run())


def test_an_unmet_condition_runs_its_round_with_an_empty_proposal() -> None:
    """As in the capture base/lwt_insert_twice, statement 2."""

    async def run() -> None:
        async with transacting_nodes() as nodes:
            await nodes[0].decide(_INSERT)
            await until(lambda: len(nodes[0].paxos_sent()) == 8)
            assert await nodes[0].decide(_INSERT) == [(False, 1, 7)]
            await until(lambda: len(nodes[0].paxos_sent()) == 16)
            verbs = [verb for verb, _ in nodes[0].paxos_sent()[8:]]
            assert verbs == sorted(verbs, key=[39, 40, 41, 43].index)
            for body in nodes[0].bodies(Verb.PAXOS_LEARN)[2:]:
                assert body.decision.update.partition.rows == ()
            assert not nodes[0].node.sent_of(Verb.READ_DIGEST)

    asyncio.run(run())


def test_a_serial_read_is_a_round_of_its_own() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            await nodes[0].decide(_INSERT)
            assert await nodes[1].serial_rows(_SELECT) == [(1, 7)]
            await until(lambda: len(nodes[1].paxos_sent()) == 8)
            (update,) = {body.proposal.update for body in nodes[1].bodies(Verb.PAXOS_ACCEPT)}
            assert update.partition.rows == ()
            assert all(4_000 < sent.timeout_ms <= 5_000 for sent in nodes[1].node.sent_of(Verb.PAXOS_ACCEPT))

    asyncio.run(run())


def test_a_serial_read_of_several_partitions_is_refused() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            for text in ("SELECT * FROM t WHERE k IN (1, 2)", "SELECT * FROM t"):
                with pytest.raises(RequestError, match="one partition at a time"):
                    await nodes[0].serial_rows(text)

    asyncio.run(run())


def test_a_coordinator_that_is_no_replica_asks_the_nearest_for_the_data() -> None:
    async def run() -> None:
        replication = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc1", 3),))
        places = [("dc1", "r"), ("dc1", "r"), ("dc1", "r"), ("dc2", "r")]
        async with transacting_nodes(4, replication=replication, places=places) as nodes:
            assert await nodes[3].decide(_INSERT) == [(True, None, None)]
            prepared = nodes[3].bodies(Verb.PAXOS_PREPARE)
            assert [request.only_digest for request in prepared] == [False, True, True]
            # To another datacenter a decision goes once, to be sent on there.
            (learn,) = nodes[3].bodies(Verb.PAXOS_LEARN)
            assert len(learn.forward) == 2
            await until(lambda: sum(len(node.node.sent_of(Verb.MUTATION_DONE)) for node in nodes[:3]) == 3)

    asyncio.run(run())


def test_only_nodes_of_the_datacenter_take_part_at_local_serial() -> None:
    async def run() -> None:
        replication = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc1", 2), ("dc2", 2)))
        places = [("dc1", "r"), ("dc1", "r"), ("dc2", "r"), ("dc2", "r")]
        async with transacting_nodes(4, replication=replication, places=places) as nodes:
            rows = await nodes[0].decide(
                _INSERT, ConsistencyLevel.LOCAL_QUORUM, ConsistencyLevel.LOCAL_SERIAL
            )
            assert rows == [(True, None, None)]
            assert {sent.receiver for sent in nodes[0].node.sent_of(Verb.PAXOS_PREPARE)} == {nodes[1].address}
            # All replicas learn what was decided.
            await until(lambda: sum(len(node.node.sent_of(Verb.MUTATION_DONE)) for node in nodes[1:]) == 3)
            pruned = {sent.receiver for sent in nodes[0].node.sent_of(Verb.PAXOS_PRUNE)}
            assert pruned == {nodes[1].address}

    asyncio.run(run())


def test_nothing_is_sent_when_too_few_participants_are_alive() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            mark_down(nodes, nodes[1], nodes[2])
            with pytest.raises(RequestError) as caught:
                await nodes[0].decide(_INSERT)
            assert caught.value.details == Unavailable(
                consistency=ConsistencyLevel.SERIAL, required=2, alive=1
            )
            assert nodes[0].paxos_sent() == []

    asyncio.run(run())


def test_with_a_dead_participant_nothing_is_pruned() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            mark_down(nodes, nodes[2])
            assert await nodes[0].decide(_INSERT) == [(True, None, None)]
            await until(lambda: nodes[1].node.sent_of(Verb.MUTATION_DONE))
            assert [verb for verb, _ in nodes[0].paxos_sent()] == [
                Verb.PAXOS_PREPARE,
                Verb.PAXOS_ACCEPT,
                Verb.PAXOS_LEARN,
            ]

    asyncio.run(run())


async def _promise(node: TransactingNode, ballot_us: int) -> Promise:
    """Have a node promise a ballot, as if somebody else had asked."""
    plan = node.select(_SELECT)
    promise = node.paxos.prepare(
        plan.first_command(node.context.moment),
        ((1).to_bytes(4),),
        Ballots(node.context.world.random).make(ballot_us),
        only_digest=True,
    )
    assert isinstance(promise, Promise)
    return promise


def test_a_refused_ballot_is_followed_by_one_that_is_newer_than_what_it_was_refused_for() -> None:
    async def run() -> None:
        async with transacting_nodes(settings={"cas_contention_timeout_in_ms": 2_000}) as nodes:
            ahead_us = nodes[0].context.world.now_us + 60_000_000
            for node in nodes[1:]:
                await _promise(node, ahead_us)
            assert await nodes[0].decide(_INSERT) == [(True, None, None)]
            ballots = sorted(
                {timestamp_us_of(request.ballot) for request in nodes[0].bodies(Verb.PAXOS_PREPARE)}
            )
            assert len(ballots) == 2
            assert ballots[0] < ahead_us < ballots[1]

    asyncio.run(run())


def _proposal(node: TransactingNode, value: int, ballot_us: int) -> Proposal:
    node_plan = f"INSERT INTO t (k, v) VALUES (1, {value})"
    made = node.planned_mutation(node_plan, ballot_us)
    return Proposal(ballot=Ballots(node.context.world.random).make(ballot_us), update=made)


def test_what_somebody_else_has_left_undecided_is_decided_first() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            earlier_us = nodes[0].context.world.now_us - 1_000_000
            abandoned = _proposal(nodes[2], 7, earlier_us)
            for node in nodes[:2]:
                assert node.paxos.accept(abandoned)
            assert await nodes[0].decide(_UPDATE) == [(True, 7)]
            accepted = nodes[0].bodies(Verb.PAXOS_ACCEPT)
            assert accepted[0].proposal.update == abandoned.update
            assert accepted[0].proposal.ballot != abandoned.ballot
            learned = [body.decision.update for body in nodes[0].bodies(Verb.PAXOS_LEARN)]
            assert learned[0] == abandoned.update
            assert len({prepare.ballot for prepare in nodes[0].bodies(Verb.PAXOS_PREPARE)}) == 2
            assert await nodes[1].serial_rows(_SELECT) == [(1, 8)]

    asyncio.run(run())


def test_a_participant_that_missed_a_decision_learns_it_before_another_is_made() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            mark_down(nodes, nodes[2])
            decision = _proposal(nodes[0], 7, nodes[0].context.world.now_us - 1_000_000)
            await nodes[0].paxos.learn(decision)
            assert await nodes[0].decide(_UPDATE) == [(True, 7)]
            first = nodes[0].bodies(Verb.PAXOS_LEARN)[0]
            assert first.decision == decision
            assert first.forward == ()
            assert [verb for verb, _ in nodes[0].paxos_sent()[:3]] == [
                Verb.PAXOS_PREPARE,
                Verb.PAXOS_LEARN,
                Verb.PAXOS_PREPARE,
            ]

    asyncio.run(run())


def test_participants_that_disagree_about_the_row_make_the_coordinator_read_it() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            nodes[0].store("INSERT INTO t (k, v) VALUES (1, 7)")
            assert await nodes[0].decide(_UPDATE) == [(True, 7)]
            reads = nodes[0].node.sent_of(Verb.READ_DIGEST)
            # Within the time of reads, as in base/lwt_contention: neither that of writes nor that of contention.
            assert reads
            assert all(4_000 < sent.timeout_ms <= 5_000 for sent in reads)
            assert nodes[0].node.sent_of(Verb.READ_MUTATION_DATA)

    asyncio.run(run())


def test_a_write_in_the_way_of_others_for_too_long_times_out() -> None:
    async def run() -> None:
        async with transacting_nodes(settings={"cas_contention_timeout_in_ms": 150}) as nodes:
            stop = asyncio.Event()

            async def keep_ahead() -> None:
                while not stop.is_set():
                    for node in nodes[1:]:
                        await _promise(node, node.context.world.now_us + 10_000_000)
                    await asyncio.sleep(0.001)

            in_the_way = asyncio.create_task(keep_ahead())
            with pytest.raises(RequestError) as caught:
                await nodes[0].decide(_INSERT)
            stop.set()
            await in_the_way
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.SERIAL, received=0, required=2, write_type="CAS"
            )

    asyncio.run(run())


def test_silent_participants_make_a_write_time_out_and_a_read_too() -> None:
    async def run() -> None:
        settings = {"write_request_timeout_in_ms": 100, "read_request_timeout_in_ms": 100}
        async with transacting_nodes(settings=settings) as nodes:
            nodes[0].node.messaging.loses = lambda _, verb: verb is Verb.PAXOS_PREPARE
            with pytest.raises(RequestError) as caught:
                await nodes[0].decide(_INSERT)
            assert caught.value.code is ErrorCode.WRITE_TIMEOUT
            assert caught.value.text == (
                "Operation timed out for ks.t - received only 1 responses from 2 CL=SERIAL."
            )
            with pytest.raises(RequestError) as caught:
                await nodes[0].serial_rows(_SELECT)
            assert caught.value.details == ReadTimeout(
                consistency=ConsistencyLevel.SERIAL, received=1, required=2, data_present=0
            )

    asyncio.run(run())


def test_a_proposal_that_only_some_have_accepted_leaves_the_client_in_doubt() -> None:
    """As in the capture errors/lwt_race_three_coordinators, statement 30: its own node alone had accepted."""

    async def run() -> None:
        async with transacting_nodes() as nodes:
            promised: list[asyncio.Task[Promise]] = []

            def promise_before_proposals_come(_: str, verb: Verb) -> bool:
                if verb is Verb.PAXOS_ACCEPT and not promised:
                    promised.extend(
                        asyncio.create_task(_promise(node, node.context.world.now_us + 10_000_000))
                        for node in nodes[1:]
                    )
                return False

            nodes[0].node.messaging.loses = promise_before_proposals_come
            with pytest.raises(RequestError) as caught:
                await nodes[0].decide(_INSERT)
            assert caught.value.details == WriteTimeout(
                consistency=ConsistencyLevel.SERIAL, received=1, required=2, write_type="CAS"
            )

    asyncio.run(run())


def test_transactions_of_one_coordinator_wait_for_each_other() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            await nodes[0].decide("INSERT INTO t (k, v) VALUES (1, 0) IF NOT EXISTS")
            results = await asyncio.gather(
                *(
                    nodes[0].decide(f"UPDATE t SET v = {number + 1} WHERE k = 1 IF v = {number}")
                    for number in range(10)
                )
            )
            assert [rows[0][0] for rows in results] == [True] * 10
            assert await nodes[1].serial_rows(_SELECT) == [(1, 10)]

    asyncio.run(run())


def test_three_coordinators_in_a_race_lose_no_increment() -> None:
    """Each adds ten by compare and set; every step that was applied counts, and those in doubt at most once."""

    async def add(node: TransactingNode, times: int) -> tuple[int, int]:
        applied = unknown = 0
        while applied < times:
            (row,) = await node.rows(_SELECT, ConsistencyLevel.QUORUM)
            value = row[1]
            assert isinstance(value, int)
            try:
                ((is_applied, *_),) = await node.decide(
                    f"UPDATE t SET v = {value + 1} WHERE k = 1 IF v = {value}"
                )
            except RequestError:
                unknown += 1
                continue
            applied += bool(is_applied)
        return applied, unknown

    async def run() -> None:
        async with transacting_nodes() as nodes:
            await nodes[0].decide("INSERT INTO t (k, v) VALUES (1, 0) IF NOT EXISTS")
            done = await asyncio.gather(*(add(node, 5) for node in nodes))
            ((_, value),) = await nodes[0].serial_rows(_SELECT)
            applied, unknown = sum(one for one, _ in done), sum(one for _, one in done)
            assert isinstance(value, int)
            assert applied <= value <= applied + unknown

    asyncio.run(run())


def test_a_coordinator_with_the_bug_sends_decisions_before_proposals() -> None:
    async def run() -> None:
        async with transacting_nodes(settings={"faults": ("learn_before_accept",)}) as nodes:
            assert await nodes[0].decide(_INSERT) == [(True, None, None)]
            verbs = [verb for verb, _ in nodes[0].paxos_sent()]
            assert verbs.index(Verb.PAXOS_LEARN) < verbs.index(Verb.PAXOS_ACCEPT)

    asyncio.run(run())


def test_the_key_of_a_round_is_that_of_the_partition() -> None:
    async def run() -> None:
        async with transacting_nodes() as nodes:
            await nodes[0].decide(_INSERT)
            for request in nodes[0].bodies(Verb.PAXOS_PREPARE):
                assert request.key == Key(components=((1).to_bytes(4),))

    asyncio.run(run())


_LOSS = {Verb.PAXOS_PREPARE: 0.1, Verb.PAXOS_ACCEPT: 0.2, Verb.PAXOS_LEARN: 0.7}
"""How likely a message is lost."""


@pytest.mark.parametrize("seed", [1, 2])
def test_lost_messages_lose_no_decision(seed: int) -> None:
    """Three coordinators write unique values by compare and set while many messages of rounds are lost.

    What was applied forms one chain: each value was written on top of exactly one other, and the last one stays.
    """

    async def write(
        node: TransactingNode, names: Iterable[int], applied: dict[int, int], unknown: dict[int, int]
    ) -> None:
        before = 0
        for count, name in enumerate(names):
            # On a slow machine it may take longer until one comes through.
            if count >= 12 and applied:
                return
            try:
                ((_, found),) = await node.serial_rows(_SELECT)
                assert isinstance(found, int)
                before = found
                rows = await node.decide(
                    f"UPDATE t SET v = {name} WHERE k = 1 IF v = {before}", ConsistencyLevel.ANY
                )
            except RequestError as error:
                if isinstance(error.details, WriteTimeout):
                    unknown[name] = before
                continue
            if rows[0][0]:
                applied[name] = before

    async def run() -> None:
        random = Random(seed)
        settings = {"write_request_timeout_in_ms": 150, "read_request_timeout_in_ms": 150}
        async with transacting_nodes(settings=settings) as nodes:
            await nodes[0].decide("INSERT INTO t (k, v) VALUES (1, 0) IF NOT EXISTS")
            for node in nodes:
                node.node.messaging.loses = lambda _receiver, verb: random.random() < _LOSS.get(verb, 0)
            applied: dict[int, int] = {}
            unknown: dict[int, int] = {}
            await asyncio.gather(
                *(
                    write(node, range(start, start + 1000), applied, unknown)
                    for node, start in zip(nodes, (1000, 2000, 3000), strict=True)
                )
            )
            for node in nodes:
                node.node.messaging.loses = lambda _receiver, _verb: False
            ((_, last),) = await nodes[0].serial_rows(_SELECT, timeout_ms=10_000)
            assert applied
            assert isinstance(last, int)
            chain = [last]
            while chain[-1] != 0:
                chain.append((applied | unknown)[chain[-1]])
            assert set(applied) <= set(chain)
            assert len(chain) == len(set(chain))

    asyncio.run(run())
