"""What the log of a container says of a node that is not its first process.

In the image ``scylladb/scylla`` the first process is a script that starts supervisord, which starts the node, starts it
again when it has failed, and says so; the container goes on meanwhile.

Source:
    Scylla, dist/docker/docker-entrypoint.py (passes SIGTERM on to supervisord),
    dist/docker/etc/supervisord.conf.d/scylla-server.conf (up to 4.3 a node has the ten seconds to stop that are usual
    there, later ones have fifteen minutes); Supervisor, supervisor/process.py (what is said when a process has ended),
    supervisor/options.py (how exit codes and signals are told), supervisor/loggers.py (its lines).
"""

import re
import signal

CONTROL = "supervisorctl"
PROGRAM = "scylla"
"""What supervisord calls the node."""
_ENDING = r"(?:exit status (?P<code>\d+)|terminated by (?:signal )?(?P<signal>\w+)(?: \(core dumped\))?)"
_EXITED = re.compile(rf"exited: {PROGRAM} \({_ENDING}; (?:not )?expected\)")
_KILLED = re.compile(rf"stopped: {PROGRAM} \(terminated by SIGKILL")
_BEGUN_AGAIN = re.compile(rf"spawned: '{PROGRAM}' with pid")
_OWN_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?:DEBG|INFO|WARN|ERRO|CRIT) ")


def exit_code_in(log: str) -> int | None:
    """How the node first ended by itself: its exit code, negative for the signal that ended it; None: it did not."""
    found = _EXITED.search(log)
    if found is None:
        return None
    if found["code"] is not None:
        return int(found["code"])
    name = found["signal"]
    return -int(name) if name.isdecimal() else -signal.Signals[name]


def was_killed(log: str) -> bool:
    """Whether the node, told to stop, did not in time."""
    return _KILLED.search(log) is not None


def words_before_end(log: str) -> str:
    """What was said until the node first ended by itself, without the supervisor's own lines."""
    found = _EXITED.search(log)
    if found is not None:
        # What it said last may come a little behind, for it takes another way.
        again = _BEGUN_AGAIN.search(log, found.end())
        log = log[: again.start() if again is not None else None]
    return "\n".join(line for line in log.splitlines() if not _OWN_LINE.match(line))
