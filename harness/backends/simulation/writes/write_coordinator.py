"""Writes of clients: sent to all replicas at every consistency level, answered when enough have acknowledged.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (mutate, create_write_response_handler, schedule_repair,
    paxos_response_handler::learn_decision).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.traces import names_of
from harness.backends.simulation.writes.consistency import LOCAL_REPLICATION, assure_enough_alive
from harness.backends.simulation.writes.deliveries import (
    DecisionDelivery,
    Delivery,
    DifferingDelivery,
    SharedDelivery,
)
from harness.backends.simulation.writes.pending_writes import PendingWrite, PendingWrites
from harness.backends.simulation.writes.replica_writer import ReplicaWriter
from harness.backends.simulation.writes.tally import Tally
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import Proposal
from harness.partitioner import token_of
from harness.replication import Replication
from harness.topology import Node


class WriteCoordinator:
    """Coordinates writes.

    Args:
        context: of this node.
        replica_writer: applies this node's own part.
        pending: keeps writes until they are acknowledged.
    """

    def __init__(self, context: NodeContext, replica_writer: ReplicaWriter, pending: PendingWrites) -> None:
        self._context = context
        self._replica_writer = replica_writer
        self._pending = pending

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        write_type: WriteType = WriteType.SIMPLE,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
        verb: Verb = Verb.MUTATION,
    ) -> None:
        """Write to all replicas; return when the consistency level is met.

        Args:
            mutations: what is written.
            consistency: how many replicas have to acknowledge each.
            write_type: what errors call it.
            timeout_ms: how long; None: as long as the node gives writes.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.
            verb: MUTATION or HINT_MUTATION.

        Raises:
            RequestError: UNAVAILABLE: too few replicas are alive, and nothing was sent; WRITE_TIMEOUT,
                WRITE_FAILURE: too few have acknowledged.
        """
        writes = self.prepare(
            mutations, consistency, write_type=write_type, tenant=tenant, trace=trace, verb=verb
        )
        await self.finish(writes, timeout_ms)

    def prepare(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        write_type: WriteType = WriteType.SIMPLE,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
        verb: Verb = Verb.MUTATION,
    ) -> list[PendingWrite]:
        """Look who has to get a write; nothing is sent before ``finish``.

        Raises:
            RequestError: UNAVAILABLE: too few replicas are alive.
        """
        apply = self._replica_writer.apply_known
        return [
            self._prepare(
                SharedDelivery(self._context, mutation, apply, tenant=tenant, trace=trace, verb=verb),
                consistency,
                write_type,
            )
            for mutation in mutations
        ]

    async def finish(self, writes: Sequence[PendingWrite], timeout_ms: int | None = None) -> None:
        """Send writes that are prepared; return when the consistency level of each is met.

        Raises:
            RequestError: WRITE_TIMEOUT, WRITE_FAILURE: it is not.
        """
        if timeout_ms is None:
            timeout_ms = self._context.config.write_request_timeout_in_ms
        for write in writes:
            self._pending.begin(write, timeout_ms)
        first_error: RequestError | None = None
        for write in writes:
            try:
                await self._pending.finished(write)
            except RequestError as error:
                first_error = first_error or error
        if first_error is not None:
            raise first_error

    async def write_to(
        self,
        mutation: Mutation,
        nodes: Sequence[Node],
        consistency: ConsistencyLevel,
        *,
        needed: int,
        write_type: WriteType,
        timeout_ms: int | None = None,
        verb: Verb = Verb.MUTATION,
    ) -> None:
        """Write to given nodes instead of the replicas, as to those that keep the log of a batch.

        Args:
            mutation: what is written.
            nodes: who gets it; they count as alive.
            consistency: what errors call the level.
            needed: how many have to acknowledge.
            write_type: what errors call the write.
            timeout_ms: how long; None: as long as the node gives writes.
            verb: MUTATION or HINT_MUTATION.

        Raises:
            RequestError: WRITE_TIMEOUT, WRITE_FAILURE: too few have acknowledged.
        """
        delivery = SharedDelivery(self._context, mutation, self._replica_writer.apply_known, verb=verb)
        write = self._pending.prepare(
            delivery,
            consistency=consistency,
            write_type=write_type,
            tally=Tally.of_count(needed, nodes),
            alive=nodes,
        )
        await self.finish([write], timeout_ms)

    async def repair(
        self,
        differences: Mapping[str, Mutation | None],
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Send replicas what a read has found them to lack; return when the consistency level is met.

        Args:
            differences: by address, of all that were read; None: it lacks nothing, and counts as acknowledged.
            consistency: of the read.
            timeout_ms: how long; None: as long as the node gives writes.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: WRITE_TIMEOUT, WRITE_FAILURE: too few have acknowledged.
        """
        if not any(differences.values()):
            return
        delivery = DifferingDelivery(
            self._context, differences, self._replica_writer.apply_known, tenant=tenant, trace=trace
        )
        members = self._context.members
        nodes = [
            members.own if address == self._context.address else _node(self._context, address)
            for address in differences
        ]
        await self.finish([self._prepare_for(nodes, delivery, consistency, WriteType.SIMPLE)], timeout_ms)

    async def learn(
        self,
        decision: Proposal,
        consistency: ConsistencyLevel,
        apply: Callable[[Proposal], Awaitable[None] | None],
        *,
        learned: Callable[[str], None] = lambda _: None,
        nodes: Sequence[Node] | None = None,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Have replicas learn a decision; return when the consistency level is met. Nobody keeps hints of it.

        Args:
            decision: ballot and mutation.
            consistency: how many have to have learned it.
            apply: learns it at this node.
            learned: hears the address of each that has learned it, this node's too.
            nodes: who shall learn it, whose number is enough; None: all replicas.
            timeout_ms: how long; None: as long as the node gives writes.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, WRITE_TIMEOUT, WRITE_FAILURE: too few have learned it.
        """
        delivery = DecisionDelivery(self._context, decision, apply, learned, tenant=tenant, trace=trace)
        if nodes is None:
            write = self._prepare(delivery, consistency, WriteType.CAS)
        else:
            if trace is not None:
                told = f"token: {token_of(decision.update.key.components)} endpoint: {names_of(nodes)}"
                self._context.traces.note(trace, f"Creating write handler for paxos repair {told}")
            write = self._prepare_for(nodes, delivery, consistency, WriteType.CAS)
        await self.finish([write], timeout_ms)

    def _prepare(
        self, delivery: Delivery, consistency: ConsistencyLevel, write_type: WriteType
    ) -> PendingWrite:
        members, own = self._context.members, self._context.members.own
        replication = self._replication(delivery.mutation)
        ring_token = token_of(delivery.mutation.key.components)
        replicas: tuple[Node, ...]
        pending: tuple[Node, ...]
        if replication is LOCAL_REPLICATION:
            replicas, pending = (own,), ()
        else:
            replicas = members.replicas(replication, ring_token)
            pending = members.pending(replication, ring_token)
        concerned = replicas + pending
        alive = [node for node in concerned if members.is_alive(node.address)]
        dead = (
            [node for node in concerned if not members.is_alive(node.address)]
            if len(alive) < len(concerned)
            else ()
        )
        if delivery.trace is not None:
            natural = f"token: {ring_token} natural: {names_of(replicas)} pending: {names_of(pending)}"
            self._context.traces.note(delivery.trace, f"Creating write handler for {natural}")
        try:
            assure_enough_alive(
                consistency, replication, members.topology, own.datacenter, alive=alive, pending=pending
            )
        except RequestError:
            self._context.traces.note(delivery.trace, "Mutation failed: unavailable")
            raise
        if delivery.trace is not None:
            known = f"live: {names_of(alive)} dead: {names_of(dead)}"
            self._context.traces.note(delivery.trace, f"Creating write handler with {known}")
        return self._pending.prepare(
            delivery,
            consistency=consistency,
            write_type=write_type,
            tally=Tally.of(
                consistency, replication, members.topology, own.datacenter, alive=alive, pending=pending
            ),
            alive=alive,
            dead=dead,
        )

    def _prepare_for(
        self, nodes: Sequence[Node], delivery: Delivery, consistency: ConsistencyLevel, write_type: WriteType
    ) -> PendingWrite:
        """Prepare a write for nodes that were chosen before, all of them alive."""
        members = self._context.members
        return self._pending.prepare(
            delivery,
            consistency=consistency,
            write_type=write_type,
            tally=Tally.of(
                consistency,
                self._replication(delivery.mutation),
                members.topology,
                members.own.datacenter,
                alive=nodes,
                pending=(),
            ),
            alive=nodes,
        )

    def _replication(self, mutation: Mutation) -> Replication:
        layout = self._context.catalog.last_table_of(mutation.table_id)
        if layout is None:
            raise invalid(f"unconfigured table {mutation.table_id}")
        keyspace = self._context.catalog.keyspace(layout.table.keyspace)
        return LOCAL_REPLICATION if keyspace is None else keyspace.replication


def _node(context: NodeContext, address: str) -> Node:
    known = context.members.topology.node_at(address)
    return Node(name=address, address=address) if known is None else known
