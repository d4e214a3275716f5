"""Results of parts of a read that were done at the same time, as one that keeps to the limits.

Source:
    Scylla (branch 4.2), query-result-set.hh, query.cc (result_merger).
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.backends.simulation.storage.joined_results import is_short
from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.query_result import QueryResult, ResultPartition, ResultPartitions
from harness.codec.verbs.read_command import ReadCommand


def merged(command: ReadCommand, results: Sequence[QueryResult]) -> QueryResult:
    """Put results behind each other, up to the limits of the command that each of them was read with.

    Behind a result that was cut short nothing is taken, for the read goes on there.
    """
    if len(results) == 1:
        return results[0]
    rows_max = command.row_limit
    partitions_max = command.partition_limit if isinstance(command.partition_limit, int) else 2**32 - 1
    partitions: list[ResultPartition] = []
    row_count = 0
    ends_short = False
    for result in results:
        for partition in () if result.data is None else result.data.partitions:
            if row_count >= rows_max or len(partitions) >= partitions_max:
                break
            rows = partition.rows[: rows_max - row_count]
            partitions.append(partition if rows == partition.rows else replace(partition, rows=rows))
            # A static row alone counts as a row.
            row_count += max(len(rows), 1)
        if row_count >= rows_max or len(partitions) >= partitions_max:
            break
        ends_short = is_short(result)
        if ends_short:
            break
    return QueryResult(
        data=ResultPartitions(partitions=tuple(partitions)),
        digest=None,
        last_modified=MISSING_TIMESTAMP,
        short_read=int(ends_short),
        row_count_low=row_count,
        partition_count=len(partitions),
    )
