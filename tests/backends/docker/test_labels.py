import os
import subprocess
import sys

from harness.backends.docker.labels import CLUSTER, OWNER, STAYS, is_left_over, of_cluster, owner


def of_ended_process() -> str:
    script = "from harness.backends.docker.labels import owner; print(owner())"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_what_a_living_process_owns_is_not_left_over() -> None:
    assert not is_left_over({OWNER: owner()})
    assert not is_left_over({})


def test_what_an_ended_process_owned_is_left_over_unless_it_is_to_stay() -> None:
    dead = of_ended_process()
    assert is_left_over({OWNER: dead})
    assert not is_left_over({OWNER: dead, STAYS: "1"})
    assert is_left_over({OWNER: dead, STAYS: "1"}, with_kept=True)


def test_number_that_is_used_again_is_another_process() -> None:
    place, pid, ticks = owner().rsplit("/", 2)
    assert int(pid) == os.getpid()
    assert is_left_over({OWNER: f"{place}/{pid}/{int(ticks) + 1}"})


def test_what_another_machine_owns_is_never_left_over_here() -> None:
    machine, _, rest = owner().partition(":")
    assert not is_left_over({OWNER: f"another-{machine}:{rest}"})
    boot, _, process = rest.partition("/")
    assert is_left_over({OWNER: f"{machine}:before-{boot}/{process}"})


def test_what_is_to_stay_says_so_beside_whose_it_is() -> None:
    assert of_cluster("c") == {CLUSTER: "c", OWNER: owner()}
    assert of_cluster("c", stays=True) == {CLUSTER: "c", OWNER: owner(), STAYS: "1"}
