"""How events of traces name proposals and promises: as service/paxos/prepare_response.cc of Scylla 4.2.4 prints them."""

from uuid import UUID

from harness.backends.simulation.paxos.paxos_events import promise_name, proposal_name
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.codec.verbs.common import Key
from harness.codec.verbs.mutation import Mutation, MutationPartition, Row
from harness.codec.verbs.paxos import Promise, Proposal

_OLD, _NEW = UUID(int=1), UUID(int=2)


def _proposal(ballot: UUID) -> Proposal:
    nothing = MutationPartition(
        tombstone=NO_TOMBSTONE, static_row=Row(columns=()), range_tombstones=(), rows=()
    )
    update = Mutation(
        table_id=UUID(int=3),
        schema_version=UUID(int=4),
        key=Key(components=(b"\0",)),
        partition=nothing,
    )
    return Proposal(ballot=ballot, update=update)


def test_a_proposal_is_named_by_its_ballot() -> None:
    assert proposal_name(_OLD) == "proposal(00000000-0000-0000-0000-000000000001)"


def test_a_promise_tells_the_decision_before_what_was_accepted() -> None:
    promise = Promise(accepted=_proposal(_NEW), most_recent_commit=_proposal(_OLD), data=None)
    assert promise_name(promise) == f"prepare_promise({proposal_name(_OLD)}, {proposal_name(_NEW)})"
    assert promise_name(Promise(accepted=None, most_recent_commit=None, data=None)) == (
        "prepare_promise(empty, empty)"
    )
