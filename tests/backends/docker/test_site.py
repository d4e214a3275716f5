from contextlib import suppress
from dataclasses import replace

import pytest

from harness.backends.contract import Needs
from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.site import DockerSite, why_not
from harness.backends.docker.way_in import WayIn
from harness.backends.live.cluster import LiveCluster
from harness.codec.verbs.line import Line
from harness.errors import BackendError
from harness.waiting import wait_until
from tests.backends.docker.conftest import Started

pytestmark = pytest.mark.docker
SECOND = "SELECT key FROM system.local"


def names_left(engine: Engine, site: DockerSite) -> list[str]:
    """Containers and networks of a cluster that are still there."""
    wanted = {"label": f"{labels.CLUSTER}={site.name}"}
    containers = engine.api.containers(all=True, filters=wanted)
    return [
        *(item["Names"][0] for item in containers),
        *(item["Name"] for item in engine.api.networks(filters=wanted)),
    ]


def sees_down(started: Started, viewer: str, address: str) -> bool:
    machine = next(machine for machine in started.site.machines if machine.name == viewer)
    return address not in started.cluster.members.api(machine).live_endpoints()


def test_nodes_have_fixed_addresses_and_no_published_ports(started: Started, engine: Engine) -> None:
    site = started.site
    assert [machine.address for machine in site.machines] == [
        str(site.network.subnet[number]) for number in (11, 12)
    ]
    for container in engine.api.containers(filters={"label": f"{labels.CLUSTER}={site.name}"}):
        assert not any("PublicPort" in port for port in container["Ports"])
    assert site.line is Line.V4_2
    assert started.cluster.line is Line.V4_2


def test_settings_of_the_image_stay_below_ours(started: Started, engine: Engine) -> None:
    (first, _) = started.site.machines
    containers = engine.api.containers(filters={"label": f"{labels.CLUSTER}={started.site.name}"})
    (container,) = [item["Id"] for item in containers if item["Labels"].get(labels.NODE) == "n1"]
    execution = engine.api.exec_create(container, ["cat", "/etc/scylla/scylla.yaml"])["Id"]
    text = engine.api.exec_start(execution).decode()
    assert "commitlog_sync_period_in_ms: 10000" in text
    assert f"api_address: {first.address}" in text


def test_node_that_is_paused_stands_still_and_goes_on(started: Started) -> None:
    node = started.cluster.node("n2")
    node.pause()
    assert wait_until(lambda: sees_down(started, "n1", node.address), timeout_s=30)
    node.resume()
    assert not sees_down(started, "n1", node.address)


def test_node_that_is_killed_comes_back_with_its_identity(started: Started) -> None:
    node = started.cluster.node("n2")
    before = started.cluster.members.api(node.machine).host_id()
    node.kill()
    assert node.machine.exit_code() == 137
    node.start()
    assert started.cluster.members.api(node.machine).host_id() == before


def test_node_that_is_stopped_ends_in_order(started: Started) -> None:
    node = started.cluster.node("n2")
    node.stop()
    assert node.machine.exit_code() == 0
    assert sees_down(started, "n1", node.address)
    node.start()


@pytest.mark.parametrize("is_root_here", [True, False], ids=["from here", "from a container"])
def test_isolated_node_hears_nobody_until_it_is_healed(
    started: Started, monkeypatch: pytest.MonkeyPatch, is_root_here: bool
) -> None:
    if not is_root_here:
        monkeypatch.setattr(WayIn, "_from_here", lambda *_: None)
    node = started.cluster.node("n2")
    node.isolate()
    assert wait_until(
        lambda: (
            sees_down(started, "n1", node.address)
            and sees_down(started, "n2", started.cluster.node("n1").address)
        ),
        timeout_s=30,
    )
    # Clients still reach it.
    assert started.cluster.members.coordinators.session(node.address).execute(SECOND).one().key == "local"
    node.heal()
    assert not sees_down(started, "n1", node.address)


def test_logs_tell_what_nodes_said(started: Started) -> None:
    for path in started.site.logs:
        assert "serves clients on port 9042" in path.read_text()


def test_node_that_dies_in_boot_is_told_with_its_last_words(engine: Engine, options: DockerOptions) -> None:
    site = DockerSite.create(Needs(nodes=1), replace(options, arguments=("--no-such-option", "1")))
    with pytest.raises(BackendError) as caught:
        LiveCluster.start(site, timeout_s=60)
    said = str(caught.value)
    assert said.startswith("n1 has ended with exit code 1; its log ends with:\n")
    assert "startup failed: unrecognised option: --no-such-option" in said
    assert names_left(engine, site) == []


def test_image_without_scylla_is_told(options: DockerOptions, engine: Engine) -> None:
    tagged = "scylla-wire-harness/test-empty"
    (base, *_) = engine.client.images.list("scylla-wire-harness/test-base")
    assert base.tag(tagged)
    with pytest.raises(BackendError, match=f"image {tagged} has no scylla in it; is --image right?"):
        DockerSite.create(Needs(nodes=1), replace(options, image=tagged))
    with suppress(BackendError):
        engine.client.images.remove(tagged)


def test_what_the_image_cannot_give_is_known_beforehand(options: DockerOptions) -> None:
    assert why_not(Needs(), options) == ""
    assert why_not(Needs(lines=("2025.1",)), options).startswith("not of 4.2, which the image is of")
    assert "has no tablets" in why_not(Needs(tablets=True), options)


def test_cluster_to_attach_to_has_to_be_there(options: DockerOptions) -> None:
    with pytest.raises(BackendError, match=r"no cluster called nobody runs; there are: .*docker compose up"):
        DockerSite.attach(replace(options, attach="nobody"))
