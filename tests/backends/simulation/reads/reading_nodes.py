"""Loopback nodes that read and write, and what they hold at the start."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.reads.read_coordinator import ReadCoordinator
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.table_properties import TableProperties
from harness.backends.simulation.writes.writes import Writes
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.mutation import Mutation
from harness.replication import Replication
from tests.backends.simulation.loopback_nodes import LoopbackNode, NoSchema, loopback_nodes

TABLE = "CREATE TABLE t (k int PRIMARY KEY, a text, b text)"
WIDE = "CREATE TABLE w (k int, c int, v text, PRIMARY KEY (k, c))"
READ_VERBS = {Verb.READ_DATA, Verb.READ_DIGEST, Verb.READ_MUTATION_DATA}


class ReadingNode:
    """One of them."""

    def __init__(self, node: LoopbackNode) -> None:
        self.node = node
        self.context = node.context
        self.writes = Writes(node.context, NoSchema())
        self.replica = ReplicaReader(node.context, NoSchema())
        self.reads = ReadCoordinator(node.context, self.replica, self.writes.coordinator)

    @property
    def address(self) -> str:
        return self.node.address

    def store(self, text: str, timestamp_us: int = 1_000_000) -> None:
        """Write here, and nowhere else."""
        self.context.storage.apply(self.planned_mutation(text, timestamp_us))

    def planned_mutation(self, text: str, timestamp_us: int) -> Mutation:
        """What a statement writes."""
        planned = plan(self.context.catalog, text, "ks", (), self.context.moment)
        assert isinstance(planned, WritePlan)
        (one,) = planned.mutations(timestamp_us)
        return one.mutation

    def select(self, text: str, page_rows: int = 0, paging_state: bytes | None = None) -> ReadPlan:
        planned = plan(
            self.context.catalog,
            text,
            "ks",
            (),
            self.context.moment,
            page_rows=page_rows,
            paging_state=paging_state,
        )
        assert isinstance(planned, ReadPlan)
        return planned

    async def rows_of(self, planned: ReadPlan, consistency: ConsistencyLevel) -> Rows:
        return await self.reads.run_reads(planned, self.context.moment, consistency)

    async def rows(
        self, text: str, consistency: ConsistencyLevel = ConsistencyLevel.QUORUM
    ) -> list[tuple[object, ...]]:
        return list((await self.rows_of(self.select(text), consistency)).values())

    def asked(self) -> list[tuple[Verb, str]]:
        """What it has asked replicas for, and whom."""
        return [(sent.verb, sent.receiver) for sent in self.node.sent if sent.verb in READ_VERBS]


@asynccontextmanager
async def reading_nodes(
    number: int = 3,
    cql: str = TABLE,
    *,
    replication: Replication | None = None,
    places: Sequence[tuple[str, str]] = (),
    settings: Mapping[str, object] | None = None,
    properties: Mapping[tuple[str, str], TableProperties] | None = None,
) -> AsyncIterator[list[ReadingNode]]:
    async with loopback_nodes(
        number, cql, replication=replication, places=places, settings=settings, properties=properties
    ) as nodes:
        yield [ReadingNode(node) for node in nodes]


def store_everywhere(nodes: Sequence[ReadingNode], *texts: str) -> None:
    for node in nodes:
        for text in texts:
            node.store(text)


def mark_down(nodes: Sequence[ReadingNode], *down: ReadingNode) -> None:
    """Have all nodes believe that some are dead."""
    for node in nodes:
        for dead in down:
            node.context.members.mark_down(dead.address)
