"""Which process a number means: numbers are used again, a number with a start time is not."""

from pathlib import Path
from typing import NamedTuple, Self

_ZOMBIE = b"Z"


class ProcessIdentity(NamedTuple):
    """One process of this boot of the machine."""

    pid: int
    started_ticks: int
    """Since boot, as the kernel counts."""

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has this number now; None if there is none, or only its exit code is left."""
        stat = _stat(pid)
        if stat is None or stat[0] == _ZOMBIE:
            return None
        return cls(pid, int(stat[19]))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self.of(self.pid) == self

    def has_ended(self) -> bool:
        """Whether this process runs no more."""
        return not self.is_alive()


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the third, the state, on.

    Source:
        Linux man page proc_pid_stat(5): state is field 3, starttime is field 22.
    """
    try:
        data = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses, which may hold anything.
    return data[data.rindex(b")") + 1 :].split()
