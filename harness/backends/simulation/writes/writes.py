"""All that a node has for writes, put together."""

from harness.backends.simulation.journal import RecordKind
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.writes.batchlog import Batchlog
from harness.backends.simulation.writes.counter_coordinator import CounterCoordinator
from harness.backends.simulation.writes.hint_replay import HintReplay
from harness.backends.simulation.writes.hint_store import HintStore
from harness.backends.simulation.writes.pending_writes import PendingWrites
from harness.backends.simulation.writes.replica_writer import ReplicaWriter, SchemaLearner
from harness.backends.simulation.writes.truncation import Truncation
from harness.backends.simulation.writes.update_backlog import ViewBacklog
from harness.backends.simulation.writes.view_builder import ViewBuilder
from harness.backends.simulation.writes.write_coordinator import WriteCoordinator


class Writes:
    """The roles of a node in writes.

    Args:
        context: of this node.
        schema: learns tables that are not known yet.
    """

    def __init__(self, context: NodeContext, schema: SchemaLearner) -> None:
        self.hints = HintStore(context)
        self.backlog = ViewBacklog(context)
        self.pending = PendingWrites(context, self.hints)
        self.replica = ReplicaWriter(context, schema, self.pending, self.backlog)
        self.coordinator = WriteCoordinator(context, self.replica, self.pending)
        self.hint_replay = HintReplay(context, self.hints, self.coordinator)
        self.batchlog = Batchlog(context, self.coordinator)
        self.counters = CounterCoordinator(context, schema, self.replica, self.coordinator)
        self.truncation = Truncation(context)
        self.view_builder = ViewBuilder(context, self.replica, self.coordinator)

    def restore(self, kind: RecordKind, data: bytes) -> None:
        """Take a record of the journal of an earlier run, if it is one of writes.

        Raises:
            DecodeError: it cannot be read.
        """
        if kind is RecordKind.HINT:
            self.hints.restore(data)

    def start(self) -> None:
        """Begin with what is done in the background."""
        self.hint_replay.start()
        self.batchlog.start()
        self.view_builder.start()
