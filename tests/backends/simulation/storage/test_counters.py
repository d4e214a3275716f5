"""Counter updates at their leader, on those of a real cluster."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.simulation.storage.counters import as_shards
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.purging import clock_without_purging
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.mutation import CounterCell, CounterDelta, CounterShard, CounterShards
from harness.codec.verbs.writes import CounterMutationRequest, MutationRequest
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.tables import NOW_S, layout_of, partition_with

CLOCK = clock_without_purging(NOW_S)


@pytest.mark.reference
def test_leaders_send_on_what_they_have_counted(reference: Path) -> None:
    """Each COUNTER_MUTATION leads to a MUTATION with the leader's own count, one higher for each update."""
    path = reference / "scylla-4.2/base/counter.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    leaders: dict[str, Storage] = {}
    compared = 0
    messages = list(trace.rpc)
    for index, message in enumerate(messages):
        if not isinstance(message.body, CounterMutationRequest):
            continue
        (update,) = message.body.mutations
        layout = catalog.table_of(update.table_id, update.schema_version)
        assert layout is not None
        assert message.receiver_node is not None
        sent = next(
            later.body.mutation
            for later in messages[index:]
            if isinstance(later.body, MutationRequest) and later.sender_node == message.receiver_node
        )
        (column,) = sent.partition.rows[0].cells.columns
        assert isinstance(column.cell, CounterCell)
        assert isinstance(column.cell.state, CounterShards)
        storage = leaders.setdefault(message.receiver_node, Storage(catalog))
        key = update.key.components
        counted = as_shards(
            layout,
            partition_of(layout, update.partition),
            storage.partition(update.table_id, key),
            column.cell.state.shards[0].id,
            CLOCK,
        )
        assert mutation_of(layout, key, counted) == sent
        storage.apply(sent)
        compared += 1
    assert compared == 5


def test_counts_of_other_leaders_are_left_alone() -> None:
    layout = layout_of("CREATE TABLE t (p int PRIMARY KEY, n counter)")
    own, other = UUID(int=1), UUID(int=2)
    shards = (CounterShard(id=own, value=10, clock=4), CounterShard(id=other, value=99, clock=7))
    known = partition_with(layout, (), {"n": CounterCell(created_at=1, state=CounterShards(shards=shards))})
    update = partition_with(layout, (), {"n": CounterCell(created_at=5, state=CounterDelta(delta=-3))})
    row = as_shards(layout, update, known, own, CLOCK).rows.get(())
    assert row is not None
    counted = CounterShards(shards=(CounterShard(id=own, value=7, clock=5),))
    assert row.cells == {"n": CounterCell(created_at=5, state=counted)}
