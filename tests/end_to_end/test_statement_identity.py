"""Which requests of a capture are the scenario's statements: on running nodes, by all ways of the driver."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.query import BatchStatement

from harness.backends.contract import Needs
from harness.backends.statements import cql
from harness.clusters import start_simulated
from harness.expect import exactly, result
from harness.expect.verdict import Outcome
from harness.run import Run
from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces

pytestmark = pytest.mark.namespaces

TABLE = "CREATE TABLE ks.t (p int, c int, v text, PRIMARY KEY (p, c))"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run on three nodes."""
    skip_without_namespaces(tmp_path)
    skip_without_dumpcap()
    run = Run(start_simulated(Needs(nodes=3)).opened, "identity")
    yield run
    run.close()


def test_prepared_statements_pages_and_batches_are_told_apart(run: Run) -> None:
    cluster, wire = run.cluster, run.wire
    table = cluster.table(TABLE, replication_factor=2)
    second = cluster.session(cluster.nodes[1])
    insert = second.prepare("INSERT INTO ks.t (p, c, v) VALUES (?, ?, ?)")

    with wire.statement("50 in flight") as inserts:
        for answer in [second.execute_async(insert, (i, i, "x")) for i in range(50)]:
            answer.result()
    assert len(inserts.statements) == 50
    assert inserts.coordinator == "n2"
    inserts.expect(exactly(50, result()))

    with wire.statement("pages") as scan:
        rows = second.execute(cql("SELECT * FROM ks.t", "ONE", page_size_rows=7))
        assert len(rows.all()) == 50
    assert [statement.row_count for statement in scan.statements] == [7] * 7 + [1]
    scan.expect(exactly(8, result()))

    free = cluster.session(None)
    select = free.prepare("SELECT * FROM ks.t WHERE p = ?")
    with wire.statement("wherever the driver likes") as reads:
        for key in range(10):
            free.execute(select, (key,))
    for key, statement in enumerate(reads.statements):
        assert statement.coordinator in {node.name for node in table.replicas_of(key)}
    reads.expect(exactly(10, result()))

    with wire.statement("a batch") as batch:
        changes = BatchStatement()
        changes.add(insert, (100, 1, "y"))
        changes.add(insert, (100, 2, "z"))
        second.execute(changes)
    assert [statement.batch_type for statement in batch.statements] == ["LOGGED"]
    batch.expect(exactly(1, result()))

    run.finish()
    assert run.outcome is Outcome.PASS
