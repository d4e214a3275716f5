from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.simulated import SimulatedSite
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.network.networks import skip_without_namespaces

pytestmark = pytest.mark.namespaces

TIMEOUT_S = 20


@pytest.fixture(autouse=True)
def _namespaces(tmp_path: Path) -> None:
    skip_without_namespaces(tmp_path)


@contextmanager
def site_of(needs: Needs) -> Iterator[SimulatedSite]:
    site = SimulatedSite.create(needs)
    try:
        yield site
    finally:
        site.close()


def placed(site: SimulatedSite) -> list[tuple[str, str, str]]:
    return [(machine.name, machine.datacenter, machine.rack) for machine in site.machines]


def test_three_nodes_of_one_datacenter_where_nobody_asks_for_more() -> None:
    with site_of(Needs()) as site:
        assert placed(site) == [(f"n{index}", "datacenter1", "rack1") for index in (1, 2, 3)]
        first = site.configs["n1"]
        assert first.seeds == tuple(machine.address for machine in site.machines)
        assert first.snitch == "SimpleSnitch"


def test_datacenters_are_filled_one_after_the_other_and_a_newcomer_goes_where_there_are_fewest() -> None:
    with site_of(Needs(nodes=3, datacenters=2, compression="all", hints=False)) as site:
        assert placed(site) == [("n1", "dc1", "r1"), ("n2", "dc1", "r2"), ("n3", "dc2", "r1")]
        newcomer = site.add_machine()
        assert (newcomer.name, newcomer.datacenter, newcomer.rack) == ("n4", "dc2", "r2")
        assert not newcomer.is_seed
        config = site.configs["n4"]
        assert config.seeds == tuple(machine.address for machine in site.machines[:3])
        assert config.internode_compression == "all"
        assert not config.hinted_handoff_enabled


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (Needs(nodes=0), "at least one node"),
        (Needs(nodes=1, datacenters=2), "1 nodes cannot be spread over 2 datacenters"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(needs: Needs, why: str) -> None:
    with pytest.raises(BackendError, match=why):
        SimulatedSite.create(needs)


def test_a_node_that_was_never_started_cannot_be_steered() -> None:
    with site_of(Needs(nodes=1)) as site:
        (machine,) = site.machines
        assert machine.exit_code() is None
        for steer in (machine.kill, machine.stop, machine.pause, machine.resume):
            with pytest.raises(BackendError, match="n1: it was never started"):
                steer()


def test_a_prepared_node_does_nothing_before_it_is_started() -> None:
    with site_of(Needs(nodes=2)) as site:
        site.prepare()
        first, second = site.machines
        logs = [site.folder / f"{machine.name}.log" for machine in site.machines]
        assert [log.read_text() for log in logs] == ["", ""]
        assert first.exit_code() is None
        first.start()
        assert wait_until(lambda: "n1 starts on" in logs[0].read_text(), timeout_s=TIMEOUT_S)
        assert logs[1].read_text() == ""
        with pytest.raises(BackendError, match="n1 runs already"):
            first.start()
        with pytest.raises(BackendError, match="n2: it was never started"):
            second.kill()
        # Only the first process of a node is prepared.
        first.kill()
        first.start()
        assert first.exit_code() is None


def test_nodes_get_the_faults_that_are_asked_for_or_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HARNESS_SIMULATED_FAULTS", "lose_hint")
    with site_of(Needs(nodes=1)) as site:
        configs = site.configs.values()
    assert [config.faults for config in configs] == [("lose_hint",)]
    with pytest.raises(BackendError, match="no fault is called lose_everything"):
        SimulatedSite.create(Needs(nodes=1), ["lose_everything"])


def test_without_compiled_files_beside_the_sources_nodes_have_them_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with site_of(Needs(nodes=1)) as site:
        (machine,) = site.machines
        machine.start()
    assert list((tmp_path / "scylla-wire-harness" / "bytecode").rglob("node_program.*.pyc"))
