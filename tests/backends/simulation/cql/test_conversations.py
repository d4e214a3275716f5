"""Whole conversations of real clusters: what statements write and read there, they write and read here."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.preparation import Plan, plan, prepare
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.write_plan import ConditionalPlan, WriteKind, WritePlan
from harness.codec.byte_writer import ByteWriter
from harness.codec.cql.dialect import dialect_of
from harness.codec.cql.requests import Execute, Prepare
from harness.codec.cql.results import PreparedResult, Rows, encode_result
from harness.codec.verbs.paxos import PaxosAcceptRequest, PaxosPrepareRequest
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.codec.verbs.wire import encode_struct
from harness.codec.verbs.writes import CounterMutationRequest, MutationRequest
from tests.backends.simulation.captured import catalog_of, is_followed, trace_of
from tests.backends.simulation.captured_statements import (
    CapturedStatement,
    ballot_timestamp_us,
    base_mutations,
    content_of,
    list_keys,
    statements_of,
)
from tests.backends.simulation.cql.node import LocalNode

pytestmark = pytest.mark.reference

_LWT = ("base/lwt_insert_twice", "base/lwt_conditions", "multidc/multi_dc", "errors/paxos_replica_exception")


@pytest.mark.parametrize(
    ("name", "writes_count"),
    [
        ("base/write_rf2", 10),
        ("base/write_rf3", 9),
        ("base/types_and_large", 2),
        ("base/index_write", 5),
        ("base/batch", 3),
        ("base/materialized_view", 5),
        ("errors/non_frozen_udt", 3),
        ("faults/hinted_handoff", 8),
        ("multidc/multi_dc", 5),
        ("views/view_life_rf2", 17),
        ("views/index_rf3", 8),
    ],
)
def test_statements_write_the_mutations_of_a_real_cluster(
    reference: Path, name: str, writes_count: int
) -> None:
    """Byte for byte, given timestamp, schema version, table id, and the time UUIDs of list elements."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    catalog = catalog_of(path)
    compared = 0
    for statement in statements_of(path):
        sent = base_mutations(path, statement.then, MutationRequest)
        if not sent:
            continue
        layout = catalog.table_of(sent[0].table_id, sent[0].schema_version)
        assert layout is not None
        drawn: Iterator[UUID] = list_keys(layout, sent[0])
        planned = plan(catalog, statement.query.query, None, (), statement.moment(drawn.__next__))
        if not isinstance(planned, WritePlan):
            continue
        written = {encode_struct(one.mutation) for one in planned.mutations(statement.timestamp_us)}
        assert written == {encode_struct(mutation) for mutation in sent}, statement.query.query
        compared += 1
    assert compared == writes_count


def test_counter_updates_are_those_that_coordinators_send_to_leaders(reference: Path) -> None:
    path = reference / "scylla-4.2/base/counter.pcapng"
    compared = 0
    for statement in statements_of(path):
        sent = [one.body for one in statement.then if isinstance(one.body, CounterMutationRequest)]
        if not sent:
            continue
        planned = plan(catalog_of(path), statement.query.query, None, (), statement.moment())
        assert isinstance(planned, WritePlan)
        assert planned.kind is WriteKind.COUNTER
        (update,) = planned.mutations(statement.timestamp_us)
        assert (update.mutation,) == sent[0].mutations
        compared += 1
    assert compared == 5


@pytest.mark.parametrize("name", _LWT)
def test_conditional_writes_prepare_and_propose_what_a_real_cluster_does(reference: Path, name: str) -> None:
    """The read command of PAXOS_PREPARE; the proposal, or an empty one, with the timestamp of the ballot."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    prepared = accepted = 0
    for statement in statements_of(path):
        planned = plan(catalog_of(path), statement.query.query, None, (), statement.moment())
        if not isinstance(planned, ConditionalPlan):
            continue
        for message in statement.then:
            body = message.body
            if isinstance(body, PaxosPrepareRequest):
                moment = replace(statement.moment(), now_us=message.time_ns // 1000)
                assert encode_struct(planned.read_command(moment)) == encode_struct(body.command)
                assert body.key.components == planned.key
                prepared += 1
            elif isinstance(body, PaxosAcceptRequest):
                proposal = body.proposal
                written = planned.mutation(ballot_timestamp_us(proposal.ballot))
                assert proposal.update in {written, planned.nothing()}, statement.query.query
                accepted += 1
    assert prepared >= 4
    assert accepted >= 4


@pytest.mark.parametrize(
    ("name", "reads_count"),
    [
        ("base/whole_base", 51),
        ("views/whole_views", 17),
        ("faults/digest_mismatch", 34),
        ("multidc/multi_dc", 7),
        ("shards/lz4_two_shards", 5),
        ("errors/non_frozen_udt", 1),
    ],
)
def test_statements_read_with_the_commands_of_a_real_cluster(
    reference: Path, name: str, reads_count: int
) -> None:
    """Field by field: of keys, IN, scans and their pages, indexes and the rows behind them, aggregates, reversed reads."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    node = LocalNode(catalog_of(path), keyspace=None)
    compared = 0
    for statement in statements_of(path):
        planned = _plan(node, statement)
        node.reads.clear()
        node.carry_out(planned, statement.timestamp_us)
        if not isinstance(planned, ReadPlan):
            continue
        for message in statement.then:
            body = message.body
            if not isinstance(body, ReadRequest) or not _is_of_users(node, body.command):
                continue
            assert _is_planned(node, body), f"packet {message.frame_last}: {statement.query.query}"
            compared += 1
    assert compared == reads_count


