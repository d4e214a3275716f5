"""Lines of supervisord as its own sources compose them.

Source:
    Supervisor 3.1 and 4.2, supervisor/process.py, supervisor/options.py, supervisor/loggers.py.
"""

import pytest

from harness.backends.docker.supervision import exit_code_in, was_killed, words_before_end

TIME = "2026-11-30 02:45:00,123"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("INFO exited: scylla (exit status 1; not expected)", 1),
        ("WARN exited: scylla (exit status 7; not expected)", 7),
        ("INFO exited: scylla (exit status 0; expected)", 0),
        ("INFO exited: scylla (exit status 0; not expected)", 0),
        ("WARN exited: scylla (terminated by SIGKILL; not expected)", -9),
        ("WARN exited: scylla (terminated by SIGABRT (core dumped); not expected)", -6),
        ("WARN exited: scylla (terminated by signal 64; not expected)", -64),
        ("INFO exited: scylla-jmx (exit status 1; not expected)", None),
        ("WARN exited: scylla-node-exporter (terminated by SIGKILL; not expected)", None),
        ("INFO stopped: scylla (exit status 0)", None),
        ("INFO success: scylla entered RUNNING state, process has stayed up for > than 1 seconds", None),
    ],
)
def test_end_of_the_node_is_told_from_those_of_others(line: str, code: int | None) -> None:
    assert exit_code_in(f"{TIME} INFO spawned: 'scylla' with pid 12\n{TIME} {line}\n") == code


def test_first_of_several_ends_counts() -> None:
    log = f"{TIME} WARN exited: scylla (terminated by SIGILL; not expected)\n{TIME} INFO exited: scylla (exit status 1; not expected)\n"
    assert exit_code_in(log) == -4


def test_node_is_killed_only_when_that_ended_it() -> None:
    assert was_killed(
        f"{TIME} WARN killing 'scylla' (12) with SIGKILL\n{TIME} WARN stopped: scylla (terminated by SIGKILL)\n"
    )
    assert not was_killed(f"{TIME} INFO stopped: scylla (exit status 0)\n")
    assert not was_killed(f"{TIME} WARN stopped: rsyslog (terminated by SIGKILL)\n")


def test_last_words_are_those_of_the_life_that_ended() -> None:
    log = (
        f"{TIME} INFO spawned: 'scylla' with pid 12\n"
        f"INFO  {TIME} [shard 0:main] init - starting\n"
        f"{TIME} INFO exited: scylla (exit status 1; not expected)\n"
        f"ERROR {TIME} [shard 0:main] init - Startup failed: out of luck\n"
        f"{TIME} INFO spawned: 'scylla' with pid 34\n"
        f"INFO  {TIME} [shard 0:main] init - starting again\n"
    )
    assert words_before_end(log) == (
        f"INFO  {TIME} [shard 0:main] init - starting\n"
        f"ERROR {TIME} [shard 0:main] init - Startup failed: out of luck"
    )
