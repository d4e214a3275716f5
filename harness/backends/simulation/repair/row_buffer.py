"""What one node, master or follower, holds of a range while it is repaired: the rows read, and those being compared.

Source:
    Scylla (branch 4.2), repair/row_level.cc (repair_meta: get_sync_boundary, request_row_hashes,
    move_row_buf_to_working_row_buf, working_row_hashes, get_row_diff, apply_rows_on_follower).
"""

from collections.abc import Iterable

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.repair.repair_rows import (
    RepairRow,
    combined_hash,
    mutations_of_rows,
    place_of_boundary,
    repair_rows,
)
from harness.backends.simulation.streaming.stream_sessions import LocalWriter
from harness.backends.simulation.streaming.token_ranges import TokenInterval
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.repair import BufferState, SyncBoundary

_ESTIMATE_STEP = 128


class RowBuffer:
    """The rows of one range of one table.

    Args:
        context: of the node.
        writer: applies rows that come.
        layout: of the table.
        interval: the range.
        seed: of the hashes.
        bytes_max: how much is read for one round.
    """

    def __init__(
        self,
        context: NodeContext,
        writer: LocalWriter,
        layout: TableLayout,
        interval: TokenInterval,
        *,
        seed: int,
        bytes_max: int,
    ) -> None:
        self.layout = layout
        self.seed = seed
        self._writer = writer
        self._bytes_max = bytes_max
        mutations = list(context.storage.mutations(layout, interval.partitions, context.now_s))
        self.estimated_partitions = len(mutations) // _ESTIMATE_STEP * _ESTIMATE_STEP
        self._unread = repair_rows(layout, mutations, seed)
        self._read: list[RepairRow] = []
        self._working: list[RepairRow] = []

    def fill(self, skipped: SyncBoundary | None) -> BufferState:
        """Read on.

        Args:
            skipped: up to here all nodes have the same; None: the last round has taken what it compared.
        """
        if skipped is not None:
            self._read = []
        size_bytes = sum(row.size_bytes for row in self._read)
        new: list[RepairRow] = []
        while size_bytes < self._bytes_max and (row := next(self._unread, None)) is not None:
            new.append(row)
            size_bytes += row.size_bytes
        self._read += new
        return BufferState(
            boundary=self._read[-1].boundary if self._read else None,
            combined_hash=combined_hash(self._read),
            buffer_bytes=size_bytes,
            new_rows_bytes=sum(row.size_bytes for row in new),
            new_row_count=len(new),
        )

    def begin_comparing(self, boundary: SyncBoundary | None) -> int:
        """Take the rows up to an edge, or all; gives their combined hash.

        Raises:
            DecodeError: the edge is none of the table.
        """
        if boundary is None:
            self._working, self._read = self._read, []
        else:
            place = place_of_boundary(self.layout, boundary)
            self._working = [row for row in self._read if row.place <= place]
            self._read = self._read[len(self._working) :]
        return self.working_hash

    @property
    def working_hash(self) -> int:
        """The combined hash of the rows that are compared."""
        return combined_hash(self._working)

    @property
    def working_hashes(self) -> set[int]:
        """The hashes of the rows that are compared."""
        return {row.hash for row in self._working}

    def rows(self, hashes: set[int] | None) -> list[RepairRow]:
        """The rows with these hashes, or all, that are compared."""
        return [row for row in self._working if hashes is None or row.hash in hashes]

    async def store(self, rows: Iterable[RepairRow], origin: str, *, compares: bool) -> None:
        """Write rows that have come.

        Args:
            rows: in order.
            origin: address of the node that has sent them.
            compares: whether they are among those that are compared from now on.

        Raises:
            HarnessError: they cannot be written.
        """
        come = list(rows)
        for mutation in mutations_of_rows(self.layout, come):
            await self._writer.apply(mutation, origin)
        if compares:
            known = self.working_hashes
            self._working = sorted(
                [*self._working, *(row for row in come if row.hash not in known)], key=lambda row: row.place
            )
