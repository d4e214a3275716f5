"""New views: each node computes the rows that its part of the base table has in them.

The progress of every node stands in ``system_distributed.view_build_status``, which all nodes can read, and in
``system.built_views``, which is the node's own.

Source:
    Scylla (branch 4.2), db/view/view.cc (view_builder), db/system_distributed_keyspace.cc (start_view_build,
    finish_view_build, remove_view); captures scylla-4.2/base/materialized_view, base/index_create.
"""

from uuid import UUID

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.view_updates import view_updates
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.writes.replica_writer import ReplicaWriter
from harness.backends.simulation.writes.write_coordinator import WriteCoordinator
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange, Tombstone
from harness.codec.verbs.mutation import LiveCell, LiveMarker
from harness.errors import HarnessError
from harness.partitioner import token_of

STATUS_TIMEOUT_MS = 10_000
_EVERYTHING = PartitionRange(start=None, end=None, singular=False)


class ViewBuilder:
    """Builds views.

    Args:
        context: of this node.
        replica_writer: sends rows to the paired view replicas.
        coordinator: writes the progress.
    """

    def __init__(
        self, context: NodeContext, replica_writer: ReplicaWriter, coordinator: WriteCoordinator
    ) -> None:
        self._context = context
        self._replica_writer = replica_writer
        self._coordinator = coordinator
        self._begun: dict[UUID, TableLayout] = {}

    def start(self) -> None:
        """Go on with views that were not finished when the node stopped."""
        self.look()

    def look(self) -> None:
        """Begin with views that are new, forget dropped ones; to be called when the schema has changed."""
        catalog = self._context.catalog
        for table_id, view in list(self._begun.items()):
            if catalog.last_table_of(table_id) is None:
                del self._begun[table_id]
                self._context.world.start(self._forget(view), f"end of view {view.table.full_name}")
        for table in catalog.schema.tables:
            if table.base is None or table.id is None or table.id in self._begun:
                continue
            self._begun[table.id] = view = catalog.layout(table)
            if not self._is_built(view):
                self._context.world.start(self._build(view), f"building of view {table.full_name}")

    async def _build(self, view: TableLayout) -> None:
        try:
            await self._tell(view, "STARTED")
            await self._write_rows(view)
            self._set_built(view)
            await self._tell(view, "SUCCESS")
        except HarnessError as error:
            if view.table.id is not None:
                self._begun.pop(view.table.id, None)
            self._context.world.log(f"view {view.table.full_name} is not built: {error}")

    async def _write_rows(self, view: TableLayout) -> None:
        catalog = self._context.catalog
        base = catalog.table(view.table.keyspace, view.table.base or "")
        if base is None:
            return
        for stored in self._context.storage.mutations(base, _EVERYTHING, self._context.now_s):
            key = stored.key.components
            rows = partition_of(base, stored.partition)
            updates = view_updates(base, [view], key, rows, None, self._context.now_s)
            writes = self._replica_writer.views.write(base, token_of(key), updates)
            await self._replica_writer.views.written(writes)

    async def _tell(self, view: TableLayout, status: str) -> None:
        """Write this node's progress where all can read it; INSERT at first, UPDATE then."""
        layout, host_id = self._status_table(), self._context.members.own.host_id
        if layout is None or host_id is None:
            return
        now_us = self._context.world.now_us
        partition = Partition(layout.order)
        row = partition.rows.make((host_id.bytes,))
        if status == "STARTED":
            row.apply_marker(LiveMarker(created_at=now_us))
        row.apply_cell(layout, "status", LiveCell(timestamp=now_us, value=status.encode()))
        await self._write_status(layout, view, partition)

    async def _forget(self, view: TableLayout) -> None:
        """Delete what is told of a view that was dropped; every node does."""
        self._set_built(view, is_built=False)
        layout = self._status_table()
        if layout is None:
            return
        partition = Partition(layout.order)
        partition.delete(self._tombstone())
        try:
            await self._write_status(layout, view, partition)
        except RequestError as error:
            self._context.world.log(f"the progress of view {view.table.full_name} stays: {error}")

    async def _write_status(self, layout: TableLayout, view: TableLayout, partition: Partition) -> None:
        key = (view.table.keyspace.encode(), view.table.name.encode())
        await self._coordinator.write(
            [mutation_of(layout, key, partition)], ConsistencyLevel.ONE, timeout_ms=STATUS_TIMEOUT_MS
        )

    def _status_table(self) -> TableLayout | None:
        layout = self._context.catalog.table("system_distributed", "view_build_status")
        return None if layout is None or layout.table.version is None else layout

    def _built_views(self) -> TableLayout | None:
        layout = self._context.catalog.table("system", "built_views")
        return None if layout is None or layout.table.version is None else layout

    def _is_built(self, view: TableLayout) -> bool:
        layout = self._built_views()
        if layout is None or layout.table.id is None:
            return False
        partition = self._context.storage.partition(layout.table.id, (view.table.keyspace.encode(),))
        row = None if partition is None else partition.rows.get((view.table.name.encode(),))
        if row is None or not isinstance(row.marker, LiveMarker):
            return False
        return row.marker.created_at > row.tombstone.regular.timestamp

    def _set_built(self, view: TableLayout, *, is_built: bool = True) -> None:
        layout = self._built_views()
        if layout is None:
            return
        partition = Partition(layout.order)
        row = partition.rows.make((view.table.name.encode(),))
        if is_built:
            row.apply_marker(LiveMarker(created_at=self._context.world.now_us))
        else:
            row.apply_tombstone(self._tombstone())
        self._context.storage.apply(mutation_of(layout, (view.table.keyspace.encode(),), partition))

    def _tombstone(self) -> Tombstone:
        return Tombstone(timestamp=self._context.world.now_us, deletion_time=self._context.now_s)
