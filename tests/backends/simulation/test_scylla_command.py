from pathlib import Path

import pytest

from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.scylla_command import read_command
from harness.errors import BackendError

# As the entry point of the official image starts it, and as scylla.yaml is delivered.
DOCKER = (
    "--log-to-syslog 0 --log-to-stdout 1 --developer-mode=1 --memory 750M --smp 1 --overprovisioned "
    "--listen-address 172.20.0.12 --rpc-address 172.20.0.12 "
    "--seed-provider-parameters seeds=172.20.0.11,172.20.0.12 --api-address 0.0.0.0 "
    "--blocked-reactor-notify-ms 999999999"
)
YAML = """\
cluster_name: 'wire'
num_tokens: 16
commitlog_sync: periodic
seed_provider:
    - class_name: org.apache.cassandra.locator.SimpleSeedProvider
      parameters:
          - seeds: "10.0.0.1, 10.0.0.2"
listen_address: 10.0.0.2
rpc_address: 10.0.0.2
internode_compression: all
auto_bootstrap: false
endpoint_snitch: GossipingPropertyFileSnitch
write_request_timeout_in_ms: 900
"""


def config(arguments: str, default: Path | None = None) -> NodeConfig:
    found = read_command(arguments.split(), default_options_file=default)
    assert found is not None
    return found


def test_a_containers_command_line_is_understood() -> None:
    found = config(DOCKER)
    assert (found.listen_address, found.seeds) == ("172.20.0.12", ("172.20.0.11", "172.20.0.12"))
    assert (found.snitch, found.datacenter, found.data_folder) == (
        "SimpleSnitch",
        "datacenter1",
        "/var/lib/scylla",
    )


def test_settings_of_a_file_are_understood_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "scylla.yaml").write_text(YAML)
    (tmp_path / "cassandra-rackdc.properties").write_text("# where\ndc=east\nrack = r7\nprefer_local=true\n")
    found = config(f"--options-file {tmp_path}/scylla.yaml --num-tokens 4 --workdir {tmp_path}/data")
    assert (found.cluster_name, found.num_tokens, found.seeds) == ("wire", 4, ("10.0.0.1", "10.0.0.2"))
    assert (found.datacenter, found.rack, found.internode_compression) == ("east", "r7", "all")
    assert (found.auto_bootstrap, found.write_request_timeout_in_ms) == (False, 900)
    assert found.data_folder == f"{tmp_path}/data"


def test_file_is_looked_for_where_it_always_is(tmp_path: Path) -> None:
    path = tmp_path / "scylla.yaml"
    path.write_text("listen_address: 10.0.0.9\n")
    found = config("--initial-token -5,7", path)
    assert (found.listen_address, found.seeds, found.initial_token) == ("10.0.0.9", ("10.0.0.9",), (-5, 7))


def test_version_alone_starts_nothing() -> None:
    assert read_command(["--version"]) is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--listen-address 10.0.0.1 --num-tokenz 3", "unrecognised option: --num-tokenz"),
        ("10.0.0.1", "'10.0.0.1' is no option"),
        ("--listen-address 10.0.0.1 --overprovisioned 1", "'1' is no option"),
        ("--listen-address 10.0.0.1 --seeds 10.0.0.1", "unrecognised option: --seeds"),
        ("--listen-address", "--listen-address has no value"),
        ("--smp 1", "listen_address is localhost: other nodes cannot reach that"),
        ("--listen-address 10.0.0.1 --rpc-address 10.0.0.2", "rpc_address is 10.0.0.2, .* has one address"),
        ("--listen-address 10.0.0.1 --num-tokens many", "num_tokens is 'many', which is no number"),
        ("--listen-address 10.0.0.1 --auto-bootstrap maybe", "auto_bootstrap is 'maybe', .* neither"),
        (
            "--listen-address 10.0.0.1 --partitioner ByteOrderedPartitioner",
            "there is only Murmur3Partitioner",
        ),
        ("--options-file /nowhere/scylla.yaml", "/nowhere/scylla.yaml cannot be read"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(arguments: str, why: str) -> None:
    with pytest.raises(BackendError, match=why):
        config(arguments)


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "\x00"])
def test_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "scylla.yaml"
    path.write_text(text)
    with pytest.raises(BackendError, match=r"scylla\.yaml"):
        config(f"--options-file {path}")


def test_snitch_without_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scylla.yaml"
    path.write_text(YAML)
    with pytest.raises(BackendError, match=r"needs .*cassandra-rackdc\.properties"):
        config(f"--options-file {path}")
