"""Logged batches: kept by two other nodes until all replicas have them, so that a batch is written whole or not at all.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (mutate_atomically), db/batchlog_manager.cc (endpoint_filter,
    get_batch_log_mutation_for, replay_all_failed_batches); capture scylla-4.2/base/batch.
"""

from collections.abc import Sequence
from random import Random

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.schema.builtin_schema import local_catalog
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.writes.batch_data import batch_data_of, mutations_of
from harness.backends.simulation.writes.consistency import unavailable
from harness.backends.simulation.writes.write_coordinator import WriteCoordinator
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange, Tombstone, TraceInfo
from harness.codec.verbs.mutation import LiveCell, Mutation
from harness.errors import HarnessError
from harness.topology import Node

_VERSION = (0).to_bytes(4, "big")
_EVERYTHING = PartitionRange(start=None, end=None, singular=False)
_KEEPERS = 2


class Batchlog:
    """Writes logged batches, and finishes those whose coordinator did not.

    Args:
        context: of this node.
        coordinator: writes the log and the batch.
    """

    def __init__(self, context: NodeContext, coordinator: WriteCoordinator) -> None:
        layout = local_catalog().table("system", "batchlog")
        assert layout is not None
        self._layout = layout
        self._context = context
        self._coordinator = coordinator

    def start(self) -> None:
        """Look for batches that were left over again and again."""
        self._context.world.start(self._run(), "batchlog")

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Write a batch behind its log.

        Args:
            mutations: of more than one partition.
            consistency: how many replicas have to acknowledge each.
            timeout_ms: how long each step may take; None: as long as the node gives writes.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE: too few replicas, or nobody to keep the log; WRITE_TIMEOUT, WRITE_FAILURE: of
                the log (its type is BATCH_LOG then) or of the batch, which the keepers of the log finish later.
        """
        writes = self._coordinator.prepare(
            mutations, consistency, write_type=WriteType.BATCH, tenant=tenant, trace=trace
        )
        keepers = self._keepers(consistency)
        key = (self._context.make_time_uuid().bytes,)
        await self._coordinator.write_to(
            self._entry(key, mutations),
            keepers,
            ConsistencyLevel.ONE,
            needed=1,
            write_type=WriteType.BATCH_LOG,
            timeout_ms=timeout_ms,
        )
        await self._coordinator.finish(writes, timeout_ms)
        self._context.world.start(self._forget(key, keepers), "end of a batch")

    async def replay(self) -> None:
        """Write the batches that this node keeps for longer than any coordinator needs."""
        newest_ms = self._context.world.now_us // 1000 - 2 * self._context.config.write_request_timeout_in_ms
        kept = list(self._context.storage.mutations(self._layout, _EVERYTHING, self._context.now_s))
        for entry in kept:
            cells = {
                self._layout.regular_names[column.id]: column.cell.value
                for row in entry.partition.rows
                for column in row.cells.columns
                if isinstance(column.cell, LiveCell)
            }
            if "written_at" not in cells or int.from_bytes(cells["written_at"], "big") > newest_ms:
                continue
            await self._finish(entry.key.components, cells.get("data", b""))

    async def _run(self) -> None:
        while True:
            await self._context.world.sleep(self._context.config.batchlog_replay_interval_ms / 1000)
            await self.replay()

    async def _finish(self, key: PartitionKey, data: bytes) -> None:
        try:
            mutations = mutations_of(self._context.catalog, data)
            write_type = WriteType.SIMPLE if len(mutations) == 1 else WriteType.UNLOGGED_BATCH
            await self._coordinator.write(mutations, ConsistencyLevel.ALL, write_type=write_type)
        except HarnessError as error:
            self._context.world.log(f"a batch stays in the batchlog: {error}")
            return
        self._context.storage.apply(self._deletion(key))

    async def _forget(self, key: PartitionKey, keepers: Sequence[Node]) -> None:
        try:
            await self._coordinator.write_to(
                self._deletion(key),
                keepers,
                ConsistencyLevel.ANY,
                needed=1,
                write_type=WriteType.BATCH_LOG,
            )
        except RequestError as error:
            self._context.world.log(f"the log of a batch stays: {error}")

    def _keepers(self, consistency: ConsistencyLevel) -> list[Node]:
        members = self._context.members
        nearby = [node for node in members.topology.nodes if node.datacenter == members.own.datacenter]
        if len(nearby) <= 1:
            return nearby or [members.own]
        alive = [node for node in nearby if not members.is_own(node) and members.is_alive(node.address)]
        if not alive:
            if consistency is ConsistencyLevel.ANY:
                return [members.own]
            raise unavailable(ConsistencyLevel.ONE, 1, 0)
        return keepers_of(alive, members.own.rack, self._context.world.random)

    def _entry(self, key: PartitionKey, mutations: Sequence[Mutation]) -> Mutation:
        now_us = self._context.world.now_us
        partition = Partition(self._layout.order)
        row = partition.rows.make(())
        values = {
            "data": batch_data_of(self._context.catalog, mutations),
            "version": _VERSION,
            "written_at": (now_us // 1000).to_bytes(8, "big"),
        }
        for name, value in values.items():
            row.apply_cell(self._layout, name, LiveCell(timestamp=now_us, value=value))
        return mutation_of(self._layout, key, partition)

    def _deletion(self, key: PartitionKey) -> Mutation:
        partition = Partition(self._layout.order)
        partition.delete(Tombstone(timestamp=self._context.world.now_us, deletion_time=self._context.now_s))
        return mutation_of(self._layout, key, partition)


def keepers_of(alive: Sequence[Node], own_rack: str, random: Random) -> list[Node]:
    """Two nodes that keep the log of a batch, of other racks and of two different ones if there are such.

    Args:
        alive: the other live nodes of the datacenter.
        own_rack: of the coordinator.
        random: chooses.
    """
    if len(alive) <= _KEEPERS:
        return list(alive)
    elsewhere = [node for node in alive if node.rack != own_rack]
    candidates = elsewhere if len(elsewhere) >= _KEEPERS else list(alive)
    by_rack: dict[str, list[Node]] = {}
    for node in candidates:
        by_rack.setdefault(node.rack, []).append(node)
    if len(by_rack) == 1:
        return random.sample(candidates, _KEEPERS)
    racks = random.sample(sorted(by_rack), _KEEPERS)
    return [random.choice(by_rack[rack]) for rack in racks]
