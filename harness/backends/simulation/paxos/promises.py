"""The answers of participants to PAXOS_PREPARE, and what they say together.

Source:
    Scylla (branch 4.2), service/paxos/prepare_summary.cc, service/storage_proxy.cc
    (paxos_response_handler::prepare_ballot).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from harness.backends.simulation.paxos.ballots import NO_BALLOT, is_newer
from harness.backends.simulation.paxos.participants import Participants
from harness.backends.simulation.paxos.paxos_errors import PaxosErrors
from harness.backends.simulation.paxos.paxos_events import promise_name
from harness.codec.verbs.paxos import Promise, Proposal
from harness.codec.verbs.query_result import QueryResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareSummary:
    """What enough participants have promised; or that one of them would not."""

    refused_for: UUID | None = None
    """A newer ballot that was promised to somebody else."""
    unfinished: Proposal | None = None
    """Accepted by some, but not known to be decided."""
    last_commit: Proposal | None = None
    """The newest decision that any of them has learned."""
    lacking_last_commit: tuple[str, ...] = ()
    """Addresses of those that have not."""
    data: QueryResult | None = None
    """What the condition looks at; None: participants differ in that, or it has not come."""


class Promises:
    """Takes the answers to one ballot.

    Args:
        participants: who was asked.
        errors: makes what the client is told.
        note: hears what the answers come to, for a trace.
    """

    def __init__(
        self,
        participants: Participants,
        errors: PaxosErrors,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._participants = participants
        self._note = note
        self._errors = errors
        self._by_address: dict[str, Promise] = {}
        self._failed_count = 0
        self.done: asyncio.Future[PrepareSummary] = asyncio.get_running_loop().create_future()

    def take(self, address: str, response: UUID | Promise) -> None:
        """Take the answer of a participant; those that come after enough have come change nothing."""
        if self.done.done():
            return
        if isinstance(response, UUID):
            self._note(f"prepare_ballot: got more up to date ballot {response} from /{address}")
            self.done.set_result(PrepareSummary(refused_for=response))
            return
        self._note(f"prepare_ballot: got a response {promise_name(response)} from /{address}")
        self._by_address[address] = response
        if len(self._by_address) == self._participants.required:
            self._note("prepare_ballot: got enough replies to proceed")
            self.done.set_result(self._summary())

    def time_out(self) -> None:
        """A participant has not answered in time."""
        if not self.done.done():
            self.done.set_exception(self._errors.timeout(len(self._by_address)))

    def fail(self) -> None:
        """A participant has failed, or cannot be reached."""
        self._failed_count += 1
        left = len(self._participants.nodes) - self._failed_count
        if left < self._participants.required and not self.done.done():
            self.done.set_exception(self._errors.failure(len(self._by_address), self._failed_count))

    def _summary(self) -> PrepareSummary:
        promises = self._by_address
        last_commit = _newest([promise.most_recent_commit for promise in promises.values()])
        unfinished = _newest([promise.accepted for promise in promises.values()])
        last_ballot = NO_BALLOT if last_commit is None else last_commit.ballot
        if unfinished is not None and not is_newer(unfinished.ballot, last_ballot):
            unfinished = None
        return PrepareSummary(
            unfinished=unfinished,
            last_commit=last_commit,
            lacking_last_commit=tuple(
                address for address, promise in promises.items() if is_newer(last_ballot, _commit_of(promise))
            ),
            data=self._data(),
        )

    def _data(self) -> QueryResult | None:
        data: QueryResult | None = None
        digests: set[bytes | None] = set()
        for promise in self._by_address.values():
            if isinstance(promise.data, QueryResult):
                data = promise.data
                digests.add(promise.data.digest)
            else:
                digests.add(promise.data)
        return data if len(digests) == 1 else None


def _commit_of(promise: Promise) -> UUID:
    return NO_BALLOT if promise.most_recent_commit is None else promise.most_recent_commit.ballot


def _newest(proposals: list[Proposal | None]) -> Proposal | None:
    newest: Proposal | None = None
    for proposal in proposals:
        if proposal is not None and (newest is None or is_newer(proposal.ballot, newest.ballot)):
            newest = proposal
    return newest
