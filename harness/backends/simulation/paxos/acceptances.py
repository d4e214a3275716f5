"""The answers of participants to PAXOS_ACCEPT.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (paxos_response_handler::accept_proposal).
"""

import asyncio
from collections.abc import Callable

from harness.backends.simulation.paxos.participants import Participants
from harness.backends.simulation.paxos.paxos_errors import PaxosErrors


class Acceptances:
    """Takes the answers to one proposal.

    Args:
        participants: who was asked.
        errors: makes what the client is told.
        is_own: whether it is the client's; one that some have accepted may yet be decided by others, and then
            nobody can say what has become of it. Somebody else's unfinished proposal is just tried again.
        note: hears what the answers come to, for a trace.
    """

    def __init__(
        self,
        participants: Participants,
        errors: PaxosErrors,
        *,
        is_own: bool,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._participants = participants
        self._errors = errors
        self._is_own = is_own
        self._note = note
        self._accepted_count = 0
        self._refused_count = 0
        self._failed_count = 0
        self.done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether it was accepted by enough."""

    def take(self, address: str, *, is_accepted: bool) -> None:
        """Take the answer of a participant."""
        if self.done.done():
            return
        self._tell(f'got "{"accepted" if is_accepted else "rejected"}" from /{address}')
        if is_accepted:
            self._accepted_count += 1
            if self._accepted_count == self._participants.required:
                self._tell("got enough accepts to proceed")
                self.done.set_result(True)
                return
        else:
            self._refused_count += 1
        self._settle()

    def time_out(self) -> None:
        """A participant has not answered in time."""
        if not self.done.done():
            self.done.set_exception(self._errors.timeout(self._answered_count))

    def fail(self) -> None:
        """A participant has failed, or cannot be reached."""
        self._failed_count += 1
        if not self.done.done():
            self._settle()

    def _settle(self) -> None:
        count, needed = len(self._participants.nodes), self._participants.required
        if count - self._failed_count < needed:
            self.done.set_exception(self._errors.failure(self._answered_count, self._failed_count))
            return
        lost = self._refused_count + self._failed_count
        if not self._is_own and count - lost < needed:
            self._tell("got enough rejects to proceed")
            self.done.set_result(False)
        elif self._accepted_count + lost == count:
            if self._accepted_count or self._failed_count:
                # One that failed may have accepted it before.
                self._tell("proposal is partially rejected")
                self.done.set_exception(self._errors.timeout(self._accepted_count))
            else:
                self._tell("proposal is fully rejected")
                self.done.set_result(False)

    @property
    def _answered_count(self) -> int:
        return self._accepted_count + self._refused_count

    def _tell(self, what: str) -> None:
        self._note(f"accept_proposal: {what}")
