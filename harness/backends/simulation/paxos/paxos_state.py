"""What a replica remembers of the rounds of one partition.

Kept as cells are: everything carries the time of its ballot, and what is newer wins in whichever order it comes.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc (load_paxos_state, save_paxos_promise, save_paxos_proposal,
    save_paxos_decision, delete_paxos_decision).
"""

from dataclasses import replace
from uuid import UUID

from harness.backends.simulation.paxos.ballots import NO_BALLOT, is_newer
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.codec.verbs.mutation import MutationPartition, Row
from harness.codec.verbs.paxos import Proposal

_NOTHING = MutationPartition(tombstone=NO_TOMBSTONE, static_row=Row(columns=()), range_tombstones=(), rows=())


class PaxosState:
    """The rounds of one partition."""

    __slots__ = ("_forgotten", "_learned", "accepted", "committed", "promised")

    def __init__(self) -> None:
        self.promised = NO_BALLOT
        """Nothing older is accepted."""
        self.accepted: Proposal | None = None
        """Accepted, and not learned yet."""
        self.committed: Proposal | None = None
        """The newest decision that was learned; without what it wrote once that is forgotten."""
        self._learned = NO_BALLOT
        """Proposals up to this one are erased."""
        self._forgotten = NO_BALLOT
        """Decisions up to this one are known by their ballots alone."""

    def promise(self, ballot: UUID) -> None:
        """Accept nothing older from now on."""
        if is_newer(ballot, self.promised):
            self.promised = ballot

    def accept(self, proposal: Proposal) -> None:
        """Take a proposal; it is a promise too."""
        self.promise(proposal.ballot)
        newest = self._learned if self.accepted is None else self.accepted.ballot
        if is_newer(proposal.ballot, newest) and is_newer(proposal.ballot, self._learned):
            self.accepted = proposal

    def learn(self, decision: Proposal) -> None:
        """Take a decision; proposals up to it are of no use any more."""
        if is_newer(decision.ballot, self._learned):
            self._learned = decision.ballot
        if self.accepted is not None and not is_newer(self.accepted.ballot, decision.ballot):
            self.accepted = None
        if self.committed is None or is_newer(decision.ballot, self.committed.ballot):
            self.committed = decision
            self._forget_commit()

    def forget(self, ballot: UUID) -> None:
        """Forget what decisions up to a ballot wrote, for enough replicas have learned it."""
        if is_newer(ballot, self._forgotten):
            self._forgotten = ballot
            self._forget_commit()

    @property
    def forgotten(self) -> UUID:
        """Decisions up to this one are known by their ballots alone."""
        return self._forgotten

    def _forget_commit(self) -> None:
        committed = self.committed
        if committed is not None and not is_newer(committed.ballot, self._forgotten):
            nothing = replace(committed.update, partition=_NOTHING)
            self.committed = Proposal(ballot=committed.ballot, update=nothing)
