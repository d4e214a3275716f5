"""What is done about replicas that disagree: all are read as mutations, merged, and told what they lack.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (abstract_read_executor::reconcile, data_read_resolver,
    schedule_repair).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.rpc_error import RpcClosedError, RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.reads.mutation_answers import MutationAnswers
from harness.backends.simulation.reads.range_request import RangeRequest
from harness.backends.simulation.reads.read_errors import read_timeout
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.storage.joined_results import row_count
from harness.backends.simulation.storage.reconciliation import Reconciliation
from harness.codec.cql.errors import ErrorCode
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read import ReadMutationDataReply, ReadMutationDataRequest
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.errors import HarnessError
from harness.topology import Node

_LIMIT_MAX = 2**32 - 1


class RepairWriter(Protocol):
    """Writes to replicas what they lack."""

    async def repair(
        self,
        differences: Mapping[str, Mutation | None],
        consistency: ConsistencyLevel,
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        """Write to each replica a mutation of its own; return when the consistency level is met.

        Args:
            differences: by address, of all that were read; None: it lacks nothing, and counts as acknowledged.
            consistency: of the read.
            tenant: on whose behalf.
            trace: tells replicas to trace their part.

        Raises:
            RequestError: WRITE_TIMEOUT, WRITE_FAILURE: too few have acknowledged.
        """


class Reconciler:
    """Makes replicas agree about one range of partitions.

    Args:
        context: of the node.
        reader: this node as a replica.
        repairs: writes what replicas lack.
    """

    def __init__(self, context: NodeContext, reader: ReplicaReader, repairs: RepairWriter) -> None:
        self._context = context
        self._reader = reader
        self._repairs = repairs

    async def reconcile(self, read: RangeRequest, targets: Sequence[Node], required: int) -> QueryResult:
        """Read from all targets, write to each what it lacks, and give the rows that they hold together.

        Args:
            read: what is read.
            targets: the replicas; all of them have to answer.
            required: how many of them have to hold the result before the client gets it.

        Raises:
            RequestError: READ_TIMEOUT, READ_FAILURE.
        """
        asked = read.command
        while True:
            answers = MutationAnswers(read.layout.table, read.consistency, expected=len(targets))
            for node in targets:
                self._ask(node, read, asked, answers)
            try:
                async with asyncio.timeout(read.deadline.left_s):
                    await answers.done
            except TimeoutError:
                raise answers.timeout() from None
            merged = answers.merged(read.layout, read.command, asked, [node.address for node in targets])
            if not merged.is_incomplete:
                break
            asked = _with_larger_limits(asked, merged.result)
        await self._repair(read, merged, targets, required)
        return merged.result

    def _ask(self, node: Node, read: RangeRequest, command: ReadCommand, answers: MutationAnswers) -> None:
        if self._context.members.is_own(node):
            try:
                answers.take(node.address, self._reader.read_mutations(command, read.partitions))
            except HarnessError as error:
                self._context.world.log(f"own part of a read: {error}")
                answers.fail()
            return
        work = self._ask_remote(node.address, read, command, answers)
        self._context.world.start(work, f"READ_MUTATION_DATA to {node.address}")

    async def _ask_remote(
        self, address: str, read: RangeRequest, command: ReadCommand, answers: MutationAnswers
    ) -> None:
        request = ReadMutationDataRequest(command=command, partitions=read.partitions)
        try:
            reply: ReadMutationDataReply = await self._context.messaging.call(
                address,
                Verb.READ_MUTATION_DATA,
                request,
                timeout_ms=read.deadline.left_ms,
                tenant=read.tenant,
            )
        except (RpcTimeoutError, RpcClosedError):
            # All have to answer, so there is nothing to do but to wait for the client's timeout.
            return
        except HarnessError as error:
            self._context.world.log(f"READ_MUTATION_DATA to {address}: {error}")
            answers.fail()
            return
        answers.take(address, reply.result)

    async def _repair(
        self, read: RangeRequest, merged: Reconciliation, targets: Sequence[Node], required: int
    ) -> None:
        """Write what replicas lack, and wait until as many as the read requires hold it.

        Another read could otherwise still find the older rows after the client has seen the newer ones.
        """
        by_partition: dict[tuple[bytes, ...], dict[str, Mutation | None]] = {}
        for node, mutations in zip(targets, merged.repairs, strict=True):
            for mutation in mutations:
                nobody = {target.address: None for target in targets}
                by_partition.setdefault(mutation.key.components, {**nobody})[node.address] = mutation
        if not by_partition or self._context.has_fault("skip_read_repair"):
            return
        trace = read.command.trace if isinstance(read.command.trace, TraceInfo) else None
        writes = [
            self._repairs.repair(differences, read.consistency, tenant=read.tenant, trace=trace)
            for differences in by_partition.values()
        ]
        try:
            await asyncio.gather(*writes)
        except RequestError as error:
            if error.code in {ErrorCode.WRITE_TIMEOUT, ErrorCode.WRITE_FAILURE}:
                raise read_timeout(
                    read.layout.table,
                    read.consistency,
                    received=required - 1,
                    required=required,
                    has_data=True,
                ) from error
            raise


def _with_larger_limits(asked: ReadCommand, result: QueryResult) -> ReadCommand:
    """Ask for so many more rows that, if as many of them turn out to be deleted as before, enough are left."""
    partitions = () if result.data is None else result.data.partitions
    rows_in_partition = max((len(partition.rows) for partition in partitions), default=0)
    found = row_count(result)
    options = asked.partition_slice.options
    rows_per_partition = asked.partition_slice.partition_row_limit_low
    if options & SliceOption.DISTINCT:
        # The one row that a replica gives of each partition may be deleted: then it has to give more.
        options &= ~SliceOption.DISTINCT
        rows_per_partition = 1
    if not found:
        # A replica that stops early, page after page, would keep the read from ever getting anywhere.
        options &= ~SliceOption.ALLOW_SHORT_READ
    return replace(
        asked,
        row_limit_low=_larger(asked.row_limit_low, found),
        partition_limit=_LIMIT_MAX,
        partition_slice=replace(
            asked.partition_slice,
            options=options,
            partition_row_limit_low=_larger(rows_per_partition, rows_in_partition),
        ),
    )


def _larger(limit: int, found: int) -> int:
    if limit >= _LIMIT_MAX:
        return _LIMIT_MAX
    estimated = limit * limit // found if found else limit
    return min(max(estimated, limit) + 1, _LIMIT_MAX)
