"""Truncation: every node that owns tokens empties the table, or the statement fails.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (truncate_blocking, send_truncate), database.cc (truncate).
"""

import asyncio

from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_error import RpcError, RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.writes.consistency import unavailable
from harness.codec.cql.errors import ErrorCode
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.writes import TruncateRequest
from harness.topology import Node


class Truncation:
    """Empties tables.

    Args:
        context: of this node.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        context.messaging.handle(Verb.TRUNCATE, self._truncate_for)

    async def truncate(self, keyspace: str, table: str, *, tenant: Tenant = Tenant.USER) -> None:
        """Empty a table with its views on all nodes.

        Raises:
            RequestError: UNAVAILABLE: a node is down, and nothing was emptied; TRUNCATE_ERROR: a node has not done it
                in time, or at all.
        """
        members = self._context.members
        owners = [node for node in members.topology.nodes if node.tokens]
        alive = [node for node in owners if members.is_alive(node.address)]
        if len(alive) < len(owners):
            raise unavailable(ConsistencyLevel.ALL, len(owners), len(alive))
        outcomes = await asyncio.gather(
            *[self._truncate_at(node, keyspace, table, tenant) for node in alive if not members.is_own(node)],
            self._truncate(keyspace, table),
            return_exceptions=True,
        )
        for outcome in outcomes:
            if isinstance(outcome, RpcTimeoutError):
                raise RequestError(
                    ErrorCode.TRUNCATE_ERROR,
                    f"Truncate timeout {keyspace}.{table}: not all nodes have answered",
                ) from outcome
            if isinstance(outcome, RpcError):
                raise RequestError(
                    ErrorCode.TRUNCATE_ERROR, f"Error during truncate of {keyspace}.{table}: {outcome}"
                ) from outcome
            if isinstance(outcome, BaseException):
                raise outcome

    async def _truncate_at(self, node: Node, keyspace: str, table: str, tenant: Tenant) -> None:
        await self._context.messaging.call(
            node.address,
            Verb.TRUNCATE,
            TruncateRequest(keyspace=keyspace, table=table),
            timeout_ms=self._context.config.truncate_request_timeout_in_ms,
            tenant=tenant,
        )

    async def _truncate_for(self, _: Sender, request: TruncateRequest) -> None:
        await self._truncate(request.keyspace, request.table)

    async def _truncate(self, keyspace: str, table: str) -> None:
        catalog = self._context.catalog
        layout = catalog.table(keyspace, table)
        if layout is None:
            raise invalid(f"unconfigured table {keyspace}.{table}")
        for emptied in (layout, *catalog.views_of(layout.table)):
            if emptied.table.id is not None:
                self._context.storage.truncate(emptied.table.id, self._context.world.now_us)
