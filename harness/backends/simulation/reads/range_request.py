"""One read of one range of partitions, on its way to replicas."""

from dataclasses import dataclass

from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.reads.deadline import Deadline
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange
from harness.codec.verbs.read_command import ReadCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRequest:
    """What is read, how surely, and until when."""

    layout: TableLayout
    command: ReadCommand
    partitions: PartitionRange
    """One partition, or a part of the ring that the same replicas have."""
    consistency: ConsistencyLevel
    deadline: Deadline
    tenant: Tenant