def _plan(node: LocalNode, statement: CapturedStatement) -> Plan:
    node.now_us = statement.message.time_ns // 1000
    return node.plan(
        statement.query.query,
        page_rows=statement.page_rows,
        paging_state=statement.query.parameters.paging_state,
    )


def _is_of_users(node: LocalNode, command: ReadCommand) -> bool:
    layout = node.catalog.table_of(command.table_id, command.schema_version)
    return layout is not None and is_followed(layout)


def _is_planned(node: LocalNode, request: ReadRequest) -> bool:
    """Whether one of the node's reads is this one, or, in a scan, one that goes on behind some of its rows."""
    for read in node.reads:
        if _without_chance(read.command) != _without_chance(request.command):
            continue
        if (read.command.query_id == UUID(int=0)) != (request.command.query_id == UUID(int=0)):
            continue
        if request.partitions.singular:
            if request.partitions in read.ranges and _limits(read.command) == _limits(request.command):
                return True
            continue
        rows, partitions = (
            before - after
            for before, after in zip(_limits(read.command), _limits(request.command), strict=True)
        )
        # Each partition that was found has one row at least.
        if 0 <= partitions <= rows:
            return True
    return False


def _limits(command: ReadCommand) -> tuple[int, int]:
    assert isinstance(command.partition_limit, int)
    return command.row_limit_low, command.partition_limit


def _without_chance(command: ReadCommand) -> bytes:
    """Leave out of a command what is drawn, what tracing adds, and what a scan counts down.

    So is whether the coordinator happened to have computed a digest before it sent the command.
    """
    partition_slice = command.partition_slice
    options = partition_slice.options & ~SliceOption.WITH_DIGEST
    return encode_struct(
        replace(
            command,
            partition_slice=replace(partition_slice, options=options),
            query_id=UUID(int=0),
            trace=None,
            row_limit_low=0,
            partition_limit=0,
        )
    )


@pytest.mark.parametrize(
    ("name", "rows_count"),
    [
        ("base/whole_base", 78),
        ("views/whole_views", 8),
        ("errors/non_frozen_udt", 1),
        ("shards/lz4_two_shards", 6),
    ],
)
def test_clients_get_the_rows_of_a_real_cluster(reference: Path, name: str, rows_count: int) -> None:
    """Every RESULT with rows, byte for byte but for the place where a page ended: it names the nodes that answered."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    node = LocalNode(catalog_of(path), keyspace=None)
    compared = 0
    for statement in statements_of(path):
        planned = _plan(node, statement)
        rows = node.carry_out(planned, statement.timestamp_us)
        if isinstance(statement.reply, Rows):
            assert rows is not None
            assert _result_bytes(rows) == _result_bytes(statement.reply), statement.query.query
            compared += 1
        else:
            assert rows is None
    assert compared == rows_count


def _result_bytes(rows: Rows) -> bytes:
    if rows.metadata.paging_state is not None:
        rows = replace(rows, metadata=replace(rows.metadata, paging_state=b""))
    writer = ByteWriter()
    encode_result(rows, writer, dialect_of(4))
    return writer.getvalue()


@pytest.mark.parametrize(("name", "writes_count"), [("base/prepared_writes", 100), ("bulk/bulk_quorum", 500)])
def test_prepared_statements_are_described_and_write_as_in_a_real_cluster(
    reference: Path, name: str, writes_count: int
) -> None:
    path = reference / f"scylla-4.2/{name}.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    sent = {encode_struct(one.body.mutation) for one in trace.rpc if isinstance(one.body, MutationRequest)}
    statements = {}
    written = 0
    for message in trace.cql:
        content = content_of(message)
        if isinstance(content, Prepare):
            answer = trace.exchange_of(message).reply
            assert answer is not None
            described = content_of(answer)
            assert isinstance(described, PreparedResult)
            prepared = prepare(catalog, content.query, None)
            assert prepared.description(described.statement_id) == described
            statements[described.statement_id] = prepared
        elif isinstance(content, Execute):
            moment = Moment(message.time_ns // 1000, uuid4, uuid4)
            planned = statements[content.statement_id].bind(list(content.parameters.values), moment)
            if isinstance(planned, WritePlan):
                assert content.parameters.default_timestamp_us is not None
                for one in planned.mutations(content.parameters.default_timestamp_us):
                    assert encode_struct(one.mutation) in sent
                    written += 1
        if written == writes_count:
            break
    assert written == writes_count
