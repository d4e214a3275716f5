"""How far a read may go: rows, partitions and bytes that are left.

Source:
    Scylla, mutation_compactor.hh (limits), mutation_query.hh and query_result memory limits (short reads).
"""

from dataclasses import dataclass

from harness.codec.verbs.query_result import ResultCells, ResultRow
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.codec.verbs.wire import ABSENT

RESULT_BYTES_MAX = 1 << 20
"""A page ends behind the row with which it grows beyond this."""
_NO_LIMIT = 2**32 - 1


@dataclass(slots=True)
class ReadLimits:
    """Counts down while rows are found."""

    rows: int
    partitions: int
    rows_per_partition: int
    result_bytes: int
    """What may still be added; less than nothing: the result is full."""
    may_be_short: bool

    @classmethod
    def of(cls, command: ReadCommand, result_bytes_max: int = RESULT_BYTES_MAX) -> "ReadLimits":
        """The limits of a command."""
        partitions = command.partition_limit
        options = command.partition_slice.options
        # SELECT DISTINCT wants to know that there is a row, and no more.
        one_row_each = bool(options & SliceOption.DISTINCT)
        return cls(
            rows=command.row_limit,
            partitions=_NO_LIMIT if partitions is ABSENT else partitions,
            rows_per_partition=1 if one_row_each else command.partition_slice.partition_row_limit,
            result_bytes=result_bytes_max,
            may_be_short=bool(options & SliceOption.ALLOW_SHORT_READ),
        )

    @property
    def is_full(self) -> bool:
        """Whether the result has grown too large; never if it must not be cut."""
        return self.may_be_short and self.result_bytes < 0

    @property
    def is_reached(self) -> bool:
        """Whether nothing more is wanted."""
        return self.rows <= 0 or self.partitions <= 0 or self.is_full

    def end_partition(self, row_count: int) -> None:
        """Count a partition with the rows that were found in it."""
        self.rows -= row_count
        self.partitions -= row_count > 0


def row_bytes(row: ResultRow) -> int:
    """How many bytes a row takes in a result."""
    key_bytes = 0 if row.key is None else 8 + sum(4 + len(part) for part in row.key.components)
    return 5 + key_bytes + cells_bytes(row.cells)


def cells_bytes(cells: ResultCells) -> int:
    """How many bytes cells take in a result."""
    total = 8 + len(cells.cells)
    for cell in cells.cells:
        if cell is not None:
            total += 11 + len(cell.value)
            total += (8 if cell.timestamp is not None else 0) + (8 if cell.expiry is not None else 0)
            total += 0 if cell.ttl_s is None or cell.ttl_s is ABSENT else 4
    return total
