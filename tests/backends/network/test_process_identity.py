import os
import subprocess
import sys

from harness.backends.network.process_identity import ProcessIdentity
from harness.waiting import wait_until


def test_this_process_is_alive() -> None:
    identity = ProcessIdentity.of(os.getpid())
    assert identity is not None
    assert identity.is_alive()


def test_another_process_with_the_same_number_is_not_taken_for_the_first() -> None:
    identity = ProcessIdentity.of(os.getpid())
    assert identity is not None
    assert not identity._replace(started_ticks=identity.started_ticks - 1).is_alive()


def test_a_process_that_has_ended_is_gone_even_before_its_parent_asks() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        process.kill()
        assert wait_until(identity.has_ended, timeout_s=10)
    assert ProcessIdentity.of(process.pid) is None


def test_a_number_that_nobody_has_is_no_process() -> None:
    assert ProcessIdentity.of(1 << 30) is None
