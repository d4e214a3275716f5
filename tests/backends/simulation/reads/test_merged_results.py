"""Parts of a read that were done at the same time, put together."""

from harness.backends.simulation.reads.merged_results import merged
from harness.codec.verbs.common import MISSING_TIMESTAMP, Key
from harness.codec.verbs.query_result import (
    QueryResult,
    ResultCells,
    ResultPartition,
    ResultPartitions,
    ResultRow,
)
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand
from tests.backends.simulation.tables import i32, layout_of

_LAYOUT = layout_of("CREATE TABLE t (k int, c int, PRIMARY KEY (k, c))")
_NO_CELLS = ResultCells(cells=())


def _command(rows: int = 100, partitions: int = 100) -> ReadCommand:
    assert _LAYOUT.table.id is not None
    assert _LAYOUT.table.version is not None
    return ReadCommand(
        table_id=_LAYOUT.table.id,
        schema_version=_LAYOUT.table.version,
        partition_slice=PartitionSlice(
            row_ranges=(),
            static_columns=(),
            regular_columns=(),
            options=0,
            specific_ranges=None,
            cql_format=4,
            partition_row_limit_low=2**32 - 1,
        ),
        row_limit_low=rows,
        read_timestamp=0,
        trace=None,
        partition_limit=partitions,
    )


def _partition(key: int, rows: int) -> ResultPartition:
    return ResultPartition(
        key=Key(components=(i32(key),)),
        static_row=_NO_CELLS,
        rows=tuple(ResultRow(key=Key(components=(i32(row),)), cells=_NO_CELLS) for row in range(rows)),
    )


def _result(*partitions: ResultPartition, short: bool = False) -> QueryResult:
    return QueryResult(
        data=ResultPartitions(partitions=partitions),
        digest=None,
        last_modified=MISSING_TIMESTAMP,
        short_read=int(short),
        row_count_low=sum(max(len(partition.rows), 1) for partition in partitions),
        partition_count=len(partitions),
    )


def test_a_result_that_is_alone_stays_as_it_is() -> None:
    result = _result(_partition(1, 2))
    assert merged(_command(), [result]) is result


def test_results_stand_behind_each_other() -> None:
    both = merged(_command(), [_result(_partition(1, 2)), _result(_partition(2, 1))])
    assert both == _result(_partition(1, 2), _partition(2, 1))


def test_rows_beyond_the_limit_are_left_out_in_the_midst_of_a_partition() -> None:
    both = merged(_command(rows=3), [_result(_partition(1, 2)), _result(_partition(2, 5))])
    assert both == _result(_partition(1, 2), _partition(2, 1))


def test_partitions_beyond_the_limit_are_left_out() -> None:
    both = merged(_command(partitions=1), [_result(_partition(1, 2)), _result(_partition(2, 5))])
    assert both == _result(_partition(1, 2))


def test_a_static_row_alone_counts_as_a_row() -> None:
    both = merged(_command(rows=2), [_result(_partition(1, 0)), _result(_partition(2, 5))])
    assert both == _result(_partition(1, 0), _partition(2, 1))


def test_behind_a_result_that_was_cut_short_nothing_is_taken() -> None:
    both = merged(_command(), [_result(_partition(1, 2), short=True), _result(_partition(2, 1))])
    assert both == _result(_partition(1, 2), short=True)


def test_a_result_of_which_rows_were_left_out_is_not_short() -> None:
    both = merged(_command(rows=1), [_result(_partition(1, 2), short=True), _result(_partition(2, 1))])
    assert both == _result(_partition(1, 1))
