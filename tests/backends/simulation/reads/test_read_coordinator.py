"""Reads of single partitions: who is asked for what, and what clients are told."""

import asyncio
from typing import cast
from uuid import UUID

import pytest

from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.rpc_error import RemoteError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.errors import ErrorCode, ReadFailure, ReadTimeout, Unavailable
from harness.codec.verbs.common import ConsistencyLevel, SpanId, TraceInfo
from harness.codec.verbs.read_command import DigestAlgorithm, SliceOption
from harness.replication import SIMPLE_STRATEGY, Replication
from tests.backends.simulation.reads.reading_nodes import (
    TABLE,
    WIDE,
    mark_down,
    reading_nodes,
    store_everywhere,
)

_ROW = "INSERT INTO t (k, a, b) VALUES (1, 'x', 'y')"
_SELECT = "SELECT * FROM t WHERE k = 1"
_TOKEN = -4069959284402364209
"""Of the key 1, from the written protocol."""


def test_one_reads_from_the_coordinator_itself() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            nodes[0].store(_ROW)
            assert await nodes[0].rows(_SELECT, ConsistencyLevel.ONE) == [(1, "x", "y")]
            assert nodes[0].asked() == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("consistency", "digests"),
    [(ConsistencyLevel.TWO, 1), (ConsistencyLevel.QUORUM, 1), (ConsistencyLevel.ALL, 2)],
)
def test_others_are_asked_for_digests(consistency: ConsistencyLevel, digests: int) -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            store_everywhere(nodes, _ROW)
            assert await nodes[0].rows(_SELECT, consistency) == [(1, "x", "y")]
            asked = nodes[0].node.sent
            assert [sent.verb for sent in asked] == [Verb.READ_DIGEST] * digests
            assert len({sent.receiver for sent in asked}) == digests
            for sent in asked:
                assert sent.body.digest_algorithm is DigestAlgorithm.XXHASH
                assert sent.body.partitions.singular
                # A local read with a digest shows in the command that goes to others afterwards; where one replica
                # more may be asked, the others are asked first, as in captures.
                is_shown = bool(sent.body.command.partition_slice.options & SliceOption.WITH_DIGEST)
                assert is_shown == (consistency is ConsistencyLevel.ALL)
                assert 4_000 < sent.timeout_ms <= 5_000

    asyncio.run(run())


def test_a_coordinator_that_is_no_replica_asks_the_nearest_for_data() -> None:
    async def run() -> None:
        replication = Replication(strategy=SIMPLE_STRATEGY, factor=2)
        async with reading_nodes(replication=replication) as nodes:
            store_everywhere(nodes, _ROW)
            replicas = {node.address for node in nodes[0].context.members.replicas(replication, _TOKEN)}
            (outside,) = [node for node in nodes if node.address not in replicas]
            assert await outside.rows(_SELECT, ConsistencyLevel.TWO) == [(1, "x", "y")]
            data, digest = outside.node.sent
            assert (data.verb, digest.verb) == (Verb.READ_DATA, Verb.READ_DIGEST)
            assert {data.receiver, digest.receiver} == replicas
            assert not data.body.command.partition_slice.options & SliceOption.WITH_DIGEST

    asyncio.run(run())


@pytest.mark.parametrize(
    ("factor", "speculative_retry", "algorithm"),
    [
        (1, "99.0PERCENTILE", DigestAlgorithm.NONE),
        (2, "NONE", DigestAlgorithm.NONE),
        (2, "99.0PERCENTILE", DigestAlgorithm.XXHASH),
    ],
)
def test_a_single_answer_needs_a_digest_only_where_another_may_follow(
    factor: int, speculative_retry: str, algorithm: DigestAlgorithm
) -> None:
    async def run() -> None:
        replication = Replication(strategy=SIMPLE_STRATEGY, factor=factor)
        properties = {("ks", "t"): TableProperties(speculative_retry=speculative_retry)}
        async with reading_nodes(replication=replication, properties=properties) as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes:
                assert await node.rows(_SELECT, ConsistencyLevel.ONE) == [(1, "x", "y")]
            asked = [sent for node in nodes for sent in node.node.sent]
            assert [sent.verb for sent in asked] == [Verb.READ_DATA] * (3 - factor)
            assert {sent.body.digest_algorithm for sent in asked} == {algorithm}

    asyncio.run(run())


