"""The first question of a node that starts, before anybody knows it: who is there?

Scylla waits for an answer as long as that may take; here nobody is waited for who is known to have none.

Source:
    Scylla (branch 4.2), gms/gossiper.cc (do_shadow_round, maybe_finish_shadow_round), service/storage_service.cc
    (check_for_endpoint_collision).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.status import Status
from harness.codec.verbs.gossip import ApplicationState, DigestAck, EndpointState
from harness.errors import BackendError

Told = tuple[tuple[str, EndpointState], ...]
"""What is said of nodes, by address."""

_TRY_S = 0.1
_TRIES_OF_NEWCOMER = 300


class ShadowRound:
    """Asks some nodes for all that they know, and takes the first answer.

    Args:
        ask: sends a node a SYN without digests.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._asked: set[str] = set()
        self._ignorant: set[str] = set()
        self._awaited: frozenset[str] = frozenset()
        """Whose ignorance ends the round, all of theirs; nobody's if it has to bring something."""
        self._answer: asyncio.Future[Told] | None = None

    async def run(self, contacts: Sequence[str], *, has_to_know: bool) -> Told:
        """Ask.

        Args:
            contacts: addresses of those who may know.
            has_to_know: whether the node can do nothing without an answer.

        Returns:
            Nothing if nobody answers, and the node does not have to know: at once if all are ignorant.

        Raises:
            BackendError: nobody answers, and it has to.
        """
        if not contacts:
            return ()
        self._answer = asyncio.get_running_loop().create_future()
        self._awaited = frozenset() if has_to_know else frozenset(contacts)
        self._end_if_all_are_ignorant()
        try:
            for _ in range(_TRIES_OF_NEWCOMER if has_to_know else 1):
                self._asked.update(contacts)
                for address in contacts:
                    self._ask(address)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TRY_S):
                        return await asyncio.shield(self._answer)
        finally:
            self._answer = None
        if has_to_know:
            raise BackendError(f"unable to gossip with any of {', '.join(contacts)}")
        return ()

    def knows_nothing(self, address: str) -> None:
        """Hear that an address knows nothing: nobody listens there yet, or it asks the same question."""
        self._ignorant.add(address)
        self._end_if_all_are_ignorant()

    def takes(self, address: str, ack: DigestAck) -> bool:
        """Take an ACK if it is an answer to the round, which is never answered in turn."""
        if self._answer is not None:
            self._asked.discard(address)
            if not self._answer.done() and ack.states:
                self._answer.set_result(ack.states)
            return True
        if address not in self._asked:
            return False
        self._asked.discard(address)
        return not ack.digests

    def _end_if_all_are_ignorant(self) -> None:
        answer = self._answer
        if answer is not None and not answer.done() and self._awaited and self._awaited <= self._ignorant:
            answer.set_result(())


def check_collision(told: Iterable[tuple[str, EndpointState]], address: str, identity: NodeIdentity) -> None:
    """See to it that no other node has an address, and that this one has not left for good.

    Raises:
        BackendError: one has, or it has.
    """
    said = {
        key: value.value
        for known, state in told
        if known == address
        for key, value in state.application_states
    }
    host_id = said.get(ApplicationState.HOST_ID)
    is_own = host_id in {None, str(identity.host_id)}
    has_left = Status.of(said.get(ApplicationState.STATUS)).is_dead
    if is_own and has_left:
        raise BackendError("this node was decommissioned and will not rejoin the ring")
    if not is_own and not has_left:
        raise BackendError(f"a node with the address {address} exists already, with another host id")
