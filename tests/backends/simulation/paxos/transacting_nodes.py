"""Loopback nodes that run lightweight transactions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.write_plan import ConditionalPlan
from harness.backends.simulation.journal import Journal
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.paxos.paxos_coordinator import PaxosCoordinator
from harness.backends.simulation.paxos.paxos_replica import PaxosReplica
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import Replication
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes
from tests.backends.simulation.reads.reading_nodes import ReadingNode

TABLE = "CREATE TABLE t (k int PRIMARY KEY, v int)"
PAXOS_VERBS = {Verb.PAXOS_PREPARE, Verb.PAXOS_ACCEPT, Verb.PAXOS_LEARN, Verb.PAXOS_PRUNE}


class TransactingNode(ReadingNode):
    """One of them."""

    def __init__(self, node: LoopbackNode) -> None:
        super().__init__(node)
        self.paxos = PaxosReplica(node.context, self.replica, self.writes.replica)
        self.transactions = PaxosCoordinator(node.context, self.paxos, self.reads, self.writes.coordinator)

    async def decide(
        self,
        text: str,
        consistency: ConsistencyLevel = ConsistencyLevel.QUORUM,
        serial: ConsistencyLevel = ConsistencyLevel.SERIAL,
    ) -> list[tuple[object, ...]]:
        """Run a conditional write; give the rows of its answer."""
        planned = plan(self.context.catalog, text, "ks", (), self.context.moment)
        assert isinstance(planned, ConditionalPlan)
        return list((await self.transactions.execute(planned, consistency, serial)).values())

    async def serial_rows(
        self,
        text: str,
        serial: ConsistencyLevel = ConsistencyLevel.SERIAL,
        *,
        timeout_ms: int | None = None,
    ) -> list[tuple[object, ...]]:
        """Run a SELECT at SERIAL; give its rows."""
        rows = await self.transactions.read(self.select(text), self.context.moment, serial, timeout_ms)
        return list(rows.values())

    def paxos_sent(self) -> list[tuple[Verb, str]]:
        return [(sent.verb, sent.receiver) for sent in self.node.sent if sent.verb in PAXOS_VERBS]

    def bodies(self, verb: Verb) -> list[Any]:
        return [sent.body for sent in self.node.sent_of(verb)]


@asynccontextmanager
async def transacting_nodes(
    number: int = 3,
    cql: str = TABLE,
    *,
    replication: Replication | None = None,
    places: Sequence[tuple[str, str]] = (),
    settings: Mapping[str, object] | None = None,
    journals: Sequence[Journal] = (),
) -> AsyncIterator[list[TransactingNode]]:
    async with loopback_nodes(
        number, cql, replication=replication, places=places, settings=settings, journals=journals
    ) as nodes:
        yield [TransactingNode(node) for node in nodes]