def test_several_partitions_are_read_at_once_each_with_the_whole_limit() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            rows = [f"INSERT INTO t (k, a) VALUES ({key}, 'a{key}')" for key in range(4)]
            store_everywhere(nodes, *rows)
            found = await nodes[0].rows("SELECT k FROM t WHERE k IN (0, 1, 2, 3) LIMIT 3")
            assert len(found) == 3
            asked = nodes[0].node.sent
            assert [sent.verb for sent in asked] == [Verb.READ_DIGEST] * 4
            assert {sent.body.command.row_limit for sent in asked} == {3}

    asyncio.run(run())


def test_nothing_is_sent_when_too_few_replicas_are_alive() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            mark_down(nodes, nodes[1], nodes[2])
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT)
            assert caught.value.details == Unavailable(
                consistency=ConsistencyLevel.QUORUM, required=2, alive=1
            )
            assert nodes[0].asked() == []

    asyncio.run(run())


@pytest.mark.parametrize("level", [ConsistencyLevel.ANY, ConsistencyLevel.EACH_QUORUM])
def test_levels_of_writes_are_refused(level: ConsistencyLevel) -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            with pytest.raises(RequestError, match="only supported for writes") as caught:
                await nodes[0].rows(_SELECT, level)
            assert caught.value.code is ErrorCode.INVALID

    asyncio.run(run())


def test_a_silent_replica_makes_the_read_time_out() -> None:
    async def run() -> None:
        async with reading_nodes(settings={"read_request_timeout_in_ms": 100}) as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes[1:]:
                node.context.messaging.handle(Verb.READ_DIGEST, _never)
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT)
            assert caught.value.code is ErrorCode.READ_TIMEOUT
            assert caught.value.text == (
                "Operation timed out for ks.t - received only 1 responses from 2 CL=QUORUM."
            )
            assert caught.value.details == ReadTimeout(
                consistency=ConsistencyLevel.QUORUM, received=1, required=2, data_present=1
            )

    asyncio.run(run())


async def _never(*_: object) -> None:
    await asyncio.Event().wait()


def test_without_data_digests_are_not_enough() -> None:
    async def run() -> None:
        replication = Replication(strategy=SIMPLE_STRATEGY, factor=3)
        async with reading_nodes(
            4, replication=replication, settings={"read_request_timeout_in_ms": 100}
        ) as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes:
                node.context.messaging.handle(Verb.READ_DATA, _never)
            replicas = nodes[0].context.members.replicas(replication, _TOKEN)
            (outside,) = [
                node for node in nodes if node.address not in {replica.address for replica in replicas}
            ]
            with pytest.raises(RequestError) as caught:
                await outside.rows(_SELECT)
            assert caught.value.details == ReadTimeout(
                consistency=ConsistencyLevel.QUORUM, received=1, required=2, data_present=0
            )

    asyncio.run(run())


def test_a_statement_may_shorten_its_time() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            nodes[1].context.messaging.handle(Verb.READ_DIGEST, _never)
            nodes[2].context.messaging.handle(Verb.READ_DIGEST, _never)
            plan = nodes[0].select("SELECT * FROM t WHERE k = 1 USING TIMEOUT 50ms")
            with pytest.raises(RequestError) as caught:
                await nodes[0].reads.run_reads(plan, nodes[0].context.moment, ConsistencyLevel.ALL)
            assert caught.value.code is ErrorCode.READ_TIMEOUT
            sent = [sent for sent in nodes[0].node.sent if sent.verb is Verb.READ_DIGEST]
            assert [sent.timeout_ms <= 50 for sent in sent] == [True, True]

    asyncio.run(run())


def test_a_replica_that_fails_makes_the_read_fail_at_once() -> None:
    async def fail(*_: object) -> None:
        raise RemoteError("broken disk")

    async def run() -> None:
        async with reading_nodes() as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes[1:]:
                node.context.messaging.handle(Verb.READ_DIGEST, fail)
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT)
            assert caught.value.details == ReadFailure(
                consistency=ConsistencyLevel.QUORUM, received=1, required=2, failures_count=1, data_present=1
            )

    asyncio.run(run())


def test_a_replica_that_cannot_be_reached_makes_the_read_wait_until_its_timeout() -> None:
    async def run() -> None:
        async with reading_nodes(settings={"read_request_timeout_in_ms": 100}) as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes[1:]:
                node.node.messaging.close()
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT)
            assert caught.value.code is ErrorCode.READ_TIMEOUT

    asyncio.run(run())


def test_always_speculating_reads_ask_one_more_for_data() -> None:
    async def run() -> None:
        properties = {("ks", "t"): TableProperties(speculative_retry="ALWAYS")}
        async with reading_nodes(cql=TABLE, properties=properties) as nodes:
            store_everywhere(nodes, _ROW)
            assert await nodes[0].rows(_SELECT) == [(1, "x", "y")]
            assert [sent.verb for sent in nodes[0].node.sent] == [Verb.READ_DATA, Verb.READ_DIGEST]

    asyncio.run(run())


