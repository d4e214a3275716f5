from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.contract import Needs
from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.host_tap import HostTap, why_not_here
from harness.backends.docker.options import CaptureBy, DockerOptions
from harness.backends.docker.site import DockerSite
from harness.backends.live.cluster import LiveCluster
from harness.capture.dumpcap import RunningCapture
from harness.capture.sentinel import decode_sentinel
from harness.codec.pcapng import CaptureDecoder, CaptureEvent, Interface, Packet
from harness.dissect.native import NativeDissector
from harness.errors import CaptureError
from tests.backends.docker.test_scenarios import WRITE, assert_passed, run_scenarios

pytestmark = pytest.mark.docker


@pytest.fixture
def site(options: DockerOptions) -> Iterator[DockerSite]:
    """Two nodes that are recorded where they are; not started."""
    made = DockerSite.create(Needs(nodes=2), replace(options, capture_by=CaptureBy.NODES))
    yield made
    made.close()


def packets_before(path: Path, mark: str) -> list[bytes]:
    """What was recorded before a mark, without marks."""
    found: list[bytes] = []
    for event in events_of(path):
        if isinstance(event, Packet):
            seen = decode_sentinel(event)
            if seen is not None and seen.label == mark:
                return found
            if seen is None:
                found.append(event.data)
    raise AssertionError(f"no mark {mark} in {path}")


def events_of(path: Path) -> list[CaptureEvent]:
    decoder = CaptureDecoder()
    return decoder.feed(path.read_bytes()) + decoder.close()


def verbs_by_connection(path: Path, mark: str) -> Counter[tuple[object, ...]]:
    """Which messages each node sent each other, in order; those before a mark."""
    end_ns = next(
        event.time_ns
        for event in events_of(path)
        if isinstance(event, Packet) and (seen := decode_sentinel(event)) is not None and seen.label == mark
    )
    dissector = NativeDissector()
    messages = dissector.feed(path.read_bytes()) + dissector.close()
    assert dissector.missing.is_complete
    said: defaultdict[tuple[object, object], list[str]] = defaultdict(list)
    for message in messages:
        if message.time_ns < end_ns:
            said[message.sender, message.receiver].append(message.verb_name)
    return Counter((*ends, *verbs) for ends, verbs in said.items())


def test_nodes_record_what_passes_the_bridge_each_frame_once(site: DockerSite, tmp_path: Path) -> None:
    bridge = site.network.bridge
    reason = why_not_here(bridge)
    if reason:
        pytest.skip(reason)
    near, far = tmp_path / "near.pcapng", tmp_path / "far.pcapng"
    with RunningCapture.start(HostTap(bridge), near) as here, RunningCapture.start(site.tap, far) as there:
        # Both from before the first packet.
        cluster = LiveCluster.start(site)
        table = cluster.table("CREATE TABLE taps.t (id int PRIMARY KEY, v text)", replication_factor=2)
        session = cluster.session(cluster.nodes[0])
        for number in range(50):
            session.execute(f"INSERT INTO {table.table.full_name} (id, v) VALUES ({number}, 'x')")
        # The bridge floods its mark to all nodes.
        here.mark("last")
        files = here.stop(), there.stop()
        cluster.members.coordinators.close()
    assert [file.dropped_packets for file in files] == [0, 0]
    packets = [Counter(packets_before(path, "last")) for path in (near, far)]
    assert packets[1] == packets[0]
    assert packets[1].total() > 300
    assert verbs_by_connection(far, "last") == verbs_by_connection(near, "last")
    described = [event.description for event in events_of(far) if isinstance(event, Interface)]
    assert described == ["hub", "n1", "n2"]


def test_node_that_comes_back_is_recorded_from_its_first_packet(site: DockerSite, tmp_path: Path) -> None:
    path = tmp_path / "nodes.pcapng"
    with RunningCapture.start(site.tap, path) as capture:
        cluster = LiveCluster.start(site)
        second = cluster.node("n2")
        session = cluster.session(cluster.nodes[1])
        session.execute("SELECT key FROM system.local")
        second.kill()
        capture.mark("killed")
        second.start()
        capture.mark("back")
        second.stop()
        second.start()
        cluster.session(second).execute("SELECT release_version FROM system.local")
        finished = capture.stop()
        cluster.members.coordinators.close()
    assert finished.dropped_packets == 0
    dissector = NativeDissector()
    messages = dissector.feed(path.read_bytes()) + dissector.close()
    assert not dissector.missing.lost
    connections = {message.connection.number: message.connection for message in messages}
    assert all(connection.syn_seen for connection in connections.values())
    asked = b"".join(message.payload for message in messages if message.from_client)
    assert b"SELECT key FROM system.local" in asked
    assert b"SELECT release_version FROM system.local" in asked


def test_sidecar_that_fails_is_told_with_its_node(site: DockerSite, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="the sidecar's image has no nosuchcap that it may run"):
        RunningCapture.start(site.tap, tmp_path / "none.pcapng", program="nosuchcap", timeout_s=10)


def test_sidecar_that_is_removed_while_it_records_is_told(
    site: DockerSite, engine: Engine, tmp_path: Path
) -> None:
    with RunningCapture.start(site.tap, tmp_path / "cut.pcapng") as capture:
        (sidecar,) = [
            item["Id"]
            for item in engine.api.containers(filters={"label": f"{labels.CLUSTER}={site.name}"})
            if labels.CAPTURE in item["Labels"]
        ]
        engine.remove_container(sidecar)
        with pytest.raises(CaptureError, match="dumpcap on nodes was ended by signal 9"):
            capture.mark("gone")


def test_scenario_passes_recorded_at_the_nodes(options: DockerOptions, tmp_path: Path) -> None:
    assert_passed(run_scenarios(WRITE, options, tmp_path, "--capture-by=nodes"), 1)
