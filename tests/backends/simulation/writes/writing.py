"""What tests of writes share: mutations in short, and nodes with their roles in writes."""

from collections.abc import Sequence

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.writes.writes import Writes
from harness.codec.verbs.mutation import LiveCell, Mutation
from tests.backends.simulation.loopback_nodes import LoopbackNode, NoSchema
from tests.backends.simulation.tables import i32, inserted, live, partition_with

MAP = "CREATE TABLE map (id int PRIMARY KEY, country text)"


def row_of(catalog: Catalog, table: str, key: int, timestamp: int = 1, **values: bytes) -> Mutation:
    """A row with a marker in a table whose key is one int."""
    layout = catalog.table("ks", table)
    assert layout is not None
    cells = {name: live(value, timestamp) for name, value in values.items()}
    return mutation_of(layout, (i32(key),), partition_with(layout, (), cells, marker=inserted(timestamp)))


def roles_of(nodes: Sequence[LoopbackNode]) -> list[Writes]:
    return [Writes(node.context, NoSchema()) for node in nodes]


def stored(node: LoopbackNode, mutation: Mutation) -> Partition | None:
    """What a node holds of the partition that a mutation writes."""
    return node.context.storage.partition(mutation.table_id, mutation.key.components)


def value(partition: Partition | None, name: str) -> bytes | None:
    """The value of a live cell in the only row."""
    if partition is None:
        return None
    ((_, row),) = partition.rows.items()
    cell = row.cells[name]
    assert isinstance(cell, LiveCell)
    return cell.value