def test_a_slow_replica_is_made_up_for_after_the_time_of_the_table() -> None:
    async def run() -> None:
        properties = {("ks", "t"): TableProperties(speculative_retry="20ms")}
        async with reading_nodes(properties=properties) as nodes:
            store_everywhere(nodes, _ROW)
            # The first to be asked loses the request on its way; nobody knows which of the two that is.
            lost: list[str] = []

            def loses(receiver: str, _: Verb) -> bool:
                lost.append(receiver)
                return len(lost) == 1

            nodes[0].node.messaging.loses = loses
            assert await nodes[0].rows(_SELECT) == [(1, "x", "y")]
            first, second = nodes[0].node.sent
            assert (first.verb, second.verb) == (Verb.READ_DIGEST, Verb.READ_DIGEST)
            assert first.receiver != second.receiver

    asyncio.run(run())


def test_pages_of_one_partition_are_read_from_the_same_replicas() -> None:
    async def run() -> None:
        async with reading_nodes(cql=WIDE) as nodes:
            rows = [f"INSERT INTO w (k, c, v) VALUES (1, {number}, 'v')" for number in range(20)]
            store_everywhere(nodes, *rows)
            state: bytes | None = None
            for _ in range(6):
                planned = nodes[0].select("SELECT c FROM w WHERE k = 1", 3, state)
                state = (await nodes[0].rows_of(planned, ConsistencyLevel.QUORUM)).metadata.paging_state
            assert len({sent.receiver for sent in nodes[0].node.sent}) == 1
            assert len(nodes[0].node.sent) == 6

    asyncio.run(run())


def test_what_is_sent_says_how_much_time_is_left_and_on_whose_behalf() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            store_everywhere(nodes, _ROW)
            (read,) = next(nodes[0].select(_SELECT).run(nodes[0].context.moment))
            await nodes[0].reads.read(
                read, ConsistencyLevel.QUORUM, timeout_ms=3_600_000, tenant=Tenant.SYSTEM
            )
            (sent,) = nodes[0].node.sent
            assert 3_599_000 < sent.timeout_ms <= 3_600_000
            assert sent.tenant is Tenant.SYSTEM

    asyncio.run(run())


def test_what_is_read_through_an_index_has_the_time_of_scans() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            store_everywhere(nodes, _ROW)
            # What reads through an index does not name the partitions that it comes to read.
            planned = nodes[0].select(_SELECT)
            through_index = _WithoutKeys(planned)
            await nodes[0].reads.run_reads(
                cast("ReadPlan", through_index), nodes[0].context.moment, ConsistencyLevel.QUORUM
            )
            (sent,) = nodes[0].node.sent
            assert 9_000 < sent.timeout_ms <= 10_000

    asyncio.run(run())


class _WithoutKeys:
    """A SELECT that does not name its partition; its reads do."""

    keys = None

    def __init__(self, planned: ReadPlan) -> None:
        self.run = planned.run


def test_traced_reads_tell_replicas_to_trace() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            trace = TraceInfo(
                session_id=UUID(int=7),
                type=1,
                write_on_close=True,
                properties=1,
                slow_threshold_us=500_000,
                slow_ttl_s=86_400,
                parent=SpanId(value=3),
            )
            await nodes[0].reads.run_reads(
                nodes[0].select(_SELECT), nodes[0].context.moment, ConsistencyLevel.QUORUM, trace=trace
            )
            (sent,) = nodes[0].node.sent
            assert sent.body.command.trace == trace

    asyncio.run(run())


def test_a_percentile_of_latencies_is_of_use_only_where_it_is_switched_on() -> None:
    async def run() -> None:
        for is_on, requests in ((False, 1), (True, 2)):
            async with reading_nodes(
                settings={"speculates_at_percentile": is_on, "read_request_timeout_in_ms": 300}
            ) as nodes:
                store_everywhere(nodes, _ROW)
                await nodes[0].rows(_SELECT)
                sent = nodes[0].node.sent
                sent.clear()
                nodes[0].node.messaging.loses = lambda _receiver, _verb: len(sent) == 1  # noqa: B023  (at once)
                if is_on:
                    assert await nodes[0].rows(_SELECT) == [(1, "x", "y")]
                else:
                    with pytest.raises(RequestError):
                        await nodes[0].rows(_SELECT)
                assert len(sent) == requests

    asyncio.run(run())
