"""Replicas that disagree: read as mutations, merged, and written what they lack."""

import asyncio
from uuid import UUID

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_error import NoReplyError, RemoteError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.errors import ErrorCode, ReadFailure, ReadTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.read import ReadDigestReply, ReadRequest
from harness.replication import SIMPLE_STRATEGY, Replication
from tests.backends.simulation.loopback_nodes import until
from tests.backends.simulation.reads.reading_nodes import (
    WIDE,
    ReadingNode,
    mark_down,
    reading_nodes,
    store_everywhere,
)

_ROW = "INSERT INTO t (k, a, b) VALUES (1, 'x', 'y')"
_SELECT = "SELECT * FROM t WHERE k = 1"
_ALL = ConsistencyLevel.ALL
_TWO = Replication(strategy=SIMPLE_STRATEGY, factor=2)


def _sent(node: ReadingNode) -> list[tuple[Verb, str]]:
    return [(sent.verb, sent.receiver) for sent in node.node.sent]


def test_a_replica_without_a_row_is_written_it_before_the_client_is_answered() -> None:
    """As in the capture faults/digest_mismatch, statement 1."""

    async def run() -> None:
        async with reading_nodes() as (first, second, third):
            store_everywhere([first, second], _ROW)
            assert await first.rows(_SELECT, _ALL) == [(1, "x", "y")]
            sent = _sent(first)
            assert sorted(sent[:2]) == [(Verb.READ_DIGEST, second.address), (Verb.READ_DIGEST, third.address)]
            assert sorted(sent[2:4]) == [
                (Verb.READ_MUTATION_DATA, second.address),
                (Verb.READ_MUTATION_DATA, third.address),
            ]
            assert sent[4:] == [(Verb.MUTATION, third.address)]
            assert third.node.sent_of(Verb.MUTATION_DONE)
            # All now agree.
            assert await first.rows(_SELECT, _ALL) == [(1, "x", "y")]
            assert [verb for verb, _ in _sent(first)[5:]] == [Verb.READ_DIGEST] * 2

    asyncio.run(run())


def test_each_replica_is_written_only_what_it_lacks() -> None:
    async def run() -> None:
        async with reading_nodes() as (first, second, third):
            first.store("INSERT INTO t (k, a) VALUES (1, 'old')", 1)
            second.store("INSERT INTO t (k, a) VALUES (1, 'new')", 5)
            third.store("UPDATE t SET b = 'y' WHERE k = 1", 3)
            assert await first.rows(_SELECT, _ALL) == [(1, "new", "y")]
            repairs = {sent.receiver: sent.body.mutation for sent in first.node.sent_of(Verb.MUTATION)}
            (of_second,) = repairs[second.address].partition.rows
            (of_third,) = repairs[third.address].partition.rows
            assert [column.cell.value for column in of_second.cells.columns] == [b"y"]
            assert [column.cell.value for column in of_third.cells.columns] == [b"new"]
            for node in (first, second, third):
                assert await node.rows(_SELECT, ConsistencyLevel.ONE) == [(1, "new", "y")]

    asyncio.run(run())


def test_a_deletion_that_one_replica_missed_wins_and_is_written_to_it() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            store_everywhere(nodes, _ROW)
            for node in nodes[1:]:
                node.store("DELETE FROM t WHERE k = 1", 2_000_000)
            mark_down(nodes, nodes[2])
            assert await nodes[0].rows(_SELECT) == []
            for node in nodes:
                assert await node.rows(_SELECT, ConsistencyLevel.ONE) == []

    asyncio.run(run())


def test_a_quorum_read_repairs_only_the_replicas_it_has_read() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            nodes[0].store(_ROW)
            assert await nodes[0].rows(_SELECT) == [(1, "x", "y")]
            (repair,) = nodes[0].node.sent_of(Verb.MUTATION)
            (asked,) = nodes[0].node.sent_of(Verb.READ_DIGEST)
            assert repair.receiver == asked.receiver
            assert repair.body.forward == ()

    asyncio.run(run())


def test_a_replica_that_falls_silent_while_replicas_are_compared_is_named_in_the_timeout() -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        async with reading_nodes(settings={"read_request_timeout_in_ms": 100}) as nodes:
            nodes[0].store(_ROW)
            nodes[2].context.messaging.handle(Verb.READ_MUTATION_DATA, never)
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT, _ALL)
            assert caught.value.details == ReadTimeout(
                consistency=_ALL, received=2, required=3, data_present=1
            )

    asyncio.run(run())


def test_a_replica_that_fails_while_replicas_are_compared_fails_the_read() -> None:
    async def fail(*_: object) -> None:
        raise RemoteError("broken disk")

    async def run() -> None:
        async with reading_nodes() as nodes:
            nodes[0].store(_ROW)
            nodes[2].context.messaging.handle(Verb.READ_MUTATION_DATA, fail)
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT, _ALL)
            assert isinstance(caught.value.details, ReadFailure)
            assert (caught.value.details.failures_count, caught.value.details.required) == (1, 3)

    asyncio.run(run())


def test_a_repair_that_is_not_acknowledged_makes_the_read_time_out() -> None:
    async def run() -> None:
        async with reading_nodes(settings={"write_request_timeout_in_ms": 100}) as nodes:
            store_everywhere(nodes[:2], _ROW)
            nodes[0].node.messaging.loses = lambda _, verb: verb is Verb.MUTATION
            with pytest.raises(RequestError) as caught:
                await nodes[0].rows(_SELECT, _ALL)
            assert caught.value.code is ErrorCode.READ_TIMEOUT
            assert caught.value.details == ReadTimeout(
                consistency=_ALL, received=2, required=3, data_present=1
            )

    asyncio.run(run())


