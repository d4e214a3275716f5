"""Writes at a replica: applied to storage, with what they change in views, and acknowledged to the coordinator.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (receive_mutation_handler), table.cc (push_view_replica_updates).
"""

from collections.abc import Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.messaging import Later
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.storage.mutation_form import partition_of
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.backends.simulation.storage.view_updates import view_updates
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.writes.deliveries import SHARD
from harness.backends.simulation.writes.pending_writes import PendingWrites
from harness.backends.simulation.writes.update_backlog import ViewBacklog
from harness.backends.simulation.writes.view_writer import ViewWriter
from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.writes import HintMutationRequest, MutationDone, MutationFailed, MutationRequest
from harness.errors import HarnessError
from harness.partitioner import token_of


class SchemaLearner(Protocol):
    """Learns what tables look like at versions that this node does not know."""

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        """Learn one from a node that knows it.

        Raises:
            HarnessError: it cannot be learned.
        """


class ReplicaWriter:
    """Applies writes.

    Args:
        context: of this node.
        schema: learns tables that are not known yet.
        pending: keeps updates of views until they are acknowledged.
        backlog: what acknowledgements tell.
    """

    def __init__(
        self, context: NodeContext, schema: SchemaLearner, pending: PendingWrites, backlog: ViewBacklog
    ) -> None:
        self.views = ViewWriter(context, pending, backlog, context.storage.apply)
        self.backlog = backlog
        self._context = context
        self._schema = schema
        self._catalog: Catalog | None = None
        self._views_of: dict[tuple[str, str], tuple[TableLayout, ...]] = {}
        context.messaging.handle_promptly(Verb.MUTATION, self._take)
        context.messaging.handle_promptly(Verb.HINT_MUTATION, self._take)

    async def apply(self, mutation: Mutation, origin: str | None = None, *, with_views: bool = True) -> None:
        """Apply a write to this node's storage.

        Args:
            mutation: the write.
            origin: address of the node that knows its table, if this one does not.
            with_views: whether it may change views.

        Raises:
            UnknownTableError: the table is not known, and cannot be learned.
            DecodeError: the mutation does not fit the table.
        """
        try:
            self.apply_known(mutation, with_views=with_views)
        except UnknownTableError as error:
            if origin is None or origin == self._context.address:
                raise
            await self._schema.learn(origin, error.table_id, error.version)
            self.apply_known(mutation, with_views=with_views)

    def apply_known(self, mutation: Mutation, *, with_views: bool = True) -> None:
        """Apply a write to a table that this node knows.

        Raises:
            UnknownTableError: it does not.
            DecodeError: the mutation does not fit the table.
        """
        storage = self._context.storage
        if with_views:
            layout = storage.layout_of(mutation.table_id, mutation.schema_version)
            views = self.views_of(layout)
            if views:
                self._update(layout, views, mutation)
        storage.apply(mutation)

    def views_of(self, layout: TableLayout) -> tuple[TableLayout, ...]:
        """The views of a table."""
        catalog = self._context.catalog
        if catalog is not self._catalog:
            self._catalog = catalog
            self._views_of.clear()
        key = layout.table.keyspace, layout.table.name
        views = self._views_of.get(key)
        if views is None:
            views = self._views_of[key] = catalog.views_of(layout.table)
        return views

    def send_done(self, address: str, response_id: int, tenant: Tenant) -> None:
        """Acknowledge a write to its coordinator."""
        done = MutationDone(shard=SHARD, response_id=response_id, backlog=self.backlog.tell())
        self._context.messaging.send(address, Verb.MUTATION_DONE, done, tenant=tenant)

    def send_failed(self, address: str, response_id: int, failed_count: int, tenant: Tenant) -> None:
        """Tell a coordinator that a write failed here, or at replicas to which it should have been sent on."""
        failed = MutationFailed(
            shard=SHARD, response_id=response_id, failed_count=failed_count, backlog=self.backlog.tell()
        )
        self._context.messaging.send(address, Verb.MUTATION_FAILED, failed, tenant=tenant)

    def _update(self, layout: TableLayout, views: tuple[TableLayout, ...], mutation: Mutation) -> None:
        if self._context.has_fault("skip_view_update"):
            return
        key = mutation.key.components
        written = partition_of(layout, mutation.partition)
        stored = self._context.storage.partition(mutation.table_id, key)
        updates = view_updates(layout, views, key, written, stored, self._context.now_s)
        if self._context.has_fault("double_view_update"):
            updates = (*updates, *updates)
        delay_ms = self._context.config.view_update_delay_ms
        if delay_ms:
            late = self._send_late(delay_ms, layout, key, updates)
            self._context.world.start(late, "late updates of views")
            return
        begun = self.views.write(layout, token_of(key), updates)
        if begun:
            self._context.world.start(self.views.written(begun), "updates of views")

    async def _send_late(
        self, delay_ms: int, layout: TableLayout, key: tuple[bytes, ...], updates: Sequence[Mutation]
    ) -> None:
        await self._context.world.sleep(delay_ms / 1000)
        await self.views.written(self.views.write(layout, token_of(key), updates))

    def _take(
        self, sender: Sender, request: MutationRequest | HintMutationRequest, timeout_ms: int
    ) -> Later | None:
        traces = self._context.traces
        trace = traces.join(request.trace)
        if trace is not None:
            traces.note(trace, f"Message received from /{sender.address}")
        if request.forward and not self._context.has_fault("drop_forward"):
            self._send_on(sender, request, timeout_ms, trace)
        try:
            self.apply_known(request.mutation)
        except UnknownTableError:
            return Later(partial(self._take_later, sender, request, trace))
        except HarnessError as error:
            self._acknowledge(sender, request, trace, error)
        else:
            self._acknowledge(sender, request, trace)
        return None

    async def _take_later(
        self, sender: Sender, request: MutationRequest | HintMutationRequest, trace: TraceInfo | None
    ) -> None:
        """Take a write to a table that is not known yet."""
        try:
            await self.apply(request.mutation, request.reply_to)
        except HarnessError as error:
            self._acknowledge(sender, request, trace, error)
        else:
            self._acknowledge(sender, request, trace)

    def _acknowledge(
        self,
        sender: Sender,
        request: MutationRequest | HintMutationRequest,
        trace: TraceInfo | None,
        error: HarnessError | None = None,
    ) -> None:
        if error is None:
            told = "Sending mutation_done"
            self.send_done(request.reply_to, request.response_id, sender.tenant)
        else:
            told = "Sending mutation_failure with 1 failures"
            self._context.world.log(f"a write of {request.reply_to} cannot be applied: {error}")
            self.send_failed(request.reply_to, request.response_id, 1, sender.tenant)
        if trace is not None:
            traces = self._context.traces
            traces.note(trace, f"{told} to /{request.reply_to}")
            traces.note(trace, "Mutation handling is done")
            traces.leave(trace)

    def _send_on(
        self,
        sender: Sender,
        request: MutationRequest | HintMutationRequest,
        timeout_ms: int,
        trace: TraceInfo | None,
    ) -> None:
        sent_on = MutationRequest(
            mutation=request.mutation,
            forward=(),
            reply_to=request.reply_to,
            shard=request.shard,
            response_id=request.response_id,
            trace=trace,
        )
        for address in request.forward:
            if trace is not None:
                self._context.traces.note(trace, f"Forwarding a mutation to /{address}")
            self._context.messaging.send(
                address, Verb.MUTATION, sent_on, timeout_ms=timeout_ms, tenant=sender.tenant
            )
