import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.backends.simulation.cql.parser import parse
from harness.backends.simulation.node_program import main, prepare
from harness.waiting import wait_until
from tests.backends.simulation.started_nodes import addresses, config_of, free_ports

TIMEOUT_S = 30


def test_what_copies_share_is_a_parser_that_has_been_used() -> None:
    parse.cache_clear()
    prepare()
    assert parse.cache_info().misses == 1


@pytest.mark.parametrize("arguments", [[], ["one.json", "two.json"], ["one.json", "4", "5"]])
def test_wrong_usage_says_what_is_right(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert (
        capsys.readouterr().err
        == "usage: python -m harness.backends.simulation.node_program CONFIG.json [GATE]\n"
    )


def test_behind_a_gate_that_nobody_can_open_it_ends_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (address,) = addresses(1)
    path = tmp_path / "config.json"
    config_of(address, [address], tmp_path, free_ports(address)).write(path)
    gate, opener = os.pipe()
    os.close(opener)
    assert main([str(path), str(gate)]) == 0
    os.close(gate)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file or directory"),
        ("{", "cannot be read"),
        ('{"name": "n1", "speed": 3}', "has settings that no node knows: speed"),
        ('{"name": "n1"}', "lacks settings"),
    ],
)
def test_settings_that_cannot_be_used_are_named_in_a_line(
    text: str | None, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    assert main([str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("the node cannot start: ")
    assert str(path) in line
    assert why in line


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_port_in_use_is_named(which: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (address,) = addresses(1)
    ports = free_ports(address)
    path = tmp_path / "config.json"
    config_of(address, [address], tmp_path, ports).write(path)
    with socket.socket() as holder:
        holder.bind((address, ports[which]))
        holder.listen()
        assert main([str(path)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("the node cannot start: ")
    assert str(ports[which]) in last
    assert "address already in use" in last.lower()


def test_a_folder_for_data_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (address,) = addresses(1)
    path = tmp_path / "config.json"
    config = config_of(address, [address], tmp_path, free_ports(address))
    config.write(path)
    Path(config.data_folder).rmdir()
    assert main([str(path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert config.data_folder in line


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    (address,) = addresses(1)
    path, log = tmp_path / "config.json", tmp_path / "log"
    config_of(address, [address], tmp_path, free_ports(address)).write(path)
    with log.open("w") as said:
        program = subprocess.Popen(
            [sys.executable, "-m", "harness.backends.simulation.node_program", str(path)],
            stderr=said,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    try:
        assert wait_until(lambda: "serves clients" in log.read_text(), timeout_s=TIMEOUT_S)
        program.send_signal(signal.SIGTERM)
        assert program.wait(TIMEOUT_S) == 0
    finally:
        program.kill()
        program.wait()
    assert log.read_text().splitlines()[-1].endswith("n1 stops")
