"""What nodes under load send long after all else is quiet is waited for before a claim fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.simulated import SimulatedSite
from harness.backends.statements import cql
from harness.clusters import started
from harness.expect import MUTATION, exactly, never, one_way, view_updates
from harness.expect.verdict import Outcome
from harness.run import Run
from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces

pytestmark = pytest.mark.namespaces

BASE = "CREATE TABLE ks.buildings (name text PRIMARY KEY, city text)"
VIEW = (
    "CREATE MATERIALIZED VIEW ks.by_city AS SELECT * FROM ks.buildings"
    " WHERE city IS NOT NULL AND name IS NOT NULL PRIMARY KEY (city, name)"
)
DELAY_MS = 1000
"""Longer than it takes on a busy machine to write a row and to find that all is quiet."""
NAMES = tuple(f"b{number}" for number in range(100))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run on nodes that send updates of views late."""
    skip_without_namespaces(tmp_path)
    skip_without_dumpcap()
    site = SimulatedSite.create(Needs(nodes=4), settings={"view_update_delay_ms": DELAY_MS})
    run = Run(started(site), "late")
    yield run
    run.close()


def test_late_updates_of_views_are_waited_for(run: Run) -> None:
    table = run.cluster.table(BASE, replication_factor=2)
    view = run.cluster.table(VIEW)
    elsewhere = {node.name for node in view.replicas_of("c")}
    # Of such a row, no replica has the view's row itself.
    name = next(name for name in NAMES if elsewhere.isdisjoint(node.name for node in table.replicas_of(name)))
    with run.wire.statement() as insert:
        run.session().execute(cql(f"INSERT INTO ks.buildings (name, city) VALUES ('{name}', 'c')", "TWO"))
    seen = len(insert.trace)
    assert insert.count(one_way(MUTATION, table=view)) == 0
    verdict = insert.expect(view_updates(table, view))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    updates = insert.find(one_way(MUTATION, table=view))
    assert len(updates) == 2
    assert min(update.number for update in updates) >= seen
    base = insert.find(one_way(MUTATION, table=table))
    assert updates[0].time_ns - base[0].time_ns >= DELAY_MS * 1_000_000
    # What never comes, or has come and should not, fails all the same.
    assert insert.expect(exactly(3, one_way(MUTATION, table=view))).outcome is Outcome.FAIL
    assert insert.expect(never(one_way(MUTATION, table=view))).outcome is Outcome.FAIL
    run.finish()