def test_digests_beyond_the_consistency_level_are_compared_when_the_client_has_its_answer() -> None:
    async def run() -> None:
        properties = {("ks", "t"): TableProperties(speculative_retry="ALWAYS")}
        async with reading_nodes(properties=properties) as nodes:
            store_everywhere(nodes[:2], _ROW)
            late = asyncio.Event()
            answer = nodes[2].replica._read_digest

            async def wait(sender: Sender, request: ReadRequest) -> ReadDigestReply:
                await late.wait()
                return answer(sender, request)

            async def data_waits(*_: object) -> None:
                # Asked for the data as the second of three, it must not answer before the other one has.
                raise NoReplyError("too late")

            nodes[2].context.messaging.handle(Verb.READ_DIGEST, wait)
            nodes[2].context.messaging.handle(Verb.READ_DATA, data_waits)
            while (
                not nodes[0].node.sent
                or nodes[0].node.sent_of(Verb.READ_DIGEST)[-1].receiver != nodes[2].address
            ):
                # Which of the two is asked for a digest, chance decides.
                assert await nodes[0].rows(_SELECT) == [(1, "x", "y")]
            assert not nodes[0].node.sent_of(Verb.MUTATION)
            late.set()
            await until(lambda: nodes[0].node.sent_of(Verb.MUTATION))
            (repair,) = nodes[0].node.sent_of(Verb.MUTATION)
            assert repair.receiver == nodes[2].address

    asyncio.run(run())


@pytest.mark.parametrize("order", ["", " ORDER BY c DESC"])
def test_replicas_are_asked_for_more_where_rows_turn_out_to_be_deleted(order: str) -> None:
    """Each replica has rows up to the limit, of which the other knows that they are deleted."""

    async def run() -> None:
        async with reading_nodes(2, WIDE, replication=_TWO) as (first, second):
            rows = [f"INSERT INTO w (k, c, v) VALUES (1, {number}, 'v{number}')" for number in range(10)]
            store_everywhere([first, second], *rows)
            deleted = (0, 1, 2) if not order else (9, 8, 7)
            for number in deleted:
                second.store(f"DELETE FROM w WHERE k = 1 AND c = {number}", 2_000_000)
            found = await first.rows(f"SELECT c FROM w WHERE k = 1{order} LIMIT 3", _ALL)
            assert found == ([(3,), (4,), (5,)] if not order else [(6,), (5,), (4,)])
            limits = [sent.body.command.row_limit for sent in first.node.sent_of(Verb.READ_MUTATION_DATA)]
            assert limits[0] == 3
            assert limits == sorted(set(limits))
            assert len(limits) > 1

    asyncio.run(run())


def test_rows_behind_the_place_where_a_replica_stopped_are_not_trusted() -> None:
    """The first stops behind row 1; that it has deleted row 3, which the second shows, is not known until then."""

    async def run() -> None:
        async with reading_nodes(2, WIDE, replication=_TWO) as (first, second):
            first.store("INSERT INTO w (k, c, v) VALUES (1, 0, 'a')")
            first.store("INSERT INTO w (k, c, v) VALUES (1, 1, 'b')")
            first.store("DELETE FROM w WHERE k = 1 AND c = 3", 2_000_000)
            second.store("DELETE FROM w WHERE k = 1 AND c = 0", 2_000_000)
            second.store("INSERT INTO w (k, c, v) VALUES (1, 3, 'old')")
            second.store("INSERT INTO w (k, c, v) VALUES (1, 4, 'd')")
            found = await first.rows("SELECT c, v FROM w WHERE k = 1 LIMIT 2", _ALL)
            assert found == [(1, "b"), (4, "d")]

    asyncio.run(run())


def test_limits_of_a_partition_hold_for_what_replicas_have_together() -> None:
    async def run() -> None:
        async with reading_nodes(2, WIDE, replication=_TWO) as (first, second):
            rows = [f"INSERT INTO w (k, c, v) VALUES (1, {number}, 'v')" for number in range(6)]
            store_everywhere([first, second], *rows)
            second.store("DELETE FROM w WHERE k = 1 AND c = 0", 2_000_000)
            first.store("DELETE FROM w WHERE k = 1 AND c = 1", 2_000_000)
            found = await first.rows("SELECT c FROM w WHERE k = 1 PER PARTITION LIMIT 2", _ALL)
            assert found == [(2,), (3,)]

    asyncio.run(run())


def test_writes_of_repairs_are_seen_by_reads_at_one() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            nodes[2].store(_ROW)
            assert await nodes[0].rows(_SELECT, _ALL) == [(1, "x", "y")]
            await until(lambda: nodes[1].context.storage.partition(_table_id(nodes[1]), ((1).to_bytes(4),)))
            assert await nodes[1].rows(_SELECT, ConsistencyLevel.ONE) == [(1, "x", "y")]

    asyncio.run(run())


def _table_id(node: ReadingNode) -> UUID:
    layout = node.context.catalog.table("ks", "t")
    assert layout is not None
    assert layout.table.id is not None
    return layout.table.id
