"""The tables of one node: writes are applied, reads answered; without network and clock."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.journal import Journal, NoJournal, RecordKind
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.cells import since
from harness.backends.simulation.storage.data_read import DataRead
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.mutation_read import MutationRead
from harness.backends.simulation.storage.partition import Partition, PartitionKey
from harness.backends.simulation.storage.purging import clock_of
from harness.backends.simulation.storage.read_limits import RESULT_BYTES_MAX, ReadLimits
from harness.backends.simulation.storage.stored_table import StoredTable
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import PartitionRange
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult, ReconcilableResult
from harness.codec.verbs.read_command import ReadCommand
from harness.codec.verbs.wire import decode_struct, encode_struct
from harness.errors import HarnessError

_UUID_BYTES = 16


class UnknownTableError(HarnessError):
    """A table, or the version of its schema, that this node has yet to learn: a replica asks the sender for it."""

    def __init__(self, table_id: UUID, version: UUID) -> None:
        super().__init__(f"table {table_id} at schema version {version} is not known")
        self.table_id = table_id
        self.version = version


class Storage:
    """What one node holds of every table.

    Args:
        catalog: the schema at the start.
        result_bytes_max: where a page of a read ends that may be short.
        journal: gets what has to be there when the node starts again.
    """

    def __init__(
        self,
        catalog: Catalog | None = None,
        *,
        result_bytes_max: int = RESULT_BYTES_MAX,
        journal: Journal | None = None,
    ) -> None:
        self._catalog = Catalog() if catalog is None else catalog
        self._journal: Journal = NoJournal() if journal is None else journal
        self._has_journal = not isinstance(self._journal, NoJournal)
        self._tables: dict[UUID, StoredTable] = {}
        self._truncated_at_us: dict[UUID, int] = {}
        self._dropped_at_us: dict[UUID, Mapping[str, int]] = {}
        """Of columns that were dropped, by table and name."""
        self._kept: set[UUID] = set()
        """The tables of which the journal has writes."""
        self._result_bytes_max = result_bytes_max

    @property
    def catalog(self) -> Catalog:
        """The schema by which ids are understood."""
        return self._catalog

    def use(self, catalog: Catalog) -> None:
        """Go on with a changed schema: what dropped tables and columns held is gone."""
        for table_id in list(self._tables):
            before, after = self._catalog.last_table_of(table_id), catalog.last_table_of(table_id)
            if after is None or catalog.table(after.table.keyspace, after.table.name) is not after:
                del self._tables[table_id]
            elif before is not None and before.columns.keys() != after.columns.keys():
                self._tables[table_id].forget_columns(frozenset(before.columns) - frozenset(after.columns))
        self._catalog = catalog

    def note_dropped(self, table_id: UUID, at_us: Mapping[str, int]) -> None:
        """Know when columns of a table were dropped: what was written to them before, and comes later, is left out.

        Args:
            table_id: of the table.
            at_us: microseconds since 1970, by column; there may be another one of that name by now.
        """
        self._dropped_at_us[table_id] = at_us

    def apply(self, mutation: Mutation) -> None:
        """Write; in the journal before it is seen.

        Raises:
            UnknownTableError: the table, at the schema version that the mutation names, is not known.
            DecodeError: the mutation does not fit the table.
        """
        layout = self.layout_of(mutation.table_id, mutation.schema_version)
        partition = self._written(layout, mutation)
        if self._has_journal:
            self._kept.add(mutation.table_id)
            self._journal.append(RecordKind.MUTATION, encode_struct(mutation))
        self._stored(mutation.table_id).apply(layout, mutation.key.components, partition)

    def apply_unkept(self, mutation: Mutation) -> None:
        """Write what need not be in the journal, as it follows from elsewhere when the node starts again.

        Raises:
            UnknownTableError: the table, at the schema version that the mutation names, is not known.
            DecodeError: the mutation does not fit the table.
        """
        layout = self.layout_of(mutation.table_id, mutation.schema_version)
        partition = self._written(layout, mutation)
        self._stored(mutation.table_id).apply(layout, mutation.key.components, partition)

    def restore(self, kind: RecordKind, data: bytes) -> None:
        """Do again what a record of the journal says; what was of tables that are gone is left out.

        Raises:
            DecodeError: it is no record of storage.
        """
        match kind:
            case RecordKind.MUTATION:
                mutation, _ = decode_struct(Mutation, data)
                try:
                    self.apply_unkept(mutation)
                except UnknownTableError:
                    return
                self._kept.add(mutation.table_id)
            case RecordKind.TRUNCATION:
                self._truncate(UUID(bytes=data[:_UUID_BYTES]), int.from_bytes(data[_UUID_BYTES:], "little"))
            case RecordKind.FORGOTTEN:
                partitions, _ = decode_struct(PartitionRange, data[_UUID_BYTES:])
                self._forget(UUID(bytes=data[:_UUID_BYTES]), partitions)
            case _:
                return

    def read(
        self, command: ReadCommand, partitions: PartitionRange, *, with_digest: bool = True
    ) -> QueryResult:
        """Read the rows of one range of partitions that live at the command's time.

        Raises:
            UnknownTableError: the table, at the schema version that the command names, is not known.
            DecodeError: the command does not fit the table.
        """
        layout = self.layout_of(command.table_id, command.schema_version)
        limits = ReadLimits.of(command, self._result_bytes_max)
        read = DataRead(layout, command, with_digest=with_digest, limits=limits)
        return read.read(self._stored(command.table_id), partitions)

    def read_mutations(self, command: ReadCommand, partitions: PartitionRange) -> ReconcilableResult:
        """Read one range of partitions with everything that is deleted of it.

        Raises:
            UnknownTableError: the table, at the schema version that the command names, is not known.
            DecodeError: the command does not fit the table.
        """
        layout = self.layout_of(command.table_id, command.schema_version)
        limits = ReadLimits.of(command, self._result_bytes_max)
        return MutationRead(layout, command, limits=limits).read(self._stored(command.table_id), partitions)

    def layout_of(self, table_id: UUID, version: UUID) -> TableLayout:
        """The table that ids name.

        Raises:
            UnknownTableError: it is not known.
        """
        layout = self._catalog.table_of(table_id, version)
        if layout is None:
            raise UnknownTableError(table_id, version)
        return layout

    def partition(self, table_id: UUID, key: PartitionKey) -> Partition | None:
        """What was written to a partition; not to be changed."""
        stored = self._tables.get(table_id)
        return None if stored is None else stored.get(key)

    def mutations(self, layout: TableLayout, partitions: PartitionRange, now_s: int) -> Iterator[Mutation]:
        """Give everything that a range of partitions holds, as streaming sends it.

        Args:
            layout: of the table.
            partitions: the range.
            now_s: seconds since 1970; what has expired by then is sent as deleted.
        """
        if layout.table.id is None:
            return
        clock = clock_of(now_s, layout.gc_grace_s)
        for key, partition in list(self._stored(layout.table.id).within(partitions)):
            left = partition.compacted(layout, clock)
            if not left.is_empty:
                yield mutation_of(layout, key, left)

    def kept(self, now_s: int) -> Iterator[tuple[RecordKind, bytes]]:
        """Give records of what there is now, in place of those of how it came about.

        Args:
            now_s: seconds since 1970; what was deleted long enough before is left out.
        """
        for table_id, at_us in self._truncated_at_us.items():
            yield RecordKind.TRUNCATION, table_id.bytes + at_us.to_bytes(8, "little")
        for table_id in self._tables:
            layout = self._catalog.last_table_of(table_id)
            if layout is not None and table_id in self._kept:
                for mutation in self.mutations(layout, WHOLE_RING, now_s):
                    yield RecordKind.MUTATION, encode_struct(mutation)

    def keys(self, table_id: UUID) -> list[PartitionKey]:
        """The partitions of a table to which anything was written, in the order of the ring."""
        stored = self._tables.get(table_id)
        return [] if stored is None else [key for key, _ in stored.within(WHOLE_RING)]

    def truncate(self, table_id: UUID, at_us: int = 0) -> None:
        """Empty a table.

        Args:
            table_id: of the table.
            at_us: the time, in microseconds since 1970; decisions that are older are not written any more.
        """
        self._journal.append(RecordKind.TRUNCATION, table_id.bytes + at_us.to_bytes(8, "little"))
        self._truncate(table_id, at_us)

    def truncated_at_us(self, table_id: UUID) -> int:
        """When a table was emptied; 0: never."""
        return self._truncated_at_us.get(table_id, 0)

    def _truncate(self, table_id: UUID, at_us: int) -> None:
        self._tables.pop(table_id, None)
        self._truncated_at_us[table_id] = at_us

    def forget(self, table_id: UUID, partitions: PartitionRange) -> None:
        """Drop a range of partitions, as a node does with those that it no longer owns."""
        self._journal.append(RecordKind.FORGOTTEN, table_id.bytes + encode_struct(partitions))
        self._forget(table_id, partitions)

    def _written(self, layout: TableLayout, mutation: Mutation) -> Partition:
        """What a mutation writes; of one that is of an earlier schema, without the columns that were dropped since."""
        partition = partition_of(layout, mutation.partition)
        now = self._catalog.last_table_of(mutation.table_id)
        if now is not None and now is not layout:
            dropped = self._dropped_at_us.get(mutation.table_id, {})
            for cells in (partition.static, *(row.cells for _, row in partition.rows.items())):
                for name in list(cells):
                    cell = since(cells[name], dropped[name]) if name in dropped else cells[name]
                    if cell is None or name not in now.columns:
                        del cells[name]
                    else:
                        cells[name] = cell
        return partition

    def _forget(self, table_id: UUID, partitions: PartitionRange) -> None:
        stored = self._stored(table_id)
        stored.forget([key for key, _ in stored.within(partitions)])

    def _stored(self, table_id: UUID) -> StoredTable:
        stored = self._tables.get(table_id)
        if stored is None:
            stored = self._tables[table_id] = StoredTable()
        return stored
