"""Answers of several replicas to one read, merged; and what each of them lacks.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (data_read_resolver), mutation_query.cc (to_data_query_result).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.backends.simulation.ring_ranges import place_of_key
from harness.backends.simulation.storage.data_read import DataRead
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.read_limits import ReadLimits
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult, ReconcilableResult
from harness.codec.verbs.read_command import ReadCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What replicas hold together."""

    result: QueryResult
    """The rows, without a digest."""
    repairs: tuple[tuple[Mutation, ...], ...]
    """For each reply, in their order, what its sender lacks."""
    is_incomplete: bool
    """Whether rows may be missing: a replica stopped at the limit, but rows of it turned out to be deleted."""


def reconcile(
    layout: TableLayout, command: ReadCommand, replies: Sequence[ReconcilableResult]
) -> Reconciliation:
    """Merge the replies of replicas to one command.

    Args:
        layout: of the table at the command's schema version.
        command: what was read.
        replies: one of each replica.

    Raises:
        DecodeError: a reply does not fit the table.
    """
    versions: dict[PartitionKey, list[Partition | None]] = {}
    for index, reply in enumerate(replies):
        for part in reply.partitions:
            known = versions.setdefault(part.mutation.key.components, [None] * len(replies))
            known[index] = partition_of(layout, part.mutation.partition)
    repairs: list[list[Mutation]] = [[] for _ in replies]
    limits = ReadLimits.of(command)
    read = DataRead(layout, command, with_digest=False, limits=limits)
    for key in sorted(versions, key=place_of_key):
        merged = Partition(layout.order)
        for version in versions[key]:
            if version is not None:
                merged.apply(layout, version)
        for index, version in enumerate(versions[key]):
            missing = merged.difference(Partition(layout.order) if version is None else version)
            if not missing.is_empty:
                repairs[index].append(mutation_of(layout, key, missing))
        # What lies behind the limits is repaired all the same.
        if not limits.is_reached:
            read.add(key, merged, is_scan=True)
    result = read.result()
    return Reconciliation(
        result=result,
        repairs=tuple(tuple(some) for some in repairs),
        is_incomplete=any(
            reply.row_count_low >= command.row_limit and _row_count(result) < command.row_limit
            for reply in replies
        ),
    )


def _row_count(result: QueryResult) -> int:
    count = result.row_count_low
    assert isinstance(count, int)
    return count
