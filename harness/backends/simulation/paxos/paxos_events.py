"""How events of traces name what rounds are about.

Source:
    Scylla (branch 4.2), service/paxos/proposal.cc, service/paxos/prepare_response.cc (what streams print).
"""

from uuid import UUID

from harness.codec.verbs.paxos import Promise, Proposal


def proposal_name(ballot: UUID) -> str:
    """A proposal, or a decision."""
    return f"proposal({ballot})"


def promise_name(promise: Promise) -> str:
    """A promise: the newest decision, then what was accepted and is not decided."""
    return f"prepare_promise({_name(promise.most_recent_commit)}, {_name(promise.accepted)})"


def _name(proposal: Proposal | None) -> str:
    return "empty" if proposal is None else proposal_name(proposal.ballot)
