"""Reads of single partitions: who is asked for what, and what clients are told."""

import asyncio

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.rpc_error import RemoteError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.errors import ErrorCode, ReadFailure, ReadTimeout, Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.read_command import DigestAlgorithm, SliceOption
from harness.replication import SIMPLE_STRATEGY, Replication
from tests.backends.simulation.reads.reading_nodes import (
    TABLE,
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
                # A local read with a digest shows in the command that goes to others, as in captures.
                assert sent.body.command.partition_slice.options & SliceOption.WITH_DIGEST
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
