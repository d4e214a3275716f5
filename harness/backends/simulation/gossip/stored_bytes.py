"""How much a node stores.

Source:
    Scylla (branch 4.2), service/load_broadcaster.hh (the sum of the sizes of all files).
"""

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.codec.verbs.registry import encode_payload

_PARTITIONS_AT_A_TIME = 20


async def stored_bytes(context: NodeContext) -> int:
    """Give the size of all partitions of all tables, as mutations; others have their turn in between."""
    total = 0
    for table in context.catalog.schema.tables:
        if table.id is None or table.version is None:
            continue
        layout = context.catalog.layout(table)
        mutations = context.storage.mutations(layout, WHOLE_RING, context.now_s)
        for number, mutation in enumerate(mutations, 1):
            total += len(encode_payload(mutation))
            if number % _PARTITIONS_AT_A_TIME == 0:
                await context.world.sleep(0)
    return total
