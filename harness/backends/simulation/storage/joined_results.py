"""Results of one read that was done in parts, one part of the ring after the other.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (query_partition_key_range_concurrent), query-result-set.hh
    (result_merger); the limits as in the read commands of captures.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.query_result import QueryResult, ResultPartitions
from harness.codec.verbs.read_command import ReadCommand
from harness.codec.verbs.wire import ABSENT

_NO_LIMIT = 2**32 - 1


def joined(results: Sequence[QueryResult]) -> QueryResult:
    """Put results behind each other; the digests of the parts say nothing of the whole."""
    if len(results) == 1:
        return results[0]
    partitions = [
        partition for result in results if result.data is not None for partition in result.data.partitions
    ]
    return QueryResult(
        data=ResultPartitions(partitions=tuple(partitions)),
        digest=None,
        last_modified=MISSING_TIMESTAMP,
        short_read=int(any(is_short(result) for result in results)),
        row_count_low=sum(row_count(result) for result in results),
        partition_count=len(partitions),
    )


def is_short(result: QueryResult) -> bool:
    """Whether a replica stopped because the result grew too large."""
    return result.short_read is not ABSENT and bool(result.short_read)


def row_count(result: QueryResult) -> int:
    """How many rows a result has; a static row alone is one."""
    if isinstance(result.row_count_low, int):
        return result.row_count_low
    partitions = () if result.data is None else result.data.partitions
    return sum(max(len(partition.rows), 1) for partition in partitions)


def rest_of(command: ReadCommand, results: Sequence[QueryResult]) -> ReadCommand:
    """The command with which a read goes on in the next part of the ring: what came is no longer wanted.

    Args:
        command: of the parts before.
        results: what they gave.
    """
    rows = sum(row_count(result) for result in results)
    partitions = sum(0 if result.data is None else len(result.data.partitions) for result in results)
    limit = _NO_LIMIT if command.partition_limit is ABSENT else command.partition_limit
    return replace(
        command,
        row_limit_low=max(command.row_limit_low - rows, 0),
        partition_limit=max(limit - partitions, 0),
    )


def is_enough(command: ReadCommand, results: Sequence[QueryResult]) -> bool:
    """Whether a read need not go on: its limits are reached, or the last part was cut short."""
    left = rest_of(command, results)
    return left.row_limit_low == 0 or left.partition_limit == 0 or bool(results and is_short(results[-1]))
