import os
from collections.abc import Iterator
from typing import cast

import pytest

from harness.backends.held_launch import HeldLaunch
from harness.backends.network.process import Process


class Launched:
    """What is launched, and the gates that it was given."""

    def __init__(self) -> None:
        self.gates: list[int | None] = []
        self.processes: list[Process] = []

    def __call__(self, gate: int | None) -> Process:
        # As a process does: the caller closes its own.
        self.gates.append(None if gate is None else os.dup(gate))
        self.processes.append(cast("Process", object()))
        return self.processes[-1]

    def through(self, number: int) -> bytes:
        """What has come through a gate that is open or closed for good."""
        gate = self.gates[number]
        assert gate is not None
        return os.read(gate, 10)


@pytest.fixture
def launched() -> Iterator[Launched]:
    launched = Launched()
    yield launched
    for gate in launched.gates:
        if gate is not None:
            os.close(gate)


def test_what_is_not_prepared_is_started_without_a_gate(launched: Launched) -> None:
    launch = HeldLaunch(launched)
    assert [launch(), launch()] == launched.processes
    assert launched.gates == [None, None]


def test_a_prepared_process_begins_when_it_is_asked_for_and_the_next_one_is_new(launched: Launched) -> None:
    launch = HeldLaunch(launched)
    launch.prepare()
    gate = launched.gates[0]
    assert gate is not None
    os.set_blocking(gate, False)
    with pytest.raises(BlockingIOError):
        launched.through(0)
    assert launch() is launched.processes[0]
    assert launched.through(0) == b"\0"
    assert launch() is launched.processes[1]
    assert launched.gates[1] is None


def test_a_prepared_process_is_let_go_if_nobody_wants_it(launched: Launched) -> None:
    launch = HeldLaunch(launched)
    launch.prepare()
    launch.close()
    launch.close()
    assert launched.through(0) == b""


def test_a_prepared_process_that_has_ended_is_given_all_the_same(launched: Launched) -> None:
    launch = HeldLaunch(launched)
    launch.prepare()
    gate, launched.gates[0] = launched.gates[0], None
    assert gate is not None
    os.close(gate)
    assert launch() is launched.processes[0]


def test_nothing_stays_open_when_a_process_cannot_be_prepared() -> None:
    gates: list[int] = []

    def refused(gate: int | None) -> Process:
        assert gate is not None
        gates.append(os.dup(gate))
        raise OSError("no")

    launch = HeldLaunch(refused)
    with pytest.raises(OSError, match="no"):
        launch.prepare()
    assert os.read(gates[0], 1) == b""
    os.close(gates[0])
