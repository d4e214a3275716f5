"""Counter updates at their leader: what is added becomes a count of the leader's own.

Source:
    Scylla, counters.cc (transform_counter_updates_to_shards).
"""

from collections.abc import Mapping
from uuid import UUID

from harness.backends.simulation.storage.cells import Cell
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.purging import Clock
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import CounterCell, CounterDelta, CounterShard, CounterShards


def as_shards(
    layout: TableLayout, written: Partition, stored: Partition | None, leader_id: UUID, clock: Clock
) -> Partition:
    """Turn the updates of a write into the counts that its leader sends to all replicas.

    Args:
        layout: of the table.
        written: what the client's statement adds.
        stored: what the leader holds; None: nothing.
        leader_id: id of the leader's counts: its host id.
        clock: when.
    """
    before = Partition(layout.order) if stored is None else stored.compacted(layout, clock)
    counted = written.copy(layout)
    counted.static = _counted(counted.static, before.static, leader_id)
    for key, row in counted.rows.items():
        known = before.rows.get(key)
        row.cells = _counted(row.cells, {} if known is None else known.cells, leader_id)
    return counted


def _counted(updates: Mapping[str, Cell], known: Mapping[str, Cell], leader_id: UUID) -> dict[str, Cell]:
    return {name: _counted_cell(cell, known.get(name), leader_id) for name, cell in updates.items()}


def _counted_cell(cell: Cell, known: Cell | None, leader_id: UUID) -> Cell:
    if not isinstance(cell, CounterCell) or not isinstance(cell.state, CounterDelta):
        return cell
    value, clock = cell.state.delta, 1
    if isinstance(known, CounterCell) and isinstance(known.state, CounterShards):
        for shard in known.state.shards:
            if shard.id == leader_id:
                value, clock = shard.value + value, shard.clock + 1
    value = (value + 2**63) % 2**64 - 2**63  # as 64 bits add up
    shard = CounterShard(id=leader_id, value=value, clock=clock)
    return CounterCell(created_at=cell.created_at, state=CounterShards(shards=(shard,)))
