"""A program that the keeper of namespaces has started, with all that came of it."""

import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from harness.backends.network.residents import Resident, listeners, remains, residents

_LOOKS = 2
"""What starts while processes are looked for is found by the next look."""
_NO_SESSION = -1


class Child:
    """A program, and the processes that it consists of.

    Args:
        pid: its number for the keeper.
        session: the session that it leads, as /proc numbers it.
        network: the network namespace that it has for itself, as /proc calls it; None: it has none.
        inner_level: at which place among the numbers of a process that for the keeper stands.
        orphans: exit codes of processes that were left to the keeper, by their numbers for it.
    """

    def __init__(
        self, pid: int, *, session: int, network: str | None, inner_level: int, orphans: dict[int, int]
    ) -> None:
        self.pid = pid
        self.session = session
        self.network = network
        self.exit_code: int | None = None
        """Of its first process; None while that runs."""
        self.is_gone = False
        """Whether nothing is left of it, as far as somebody has asked."""
        self._inner_level = inner_level
        self._orphans = orphans
        self._asked: set[tuple[int, int]] = set()
        """Processes that were sent SIGTERM in order to shut down."""
        self._seen: dict[int, tuple[int, int]] = {}
        """By their numbers for the keeper: its processes, as far as they may be left to that."""

    def send(self, number: int, *, others: Collection[int]) -> None:
        """Send a signal to all its processes.

        Args:
            number: of the signal.
            others: sessions of other programs.
        """
        if not self.is_gone:
            with self._residents(others) as found:
                _send_all(found, number)

    def pause(self, *, others: Collection[int]) -> bool:
        """Take it a step towards standing still; whether all of it does.

        A process stops after the one that has started it, for job control of a shell takes notice of what stops; but it
        does not stop at all without the one that traces it.
        """
        for _ in range(0 if self.is_gone else _LOOKS):
            with self._residents(others) as found:
                restless = {resident.pid for resident in found if not resident.stands_still()}
                traced_by = {resident.pid: resident.tracer_pid() for resident in found}
                needed = {traced_by[pid] for pid in restless}
                moving: set[int] = set()
                for resident in found:
                    if resident.pid in needed or (
                        resident.parent_pid in moving and not traced_by[resident.pid]
                    ):
                        moving.add(resident.pid)
                    elif resident.pid in restless:
                        moving.add(resident.pid)
                        resident.send(signal.SIGSTOP)
            if moving:
                return False
        return True

    def terminate(self, *, is_patient: bool, others: Collection[int]) -> list[tuple[int, int]]:
        """Let it shut down.

        Args:
            is_patient: send SIGTERM to what serves, for what wraps it ends by itself then; to all where nothing serves.
                Otherwise: to all that have not been sent it yet.
            others: sessions of other programs.

        Returns:
            Who was sent it: number in /proc, start in ticks since boot.
        """
        if self.is_gone:
            return []
        with self._residents(others) as found:
            if is_patient:
                asked = listeners(found) or found
                self._asked.clear()
            else:
                asked = [resident for resident in found if resident.identity not in self._asked]
            _send_all(asked, signal.SIGTERM)
            _send_all(found, signal.SIGCONT)
            self._asked |= {resident.identity for resident in asked}
            return [resident.identity for resident in asked]

    def has_ended(self, *, others: Collection[int]) -> bool:
        """Whether nothing is left of it.

        Args:
            others: sessions of other programs.
        """
        if self.exit_code is None or self.is_gone:
            return self.is_gone
        for _ in range(_LOOKS):
            with self._residents(others) as found:
                if found:
                    return False
        if any(remains(*identity) for identity in self._seen.values()):
            return False
        codes = [self._orphans.pop(pid) for pid in [*self._orphans] if pid in self._seen]
        if self.exit_code == 0:
            # A wrapper that has only started others says nothing of how these have fared.
            self.exit_code = next(filter(None, codes), 0)
        self.is_gone = True
        return True

    @contextmanager
    def _residents(self, others: Collection[int]) -> Iterator[list[Resident]]:
        with residents(session=self.session, network=self.network, others=others) as found:
            self._keep_in_mind(found)
            yield found

    def _keep_in_mind(self, found: Collection[Resident]) -> None:
        self._seen = {
            pid: identity
            for pid, identity in self._seen.items()
            if pid in self._orphans or remains(*identity)
        }
        for resident in found:
            pids = resident.inner_pids()
            if len(pids) > self._inner_level:
                pid = pids[self._inner_level]
                # Of one that had the same number before.
                self._orphans.pop(pid, None)
                self._seen[pid] = resident.identity
        if found and all(resident.session != self.session for resident in found):
            # Its number may come to mean another one.
            self.session = _NO_SESSION


def _send_all(found: Sequence[Resident], number: int) -> None:
    # Those who watch over others shall not see these change: the last to stand still, the first to go on.
    for resident in reversed(found) if number == signal.SIGCONT else found:
        resident.send(number)
