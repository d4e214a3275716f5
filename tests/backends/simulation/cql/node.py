"""A node that holds everything itself: plans are carried out on its storage, without network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import ReadAnswer, TableRead
from harness.backends.simulation.cql.preparation import (
    BoundValues,
    Plan,
    TruncatePlan,
    UsePlan,
    plan,
)
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.write_plan import ConditionalPlan, WritePlan
from harness.backends.simulation.ring_ranges import single_partition
from harness.backends.simulation.storage.counters import as_shards
from harness.backends.simulation.storage.joined_results import is_enough, joined, rest_of
from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.purging import clock_of
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.storage.view_updates import view_updates
from harness.codec.cql.results import Rows
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import QueryResult
from tests.backends.simulation.tables import NOW_US, catalog_of

_NODE = UUID(int=1)


def timeuuids() -> Callable[[], UUID]:
    """Time UUIDs, one tick apart."""
    ticks = iter(range(0x01F0_0000_0000_0000, 0x01F1_0000_0000_0000))

    def make() -> UUID:
        time = next(ticks)
        high = (time >> 48) & 0x0FFF | 0x1000
        return UUID(int=(time & 0xFFFFFFFF) << 96 | ((time >> 32) & 0xFFFF) << 80 | high << 64 | 0x8000 << 48)

    return make


def numbered_uuids() -> Callable[[], UUID]:
    numbers = iter(range(10**9))
    return lambda: UUID(int=next(numbers), version=4)


@dataclass(slots=True)
class LocalNode:
    """Runs statements one after the other; each write is a microsecond younger than the one before."""

    catalog: Catalog = field(default_factory=lambda: catalog_of(""))
    keyspace: str | None = "ks"
    now_us: int = NOW_US
    reads: list[TableRead] = field(default_factory=list)
    """Every read that was done, in order."""
    storage: Storage = field(init=False)
    _make_timeuuid: Callable[[], UUID] = field(init=False, default_factory=timeuuids)
    _make_uuid: Callable[[], UUID] = field(init=False, default_factory=numbered_uuids)
    _ids: Iterator[int] = field(init=False, default_factory=lambda: iter(range(5000, 9000)))

    def __post_init__(self) -> None:
        self.storage = Storage(self.catalog)

    @property
    def moment(self) -> Moment:
        return Moment(self.now_us, self._make_timeuuid, self._make_uuid)

    def plan(
        self, text: str, values: BoundValues = (), *, page_rows: int = 0, paging_state: bytes | None = None
    ) -> Plan:
        return plan(
            self.catalog,
            text,
            self.keyspace,
            values,
            self.moment,
            page_rows=page_rows,
            paging_state=paging_state,
        )

    def run(
        self, text: str, values: BoundValues = (), *, page_rows: int = 0, paging_state: bytes | None = None
    ) -> Rows | None:
        """Plan and carry out; give the rows of those that have some."""
        self.now_us += 1
        return self.carry_out(self.plan(text, values, page_rows=page_rows, paging_state=paging_state))

    def rows(self, text: str, values: BoundValues = ()) -> list[tuple[object, ...]]:
        """The rows of a SELECT, or of a conditional write, as values."""
        rows = self.run(text, values)
        assert rows is not None
        return list(rows.values())

    def carry_out(self, planned: Plan, timestamp_us: int | None = None) -> Rows | None:
        timestamp_us = self.now_us if timestamp_us is None else timestamp_us
        match planned:
            case ReadPlan():
                return self._read(planned)
            case WritePlan():
                reads = planned.prior_reads(self.moment)
                answers = [(read, self.answer(read)) for read in reads]
                for _, _, mutation in planned.mutations(timestamp_us, answers):
                    self.write(mutation)
                return None
            case ConditionalPlan():
                return self._decide(planned, timestamp_us)
            case TruncatePlan():
                for layout in (planned.layout, *self.catalog.views_of(planned.layout.table)):
                    assert layout.table.id is not None
                    self.storage.truncate(layout.table.id)
                return None
            case UsePlan():
                self.keyspace = planned.keyspace
                return None
            case SchemaPlan():
                self.catalog = planned.apply(
                    self.catalog, make_id=self._new_id, version_of=lambda _: self._new_id()
                )
                self.storage.use(self.catalog)
                return None

    def write(self, mutation: Mutation) -> None:
        """Apply a write, with the updates of views."""
        layout = self.storage.layout_of(mutation.table_id, mutation.schema_version)
        key, now_s = mutation.key.components, self.now_us // 10**6
        stored = self.storage.partition(mutation.table_id, key)
        written = partition_of(layout, mutation.partition)
        if layout.is_counter:
            written = as_shards(layout, written, stored, _NODE, clock_of(now_s, layout.gc_grace_s))
            mutation = mutation_of(layout, key, written)
        updates = view_updates(layout, self.catalog.views_of(layout.table), key, written, stored, now_s)
        for one in (mutation, *updates):
            self.storage.apply(one)

    def answer(self, read: TableRead) -> ReadAnswer:
        """Read range after range."""
        self.reads.append(read)
        results: list[QueryResult] = []
        command = read.command
        for partitions in read.ranges:
            if is_enough(read.command, results):
                break
            results.append(self.storage.read(command, partitions, with_digest=False))
            command = rest_of(read.command, results)
        return ReadAnswer(joined(results))

    def _read(self, planned: ReadPlan) -> Rows:
        reading = planned.run(self.moment)
        answers: tuple[ReadAnswer, ...] | None = None
        while True:
            try:
                reads = next(reading) if answers is None else reading.send(answers)
            except StopIteration as stop:
                rows = stop.value
                assert isinstance(rows, Rows)
                return rows
            answers = tuple(self.answer(read) for read in reads)

    def _decide(self, planned: ConditionalPlan, timestamp_us: int) -> Rows:
        command = planned.read_command(self.moment)
        layout = planned.layout
        assert layout.table.id is not None
        result = self.storage.read(command, single_partition(planned.key))
        decision = planned.decide(command, result)
        if decision.is_applied:
            self.write(planned.mutation(timestamp_us, command, result))
        return decision.rows

    def _new_id(self) -> UUID:
        return UUID(int=next(self._ids))
