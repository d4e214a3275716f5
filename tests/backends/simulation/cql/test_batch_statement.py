"""Batches: what is written together, and what cannot be."""

import pytest

from harness.backends.simulation.cql.preparation import plan_batch, prepare
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.statements import BatchKind
from harness.backends.simulation.cql.write_plan import ConditionalPlan, WriteKind, WritePlan
from harness.codec.cql.errors import ErrorCode
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import catalog_of, i32

TABLES = (
    "CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int PRIMARY KEY, v text);"
    "CREATE TABLE counts (p int PRIMARY KEY, n counter)"
)


@pytest.fixture
def node() -> LocalNode:
    return LocalNode(catalog_of(TABLES))


def planned(node: LocalNode, text: str) -> WritePlan:
    found = node.plan(text)
    assert isinstance(found, WritePlan)
    return found


def test_writes_to_one_partition_are_one_mutation(node: LocalNode) -> None:
    batch = planned(
        node, "BEGIN BATCH INSERT INTO a (id) VALUES (1); UPDATE a SET v = 'x' WHERE id = 1; APPLY BATCH"
    )
    assert len(batch.mutations(9)) == 1


def test_writes_to_several_tables_are_several_mutations(node: LocalNode) -> None:
    batch = planned(
        node, "BEGIN BATCH INSERT INTO a (id) VALUES (1); INSERT INTO b (id) VALUES (1); APPLY BATCH"
    )
    assert batch.kind is WriteKind.BATCH
    names = [one.layout.table.name for one in batch.mutations(9)]
    assert names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("BEGIN UNLOGGED BATCH INSERT INTO a (id) VALUES (1); APPLY BATCH", WriteKind.UNLOGGED_BATCH),
        ("BEGIN COUNTER BATCH UPDATE counts SET n = n + 1 WHERE p = 1; APPLY BATCH", WriteKind.COUNTER),
        ("BEGIN UNLOGGED BATCH UPDATE counts SET n = n + 1 WHERE p = 1; APPLY BATCH", WriteKind.COUNTER),
    ],
)
def test_kind_is_that_of_the_batch(node: LocalNode, text: str, kind: WriteKind) -> None:
    assert planned(node, text).kind is kind


def test_timestamp_of_the_batch_is_that_of_its_statements(node: LocalNode) -> None:
    node.run("BEGIN BATCH USING TIMESTAMP 77 INSERT INTO a (id, v) VALUES (1, 'x'); APPLY BATCH")
    assert node.rows("SELECT writetime(v) FROM a") == [(77,)]
    node.run("BEGIN BATCH INSERT INTO a (id, v) VALUES (2, 'x') USING TIMESTAMP 78; APPLY BATCH")
    assert node.rows("SELECT writetime(v) FROM a WHERE id = 2") == [(78,)]


def test_batch_request_takes_statements_of_every_origin(node: LocalNode) -> None:
    statements = [
        (prepare(node.catalog, "INSERT INTO a (id, v) VALUES (?, ?)", "ks"), (i32(1), b"x")),
        (prepare(node.catalog, "INSERT INTO a (id, v) VALUES (2, 'y')", "ks"), ()),
    ]
    batch = plan_batch(BatchKind.LOGGED, statements, node.moment)
    assert isinstance(batch, WritePlan)
    node.carry_out(batch)
    assert sorted(node.rows("SELECT id, v FROM a")) == [(1, "x"), (2, "y")]
    conditional = prepare(node.catalog, "DELETE FROM a WHERE id = 1 IF EXISTS", "ks")
    assert isinstance(plan_batch(BatchKind.LOGGED, [(conditional, ())], node.moment), ConditionalPlan)
    with pytest.raises(RequestError, match="only UPDATE, INSERT and DELETE statements are allowed"):
        plan_batch(BatchKind.LOGGED, [(prepare(node.catalog, "SELECT * FROM a", "ks"), ())], node.moment)


def test_markers_of_all_statements_are_numbered_together(node: LocalNode) -> None:
    text = "BEGIN BATCH USING TIMESTAMP ? INSERT INTO a (id) VALUES (?); UPDATE b SET v = ? WHERE id = ? APPLY BATCH"
    prepared = prepare(node.catalog, text, "ks")
    assert [column.name for column in prepared.markers] == ["[timestamp]", "id", "v", "id"]
    assert prepared.partition_key_indexes == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "BEGIN COUNTER BATCH INSERT INTO a (id) VALUES (1); APPLY BATCH",
            "non-counter statement in a counter",
        ),
        ("BEGIN BATCH UPDATE counts SET n = n + 1 WHERE p = 1; APPLY BATCH", "counter statement in a logged"),
        (
            "BEGIN UNLOGGED BATCH UPDATE counts SET n = n + 1 WHERE p = 1; INSERT INTO a (id) VALUES (1) APPLY BATCH",
            "Counter and non-counter mutations cannot exist",
        ),
        ("BEGIN BATCH USING TTL 5 INSERT INTO a (id) VALUES (1); APPLY BATCH", "Global TTL"),
        (
            "BEGIN BATCH USING TIMESTAMP 5 INSERT INTO a (id) VALUES (1) USING TIMESTAMP 6; APPLY BATCH",
            "Timestamp must be set either on BATCH or individual statements",
        ),
        (
            "BEGIN BATCH USING TIMESTAMP 5 INSERT INTO a (id) VALUES (1) IF NOT EXISTS; APPLY BATCH",
            "Cannot provide custom timestamp for conditional BATCH",
        ),
        (
            "BEGIN BATCH INSERT INTO a (id) VALUES (1) IF NOT EXISTS; INSERT INTO b (id) VALUES (1); APPLY BATCH",
            "Batch with conditions cannot span multiple tables",
        ),
        (
            "BEGIN BATCH INSERT INTO a (id) VALUES (1) IF NOT EXISTS; INSERT INTO a (id) VALUES (2); APPLY BATCH",
            "Batch with conditions cannot span multiple partitions",
        ),
    ],
)
def test_what_cannot_be_run_together_is_refused(node: LocalNode, text: str, shown: str) -> None:
    with pytest.raises(RequestError) as error:
        node.run(text)
    assert error.value.code == ErrorCode.INVALID
    assert shown in error.value.text
