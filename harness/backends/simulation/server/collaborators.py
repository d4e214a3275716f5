"""What carrying out statements needs of the other roles of a node."""

from collections.abc import Callable, Sequence
from typing import Protocol

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import ReadAnswer, TableRead
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.write_plan import ConditionalPlan
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation


class SchemaChanges(Protocol):
    """Changes the schema of the cluster."""

    async def change(self, plan: SchemaPlan, *, replan: Callable[[], SchemaPlan]) -> None:
        """Do what a statement says.

        Args:
            plan: what that is.
            replan: makes the plan anew if another change comes first.

        Raises:
            RequestError: after that change it makes no sense.
        """


class Writes(Protocol):
    """Writes to replicas."""

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        write_type: WriteType,
        timeout_ms: int | None = None,
        trace: TraceInfo | None = None,
    ) -> None:
        """Return when enough of them have acknowledged it.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


class LoggedBatches(Protocol):
    """Writes batches that happen as a whole, sooner or later."""

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> None:
        """Return when the log and then enough replicas have acknowledged it.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


class CounterWrites(Protocol):
    """Changes counters."""

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> None:
        """Return when the leaders have reached enough replicas.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


class Truncations(Protocol):
    """Empties tables."""

    async def truncate(self, keyspace: str, table: str) -> None:
        """Return when all nodes have emptied it.

        Raises:
            RequestError: TRUNCATE_ERROR, UNAVAILABLE.
        """


class Reads(Protocol):
    """Reads from replicas."""

    async def read(
        self, read: TableRead, consistency: ConsistencyLevel, *, trace: TraceInfo | None = None
    ) -> ReadAnswer:
        """Do one read.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE.
        """

    async def run_reads(
        self,
        plan: ReadPlan,
        moment: Moment,
        consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Do all reads of a plan.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE.
        """


class Transactions(Protocol):
    """Runs rounds of Paxos."""

    async def execute(
        self,
        plan: ConditionalPlan,
        consistency: ConsistencyLevel,
        serial_consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Write if the conditions are met; tell whether they were.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT.
        """

    async def read(
        self,
        plan: ReadPlan,
        moment: Moment,
        serial_consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Read what has been decided.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, INVALID.
        """
