import subprocess
import sys

import pytest

from harness.backends.simulation.scylla_command import RELEASE
from harness.backends.simulation.scylla_program import main, own_address

PROGRAM = [sys.executable, "-m", "harness.backends.simulation.scylla_program"]


def test_version_is_told_on_standard_output() -> None:
    answer = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{RELEASE}\n", "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--no-such-option", "1"], "unrecognised option: --no-such-option"),
        (["--options-file", "/nonexistent/scylla.yaml"], "/nonexistent/scylla.yaml cannot be read"),
        (
            ["--listen-address", "127.0.0.1", "--num-tokens", "many"],
            "num_tokens is 'many', which is no number",
        ),
    ],
)
def test_node_that_cannot_start_says_so_in_one_line(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"startup failed: {why}")
    assert said.count("\n") == 1


def test_port_that_is_taken_ends_the_node(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    # Nobody may listen on an address that this machine does not have.
    assert main(["--listen-address", "192.0.2.1", "--workdir", str(tmp_path), "--seeds", "192.0.2.1"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("startup failed: ")


def test_own_address_is_one_that_others_can_reach() -> None:
    assert not (own_address() or "").startswith("127.")
