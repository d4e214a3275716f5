"""BATCH, prepared.

Source:
    Scylla (branch 4.2), cql3/statements/batch_statement.cc (what is refused).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.backends.simulation.cql.evaluation import Evaluation, Slot
from harness.backends.simulation.cql.modification_statement import PreparedModification, timestamp_of
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.statements import BatchKind, Using
from harness.backends.simulation.cql.write_plan import ConditionalPlan, WriteKind, WritePlan
from harness.codec.cql.types import ScalarType


@dataclass(slots=True)
class PreparedBatch:
    """Statements that are run together.

    Raises:
        RequestError: INVALID: they cannot be.
    """

    kind: BatchKind
    statements: Sequence[PreparedModification]
    using: Using = field(default_factory=Using)

    def __post_init__(self) -> None:
        counters = [statement.layout.is_counter for statement in self.statements]
        if self.kind is BatchKind.COUNTER and not all(counters):
            raise invalid("Cannot include non-counter statement in a counter batch")
        if self.kind is BatchKind.LOGGED and any(counters):
            raise invalid("Cannot include a counter statement in a logged batch")
        if any(counters) and not all(counters):
            raise invalid("Counter and non-counter mutations cannot exist in the same batch")
        timestamps = [statement.has_timestamp for statement in self.statements]
        if self.using.ttl is not None:
            raise invalid("Global TTL on the BATCH statement is not supported.")
        if self.using.timestamp is not None:
            if any(counters):
                raise invalid("Cannot provide custom timestamp for counter BATCH")
            if any(timestamps):
                raise invalid("Timestamp must be set either on BATCH or individual statements")
            if self.is_conditional:
                raise invalid("Cannot provide custom timestamp for conditional BATCH")
        if self.is_conditional:
            if any(timestamps):
                raise invalid("Cannot provide custom timestamp for conditional updates")
            if len({statement.layout.table.full_name for statement in self.statements}) > 1:
                raise invalid("Batch with conditions cannot span multiple tables")

    @property
    def is_conditional(self) -> bool:
        """Whether any statement has an IF."""
        return any(statement.condition is not None for statement in self.statements)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Everywhere that a value of its own stands; its statements have more."""
        term = self.using.timestamp
        return () if term is None else (Slot(term, ScalarType.BIGINT, "[timestamp]"),)

    def bind(
        self, evaluations: Sequence[Evaluation], own: Evaluation | None = None
    ) -> WritePlan | ConditionalPlan:
        """Plan one run.

        Args:
            evaluations: of each statement, what its values are.
            own: of the batch itself; None: it has no values.

        Raises:
            RequestError: INVALID: a value is none of its type, or the batch spans partitions and has conditions.
        """
        timestamp = None
        for slot in self.slots:
            assert own is not None
            timestamp = timestamp_of(slot, own)
        writes = tuple(
            statement.bind(evaluation, timestamp)
            for statement, evaluation in zip(self.statements, evaluations, strict=True)
        )
        if self.is_conditional:
            keys = {key for write in writes for key in write.keys}
            if len(keys) > 1:
                raise invalid("Batch with conditions cannot span multiple partitions")
            (key,) = keys
            return ConditionalPlan(layout=writes[0].layout, key=key, writes=writes, is_batch=True)
        if any(statement.layout.is_counter for statement in self.statements):
            kind = WriteKind.COUNTER
        elif self.kind is BatchKind.LOGGED:
            kind = WriteKind.BATCH
        else:
            kind = WriteKind.UNLOGGED_BATCH
        return WritePlan(kind=kind, writes=writes)
