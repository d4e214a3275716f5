"""Reads of clients: of single partitions, all at the same time, and scans of the ring, range after range.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (query, query_singular, query_partition_key_range).
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import LastReplicas, ReadAnswer, TableRead
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.reads.deadline import Deadline
from harness.backends.simulation.reads.merged_results import merged
from harness.backends.simulation.reads.range_reader import RangeReader
from harness.backends.simulation.reads.range_request import RangeRequest
from harness.backends.simulation.reads.read_errors import assure_readable
from harness.backends.simulation.reads.reconciling import Reconciler, RepairWriter
from harness.backends.simulation.reads.replica_choice import ReplicaChooser
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.reads.ring_scan import RingScan, ScanPart, token_range_of
from harness.backends.simulation.reads.speculation import (
    ReadLatencies,
    Speculation,
    SpeculationKind,
    speculation_of,
)
from harness.backends.simulation.storage.joined_results import is_enough, joined, rest_of
from harness.backends.simulation.traces import names_of
from harness.backends.simulation.writes.consistency import LOCAL_REPLICATION
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange, TokenRange, TraceInfo
from harness.codec.verbs.query_result import QueryResult
from harness.replication import Replication
from harness.table import Table
from harness.topology import Node

_NO_QUERY = UUID(int=0)


class ReadCoordinator:
    """Coordinates reads.

    Args:
        context: of the node.
        reader: this node as a replica.
        repairs: writes to replicas what they lack.
    """

    def __init__(self, context: NodeContext, reader: ReplicaReader, repairs: RepairWriter) -> None:
        self._context = context
        self._range_reader = RangeReader(context, reader, Reconciler(context, reader, repairs))
        self._latencies = ReadLatencies()

    async def run_reads(
        self,
        plan: ReadPlan,
        moment: Moment,
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> Rows:
        """Do all reads of a SELECT; give its rows.

        Args:
            plan: the SELECT.
            moment: its time.
            consistency: how many replicas have to answer each read.
            timeout_ms: for each read; None: as the plan says, or as long as the node gives reads.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE, READ_TIMEOUT, READ_FAILURE, INVALID.
        """
        if timeout_ms is None and plan.keys is None:
            # What a SELECT without its partition key takes: its reads of single partitions, through an index, too.
            timeout_ms = self._context.config.range_request_timeout_in_ms
        timeout_ms = plan.timeout_ms if timeout_ms is None else timeout_ms
        reading = plan.run(moment)
        answers: tuple[ReadAnswer, ...] | None = None
        while True:
            try:
                reads = next(reading) if answers is None else reading.send(answers)
            except StopIteration as stop:
                rows: Rows = stop.value
                return rows
            works = [
                self.read(read, consistency, timeout_ms=timeout_ms, tenant=tenant, trace=trace)
                for read in reads
            ]
            answers = (await works[0],) if len(works) == 1 else tuple(await asyncio.gather(*works))

    async def read(
        self,
        read: TableRead,
        consistency: ConsistencyLevel,
        *,
        timeout_ms: int | None = None,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> ReadAnswer:
        """Do one read.

        Args:
            read: what is read.
            consistency: how many replicas have to answer.
            timeout_ms: how long; None: as long as the node gives reads.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: UNAVAILABLE: too few replicas are alive; READ_TIMEOUT, READ_FAILURE: too few have answered;
                INVALID: the level is one of writes.
        """
        assure_readable(consistency)
        context = self._context
        is_scan = not all(partitions.singular for partitions in read.ranges)
        if timeout_ms is None:
            config = context.config
            timeout_ms = config.range_request_timeout_in_ms if is_scan else config.read_request_timeout_in_ms
        if trace is not None:
            read = read._replace(command=replace(read.command, trace=trace))
        balancing = context.world.random if context.config.cache_hit_rate_read_balancing else None
        chooser = ReplicaChooser(
            context.members, self._replication(read.layout.table), consistency, balancing
        )
        deadline = Deadline.within(context.world, timeout_ms)
        if is_scan:
            return await self._scan(read, chooser, consistency, deadline, tenant)
        return await self._read_partitions(read, chooser, consistency, deadline, tenant)

    def _replication(self, table: Table) -> Replication:
        keyspace = self._context.catalog.keyspace(table.keyspace)
        return LOCAL_REPLICATION if keyspace is None else keyspace.replication

    # Single partitions.

    async def _read_partitions(
        self,
        read: TableRead,
        chooser: ReplicaChooser,
        consistency: ConsistencyLevel,
        deadline: Deadline,
        tenant: Tenant,
    ) -> ReadAnswer:
        speculation = self._speculation(read.layout.table)
        preferred = _Preferences(read.last_replicas)
        works = []
        for partitions in read.ranges:
            assert partitions.start is not None
            token = partitions.start.value.token.value
            # Whether enough replicas are alive is known of all partitions before any of them is read.
            choice = chooser.of_partition(token, speculation, preferred.of_partitions(partitions))
            if isinstance(read.command.trace, TraceInfo):
                known = f"all: {names_of(chooser.live(token))} targets: {names_of(choice.targets)}"
                self._context.traces.note(
                    read.command.trace,
                    f"Creating read executor for token {token} with {known} repair decision: NONE",
                )
            request = _request(read, partitions, consistency, deadline, tenant)
            works.append(
                self._range_reader.read(
                    request, choice, lambda: self._extra_after_s(read.layout.table, speculation, deadline)
                )
            )
        begun_s = self._context.world.monotonic_s
        done = [await works[0]] if len(works) == 1 else await asyncio.gather(*works)
        if read.layout.table.id is not None and speculation.kind is SpeculationKind.PERCENTILE:
            self._latencies.add(read.layout.table.id, self._context.world.monotonic_s - begun_s)
        replicas: LastReplicas = ()
        if _is_paged(read):
            replicas = tuple(
                (token_range_of(partitions), _host_ids(nodes))
                for partitions, (_, nodes) in zip(read.ranges, done, strict=True)
            )
        return ReadAnswer(merged(read.command, [result for result, _ in done]), replicas)

    def _speculation(self, table: Table) -> Speculation:
        return speculation_of(
            self._context.catalog.properties_of(table.keyspace, table.name).speculative_retry
        )

    def _extra_after_s(self, table: Table, speculation: Speculation, deadline: Deadline) -> float | None:
        if speculation.kind is SpeculationKind.CUSTOM:
            return speculation.value / 1000
        if not self._context.config.speculates_at_percentile or table.id is None:
            return None
        percentile_s = self._latencies.percentile_s(table.id, speculation.value)
        return None if percentile_s is None else min(percentile_s, deadline.left_s / 2)

    # Scans.

    async def _scan(
        self,
        read: TableRead,
        chooser: ReplicaChooser,
        consistency: ConsistencyLevel,
        deadline: Deadline,
        tenant: Tenant,
    ) -> ReadAnswer:
        tokens = [] if chooser.is_local else [token for token, _ in self._context.members.topology.ring]
        preferred = _Preferences(read.last_replicas)
        scan = RingScan(tokens, read.ranges, chooser, preferred.of_tokens)
        results: list[QueryResult] = []
        replicas: LastReplicas = ()
        rest = read.command
        while not scan.is_done and not is_enough(read.command, results):
            parts = scan.next_round()
            at_once = read._replace(command=rest)
            works = [self._read_part(at_once, part, consistency, deadline, tenant) for part in parts]
            done = [await works[0]] if len(works) == 1 else await asyncio.gather(*works)
            results.append(merged(rest, [result for result, _ in done]))
            rest = rest_of(read.command, results)
            # As captured paging states show, only the last round is remembered: the next page begins there.
            replicas = tuple(
                (vnode, _host_ids(nodes))
                for part, (_, nodes) in zip(parts, done, strict=True)
                for vnode in part.vnodes
            )
        return ReadAnswer(joined(results), replicas if _is_paged(read) else ())

    async def _read_part(
        self,
        read: TableRead,
        part: ScanPart,
        consistency: ConsistencyLevel,
        deadline: Deadline,
        tenant: Tenant,
    ) -> tuple[QueryResult, list[Node]]:
        request = _request(read, part.partitions, consistency, deadline, tenant)
        return await self._range_reader.read(request, part.choice, _never)


class _Preferences:
    """Which nodes answered for which part of the ring on the page before."""

    def __init__(self, last_replicas: LastReplicas) -> None:
        self._hosts = dict(last_replicas)

    def of_tokens(self, tokens: TokenRange) -> Collection[UUID]:
        """The nodes that answered for exactly these tokens."""
        return self._hosts.get(tokens, ()) if self._hosts else ()

    def of_partitions(self, partitions: PartitionRange) -> Collection[UUID]:
        """The nodes that answered for exactly these partitions."""
        return self._hosts.get(token_range_of(partitions), ()) if self._hosts else ()


def _request(
    read: TableRead,
    partitions: PartitionRange,
    consistency: ConsistencyLevel,
    deadline: Deadline,
    tenant: Tenant,
) -> RangeRequest:
    return RangeRequest(
        layout=read.layout,
        command=read.command,
        partitions=partitions,
        consistency=consistency,
        deadline=deadline,
        tenant=tenant,
    )


def _is_paged(read: TableRead) -> bool:
    return read.command.query_id != _NO_QUERY


def _host_ids(nodes: list[Node]) -> tuple[UUID, ...]:
    return tuple(node.host_id for node in nodes if node.host_id is not None)


def _never() -> None:
    return None
