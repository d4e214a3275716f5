"""Counters: a replica that leads an update turns it into a count of its own, which all replicas then get.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (mutate_counters, find_leader_for_counter_update,
    mutate_counter_on_leader_and_replicate), database.cc (do_apply_counter_update); capture scylla-4.2/base/counter.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_error import RpcError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.storage.counters import as_shards
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.purging import clock_of
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.backends.simulation.writes.consistency import required, unavailable
from harness.backends.simulation.writes.replica_writer import ReplicaWriter, SchemaLearner
from harness.backends.simulation.writes.write_coordinator import WriteCoordinator
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.errors import ErrorCode, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.wire import Absent
from harness.codec.verbs.writes import CounterMutationReply, CounterMutationRequest
from harness.partitioner import token_of
from harness.replication import Replication
from harness.topology import Node


class CounterCoordinator:
    """Coordinates updates of counters, and leads them.

    Args:
        context: of this node.
        schema: learns tables that are not known yet.
        replica_writer: applies the counts of which this node is the leader.
        coordinator: brings them to the other replicas.
    """

    def __init__(
        self,
        context: NodeContext,
        schema: SchemaLearner,
        replica_writer: ReplicaWriter,
        coordinator: WriteCoordinator,
    ) -> None:
        self._context = context
        self._schema = schema
        self._replica_writer = replica_writer
        self._coordinator = coordinator
        context.messaging.handle_timed(Verb.COUNTER_MUTATION, self._lead_for)

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Add to counters; return when the consistency level is met.

        Args:
            mutations: what is added.
            consistency: how many replicas have to have the sum.
            timeout_ms: how long; None: as long as the node gives updates of counters.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT or WRITE_FAILURE.
        """
        if timeout_ms is None:
            timeout_ms = self._context.config.counter_write_request_timeout_in_ms
        by_leader: dict[str, list[Mutation]] = {}
        for mutation in mutations:
            leader = self._leader_of(mutation, consistency)
            by_leader.setdefault(leader.address, []).append(mutation)
        await asyncio.gather(
            *[
                self._write_at(address, led, consistency, timeout_ms=timeout_ms, tenant=tenant, trace=trace)
                for address, led in by_leader.items()
            ]
        )

    def _leader_of(self, mutation: Mutation, consistency: ConsistencyLevel) -> Node:
        """A replica of this datacenter by chance; where there is none alive, the nearest."""
        members, replication = self._context.members, self._replication(mutation)
        replicas = members.replicas(replication, token_of(mutation.key.components))
        alive = [node for node in replicas if members.is_alive(node.address)]
        if not alive:
            own = members.own.datacenter
            raise unavailable(consistency, required(consistency, replication, members.topology, own), 0)
        nearby = [node for node in alive if node.datacenter == members.own.datacenter]
        if not nearby:
            return members.by_proximity(alive)[0]
        return self._context.world.random.choice(nearby)

    async def _write_at(
        self,
        leader: str,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int,
        tenant: Tenant,
        trace: TraceInfo | None,
    ) -> None:
        if leader == self._context.address:
            await self._lead(mutations, consistency, timeout_ms=timeout_ms, tenant=tenant, trace=trace)
            return
        request = CounterMutationRequest(
            mutations=tuple(mutations), consistency_level=consistency, trace=trace
        )
        try:
            await self._context.messaging.call(
                leader, Verb.COUNTER_MUTATION, request, timeout_ms=timeout_ms, tenant=tenant
            )
        except RpcError as error:
            # Whatever the leader says: only it knows how far it has come.
            raise self._timeout(mutations[0], consistency) from error

    async def _lead_for(
        self, sender: Sender, request: CounterMutationRequest, timeout_ms: int
    ) -> CounterMutationReply:
        for mutation in request.mutations:
            try:
                self._context.storage.layout_of(mutation.table_id, mutation.schema_version)
            except UnknownTableError as error:
                await self._schema.learn(sender.address, error.table_id, error.version)
        await self._lead(
            request.mutations,
            ConsistencyLevel(request.consistency_level),
            timeout_ms=timeout_ms or self._context.config.counter_write_request_timeout_in_ms,
            tenant=sender.tenant,
            trace=None if isinstance(request.trace, Absent) else request.trace,
        )
        return CounterMutationReply()

    async def _lead(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int,
        tenant: Tenant,
        trace: TraceInfo | None,
    ) -> None:
        # Nothing is awaited between the read of a counter and the write of its sum, so that it needs no lock.
        counted = [self._count(mutation) for mutation in mutations]
        await self._coordinator.write(
            counted,
            consistency,
            write_type=WriteType.COUNTER,
            timeout_ms=timeout_ms,
            tenant=tenant,
            trace=trace,
        )

    def _count(self, mutation: Mutation) -> Mutation:
        storage, key = self._context.storage, mutation.key.components
        layout = storage.layout_of(mutation.table_id, mutation.schema_version)
        counts = as_shards(
            layout,
            partition_of(layout, mutation.partition),
            storage.partition(mutation.table_id, key),
            self._own_id(),
            clock_of(self._context.now_s, layout.gc_grace_s),
        )
        counted = mutation_of(layout, key, counts)
        self._replica_writer.apply_known(counted)
        return counted

    def _own_id(self) -> UUID:
        host_id = self._context.members.own.host_id
        if host_id is None:
            raise invalid("the node has no host id yet")
        return host_id

    def _replication(self, mutation: Mutation) -> Replication:
        layout = self._context.catalog.last_table_of(mutation.table_id)
        keyspace = None if layout is None else self._context.catalog.keyspace(layout.table.keyspace)
        if keyspace is None:
            raise invalid(f"unconfigured table {mutation.table_id}")
        return keyspace.replication

    def _timeout(self, mutation: Mutation, consistency: ConsistencyLevel) -> RequestError:
        members = self._context.members
        needed = required(consistency, self._replication(mutation), members.topology, members.own.datacenter)
        layout = self._context.catalog.last_table_of(mutation.table_id)
        name = "" if layout is None else layout.table.full_name
        return RequestError(
            ErrorCode.WRITE_TIMEOUT,
            f"Operation timed out for {name} - received only 0 responses from {needed} "
            f"CL={consistency.name}.",
            WriteTimeout(
                consistency=consistency,
                received=0,
                required=needed,
                write_type=WriteType.COUNTER.value,
            ),
        )
