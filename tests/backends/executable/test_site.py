import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from harness.backends.contract import Needs
from harness.backends.executable.options import ExecutableOptions
from harness.backends.executable.site import ExecutableSite
from harness.backends.live.cluster import LiveCluster
from harness.backends.process_machine import ProcessMachine
from harness.codec.verbs.line import Line
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.executable.conftest import PROJECT
from tests.backends.network.wrappers import states_in

pytestmark = pytest.mark.namespaces


@contextmanager
def site_of(options: ExecutableOptions, needs: Needs) -> Iterator[ExecutableSite]:
    site = ExecutableSite.create(needs, options)
    try:
        yield site
    finally:
        site.close()


def written(site: ExecutableSite, name: str) -> dict[str, object]:
    told = yaml.safe_load((site.folder / name / "scylla.yaml").read_text())
    assert isinstance(told, dict)
    return told


def test_settings_are_written_where_the_executable_looks(scylla: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("num_tokens: 4\nwrite_request_timeout_in_ms: 900\n")
    options = ExecutableOptions(executable=scylla, arguments=("--ring-delay-ms", "50"), yaml=overlay)
    with site_of(options, Needs(nodes=3, datacenters=2, compression="all", hints=False)) as site:
        assert site.line is Line.V4_2
        cluster = LiveCluster.start(site)
        last = site.machines[2]
        told = written(site, "n3")
        for name in ("listen_address", "rpc_address", "broadcast_address", "api_address"):
            assert told[name] == last.address
        assert told["num_tokens"] == 4
        assert told["write_request_timeout_in_ms"] == 900
        assert told["internode_compression"] == "all"
        assert told["hinted_handoff_enabled"] is False
        assert told["endpoint_snitch"] == "GossipingPropertyFileSnitch"
        seeds = told["seed_provider"][0]["parameters"][0]["seeds"]  # type: ignore[index]  # YAML
        assert seeds == ",".join(machine.address for machine in site.machines)
        properties = (site.folder / "n3" / "cassandra-rackdc.properties").read_text()
        assert properties.splitlines()[:2] == ["dc=dc2", "rack=r1"]
        assert isinstance(last, ProcessMachine)
        command = site.command_of(last.place)
        assert command[-2:] == ("--ring-delay-ms", "50")
        assert "--developer-mode" in command
        # What the user wants is what the cluster has.
        assert [len(node.tokens) for node in cluster.topology.nodes] == [4, 4, 4]


def test_node_that_dies_in_boot_is_told_with_its_last_words(scylla: Path) -> None:
    options = ExecutableOptions(executable=scylla, arguments=("--no-such-option", "1"))
    with (
        site_of(options, Needs(nodes=1)) as site,
        pytest.raises(
            BackendError, match="n1 has ended with exit code 1; its log ends with:\n  startup failed: unrec"
        ),
    ):
        LiveCluster.start(site, timeout_s=60)


def test_faults_reach_the_process_behind_a_wrapper(scylla: Path) -> None:
    options = ExecutableOptions(executable=scylla, prefix=("env", "WRAPPED=1"))
    with site_of(options, Needs(nodes=2)) as site:
        cluster = LiveCluster.start(site)
        node = cluster.node("n2")
        viewer = cluster.members.api(cluster.node("n1").machine)

        def sees_down() -> bool:
            return node.address not in viewer.live_endpoints()

        node.kill()
        assert node.machine.exit_code() == -9
        node.start()
        assert not sees_down()
        node.pause()
        assert wait_until(sees_down, timeout_s=30)
        node.resume()
        assert not sees_down()
        node.isolate()
        assert wait_until(sees_down, timeout_s=30)
        node.heal()
        node.stop()
        assert node.machine.exit_code() == 0
        for log in site.logs:
            assert "serves clients on port 9042" in log.read_text()


# Each node finds its own way, by the folder that it is told.
WRAPPER = """#!/bin/sh
case "$SCYLLA_CONF" in
  */n1) exec setsid "$@" ;;
  */n2) (setsid "$@" &) ;;
  */n3) "$@"; exit $? ;;
  *) exec "$@" ;;
esac
"""


def test_faults_reach_nodes_whose_wrappers_begin_sessions_or_end_before_them(
    scylla: Path, tmp_path: Path
) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(WRAPPER)
    wrapper.chmod(0o755)
    options = ExecutableOptions(executable=scylla, prefix=(str(wrapper),))
    with site_of(options, Needs(nodes=3)) as site:
        cluster = LiveCluster.start(site)
        nodes = [cluster.node(name) for name in ("n1", "n2", "n3")]
        for node in nodes:
            inside = site.network.node(node.name)
            node.pause()
            assert states_in(inside)
            assert all(threads == {"T"} for threads in states_in(inside).values())
            node.resume()
        nodes[0].kill()
        assert nodes[0].machine.exit_code() == -9
        for node, log in zip(nodes[1:], site.logs[1:], strict=True):
            node.stop()
            assert node.machine.exit_code() == 0
            assert " stops\n" in log.read_text()
        assert [states_in(site.network.node(node.name)) for node in nodes] == [{}, {}, {}]


def test_scenarios_pass_and_the_cluster_is_used_again(scylla: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "scenarios", "-k", "plain_write or lwt_round or paused or single_partition",
         "--cluster=executable", f"--scylla-exe={scylla}", f"--report-dir={tmp_path / 'reports'}", "-q",
         "-p", "no:cacheprovider", "-W", "error"],
        cwd=PROJECT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"(\d+) passed", run.stdout)
    assert found is not None
    assert int(found[1]) >= 10
    (logs, *_) = (tmp_path / "reports").glob("*/*/logs")
    assert {path.name for path in logs.iterdir()} == {"n1.log", "n2.log", "n3.log"}


@pytest.mark.parametrize(
    ("text", "why"),
    [("- 1\n", "is no scylla.yaml"), ("a: [\n", "cannot be read"), (None, "cannot be read")],
)
def test_overlay_that_is_none_is_refused(scylla: Path, tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "overlay.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BackendError, match=why):
        ExecutableSite.create(Needs(nodes=1), replace(ExecutableOptions(executable=scylla), yaml=path))
