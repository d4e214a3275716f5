"""Participants, proposals and promises for tests without nodes."""

from random import Random
from uuid import UUID

from harness.backends.simulation.cql.write_plan import empty_mutation
from harness.backends.simulation.paxos.ballots import Ballots
from harness.backends.simulation.paxos.participants import Participants
from harness.backends.simulation.paxos.paxos_errors import PaxosErrors
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.paxos import Promise, Proposal
from harness.codec.verbs.query_result import QueryResult
from harness.topology import Node
from tests.backends.simulation.tables import i32, inserted, layout_of, live, partition_with

LAYOUT = layout_of("CREATE TABLE t (k int PRIMARY KEY, v int)")
KEY = (i32(1),)
_RANDOM = Random(1)


def ballot(timestamp_us: int) -> UUID:
    return Ballots(_RANDOM).make(timestamp_us)


def proposal(timestamp_us: int, value: int = 7) -> Proposal:
    partition = partition_with(
        LAYOUT, (), {"v": live(i32(value), timestamp_us)}, marker=inserted(timestamp_us)
    )
    return Proposal(ballot=ballot(timestamp_us), update=mutation_of(LAYOUT, KEY, partition))


def nothing(of: UUID) -> Proposal:
    return Proposal(ballot=of, update=empty_mutation(LAYOUT, KEY))


def promise(
    accepted: Proposal | None = None,
    commit: Proposal | None = None,
    data: QueryResult | bytes | None = b"same digest 16 b",
) -> Promise:
    return Promise(accepted=accepted, most_recent_commit=commit, data=data)


def participants(count: int = 3, *, required: int = 2) -> Participants:
    nodes = tuple(Node(name=f"n{number}", address=f"n{number}") for number in range(1, count + 1))
    return Participants(nodes=nodes, required=required, has_dead=False)


def errors(*, is_write: bool = True) -> PaxosErrors:
    return PaxosErrors(table=LAYOUT.table, consistency=ConsistencyLevel.SERIAL, required=2, is_write=is_write)
