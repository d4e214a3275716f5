"""The role ``cassandra``, which the first node of a cluster makes, and each node looks for when it has started.

Roles are not asked for a password; but nodes keep them all the same, and what they read and write for that is seen
some seconds after they began to serve clients.

Source:
    Scylla (branch 4.2), auth/standard_role_manager.cc (create_default_role_if_missing), auth/roles-metadata.cc,
    auth/common.cc (do_after_system_ready, internal_distributed_timeout_config); measured on base/whole_base.pcapng.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.preparation import prepare
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.node_context import NodeContext
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.mutation import Mutation

NAME = "cassandra"
LOOK_TIMEOUT_MS = 3_600_000
"""How long the first look at the role may take."""
TIMEOUT_MS = 5000
"""The same for all else."""
AGREEMENT_S = 30.0

_AGAIN_S_MIN, _AGAIN_S_MAX = 1.0, 60.0
_KEYSPACE = "system_auth"
_ALL = "SELECT * FROM roles"
_ONE = "SELECT * FROM roles WHERE role = ?"
_INSERT = "INSERT INTO roles (role, is_superuser, can_login) VALUES (?, true, true)"


class Reads(Protocol):
    """Carries out reads."""

    async def run_reads(
        self,
        plan: ReadPlan,
        moment: Moment,
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
    ) -> Rows:
        """Do all reads of a SELECT.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE.
        """


class Writes(Protocol):
    """Carries out writes."""

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
    ) -> None:
        """Return when enough replicas have acknowledged it.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE.
        """


class DefaultRole:
    """Looks for the role, and makes it.

    Args:
        context: of the node.
        reads: carries out reads.
        writes: carries out writes.
        agreement: waits, for some seconds at most, until nodes have the same schema; gives whether they do.
    """

    def __init__(
        self,
        context: NodeContext,
        reads: Reads,
        writes: Writes,
        agreement: Callable[[float], Awaitable[bool]],
    ) -> None:
        self._context = context
        self._reads = reads
        self._writes = writes
        self._agreement = agreement

    def start(self) -> None:
        """Begin to wait; to be called when the node serves clients."""
        self._context.world.start(self._look_later(), "default role")

    async def _look_later(self) -> None:
        world = self._context.world
        await world.sleep(self._context.config.default_role_delay_ms / 1000)
        await self._agreement(AGREEMENT_S)
        again_s = _AGAIN_S_MIN
        while True:
            try:
                await self._look()
            except RequestError as error:
                world.log(f"the role {NAME} cannot be looked for: {error.text}")
            else:
                return
            await world.sleep(again_s)
            again_s = min(again_s * 2, _AGAIN_S_MAX)

    async def _look(self) -> None:
        await self._select(_ALL, ConsistencyLevel.QUORUM, TIMEOUT_MS)
        if await self._select(_ONE, ConsistencyLevel.ONE, LOOK_TIMEOUT_MS):
            return
        if await self._select(_ONE, ConsistencyLevel.QUORUM, TIMEOUT_MS):
            return
        plan = prepare(self._context.catalog, _INSERT, _KEYSPACE).bind((NAME.encode(),), self._context.moment)
        assert isinstance(plan, WritePlan)
        await self._writes.write(
            [planned.mutation for planned in plan.mutations(self._context.world.now_us)],
            ConsistencyLevel.QUORUM,
            timeout_ms=TIMEOUT_MS,
            tenant=Tenant.SYSTEM,
        )
        self._context.world.log(f"made the role {NAME}")

    async def _select(self, text: str, consistency: ConsistencyLevel, timeout_ms: int) -> bool:
        """Whether there are such rows."""
        moment = self._context.moment
        values = () if text is _ALL else (NAME.encode(),)
        plan = prepare(self._context.catalog, text, _KEYSPACE).bind(values, moment)
        assert isinstance(plan, ReadPlan)
        rows = await self._reads.run_reads(
            plan, moment, consistency, timeout_ms=timeout_ms, tenant=Tenant.SYSTEM
        )
        return bool(rows.values())
