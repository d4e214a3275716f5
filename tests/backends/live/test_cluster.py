import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra import Unavailable
from cassandra.cluster import NoHostAvailable

from harness.backends.contract import Needs
from harness.backends.live.cluster import LiveCluster
from harness.backends.live.faults import Outage
from harness.backends.network.link_shape import LinkShape
from harness.backends.simulated import SimulatedSite
from harness.backends.statements import cql
from harness.capture.dumpcap import RunningCapture
from harness.codec.verbs.line import Line
from harness.errors import BackendError
from harness.live_recorder import LiveRecorder
from tests.backends.network.networks import skip_without_namespaces

MAP = "CREATE TABLE ks.map (id int PRIMARY KEY, v text)"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCluster]:
    """Three nodes that keep no hints; all tests share them, and leave them running."""
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))
    cluster = LiveCluster.start(SimulatedSite.create(Needs(nodes=3, hints=False)), timeout_s=30)
    yield cluster
    cluster.close()


namespaces = pytest.mark.namespaces


@namespaces
def test_nodes_have_names_addresses_and_tokens(cluster: LiveCluster) -> None:
    assert [node.name for node in cluster.nodes] == ["n1", "n2", "n3"]
    assert [node.name for node in cluster.topology.nodes] == ["n1", "n2", "n3"]
    assert {node.datacenter for node in cluster.topology.nodes} == {"datacenter1"}
    assert all(node.host_id is not None and node.tokens for node in cluster.topology.nodes)
    assert cluster.line is Line.V4_2
    assert cluster.node("n2") == cluster.node(cluster.nodes[1]) == cluster.nodes[1]
    with pytest.raises(BackendError, match="has no node n9; its nodes are: n1, n2, n3"):
        cluster.node("n9")


@namespaces
def test_a_session_sends_everything_to_its_node(cluster: LiveCluster) -> None:
    for node in cluster.nodes:
        session = cluster.session(node)
        assert session is cluster.session(node)
        for _ in range(3):
            row = session.execute("SELECT broadcast_address FROM system.local").one()
            assert row.broadcast_address == node.address


@namespaces
def test_only_the_scenarios_own_statements_are_logged(cluster: LiveCluster) -> None:
    session = cluster.session(cluster.nodes[0])
    before = len(cluster.request_log)
    cluster.table(MAP, replication_factor=3)
    assert len(cluster.request_log) == before
    session.execute("SELECT * FROM ks.map")
    prepared = session.prepare("SELECT * FROM ks.map WHERE id = ?")
    session.execute(prepared, (1,))
    assert len(cluster.request_log) == before + 2
    (first, second) = cluster.request_log.sent(before, before + 2)
    assert (first.address, first.port) == (second.address, second.port)


@namespaces
def test_a_table_is_made_once_and_has_its_replicas(cluster: LiveCluster) -> None:
    table = cluster.table(MAP, replication_factor=3)
    assert cluster.table(MAP, replication_factor=3).id == table.id
    assert {node.name for node in table.replicas_of(17)} == {"n1", "n2", "n3"}
    with pytest.raises(BackendError, match=r"ks\.map of the cluster has another shape: no column w"):
        cluster.table("CREATE TABLE ks.map (id int PRIMARY KEY, v text, w int)")
    with pytest.raises(BackendError, match="keyspace ks has replication factor 3, not 2"):
        cluster.keyspace("ks", replication_factor=2)
    with pytest.raises(BackendError, match="there is no keyspace nowhere yet"):
        cluster.keyspace("nowhere")
    with pytest.raises(BackendError, match=r"Unknown type (.|\n)*CREATE TABLE .* ks\.bad"):
        cluster.table("CREATE TABLE ks.bad (id nothing PRIMARY KEY)")


@namespaces
def test_a_killed_node_comes_back_with_its_data(cluster: LiveCluster) -> None:
    cluster.table(MAP, replication_factor=3)
    third = cluster.nodes[2]
    session = cluster.session(third)
    session.execute(cql("INSERT INTO ks.map (id, v) VALUES (1, 'kept')", "ALL"))
    third.kill()
    assert cluster.members.is_cut_off(third.address, 0)
    with pytest.raises(BackendError, match="n3 was ended by signal 9"):
        third.pause()
    with pytest.raises(NoHostAvailable):
        session.execute("SELECT * FROM ks.map")
    third.start()
    assert cluster.members.faults.outage(third.name) is None
    assert session.execute(cql("SELECT v FROM ks.map WHERE id = 1", "ONE")).one().v == "kept"
    assert cluster.session(cluster.nodes[0]).execute(cql("SELECT v FROM ks.map WHERE id = 1", "ALL")).one().v


@namespaces
def test_others_know_at_once_of_a_node_that_was_stopped(cluster: LiveCluster) -> None:
    cluster.table(MAP, replication_factor=3)
    third = cluster.nodes[2]
    third.stop()
    for node in cluster.nodes[:2]:
        with pytest.raises(Unavailable):
            cluster.session(node).execute(cql("INSERT INTO ks.map (id, v) VALUES (2, 'x')", "ALL"))
    third.start()
    cluster.session(cluster.nodes[0]).execute(cql("INSERT INTO ks.map (id, v) VALUES (2, 'x')", "ALL"))


@namespaces
def test_a_paused_or_isolated_node_is_back_when_that_ends(cluster: LiveCluster) -> None:
    cluster.table(MAP, replication_factor=3)
    first, _, third = cluster.nodes
    third.pause()
    assert cluster.members.faults.outage(third.name) is Outage.PAUSED
    assert cluster.members.is_cut_off(third.address, time.time_ns())
    third.resume()
    assert cluster.members.resumed_ns(third.address) > 0
    third.isolate([first])
    third.heal()
    assert not cluster.members.is_cut_off(third.address, time.time_ns())
    cluster.session(first).execute(cql("INSERT INTO ks.map (id, v) VALUES (3, 'x')", "ALL"))


@namespaces
def test_of_several_faults_each_ends_by_itself(cluster: LiveCluster) -> None:
    cluster.table(MAP, replication_factor=3)
    first, second, third = cluster.nodes
    first.isolate([third])
    # Two that never hear each other are nothing to wait for.
    second.pause()
    second.resume()
    third.isolate()
    third.pause()
    third.resume()
    assert cluster.members.faults.outage(third.name) is Outage.ISOLATED
    third.kill()
    third.heal()
    assert cluster.members.faults.outage(third.name) is Outage.KILLED
    third.start()
    first.heal()
    cluster.session(first).execute(cql("INSERT INTO ks.map (id, v) VALUES (5, 'x')", "ALL"))


@namespaces
def test_all_faults_are_undone_whatever_they_are_together(cluster: LiveCluster) -> None:
    cluster.table(MAP, replication_factor=3)
    first, second, third = cluster.nodes
    first.isolate([third])
    second.isolate()
    second.pause()
    third.isolate()
    third.kill()
    assert cluster.members.restore() == ()
    for node in cluster.nodes:
        assert cluster.members.faults.outage(node.name) is None
        cluster.session(node).execute(cql("INSERT INTO ks.map (id, v) VALUES (6, 'x')", "ALL"))


def acknowledged_after_s(cluster: LiveCluster, path: Path, statement: object) -> dict[str, float]:
    """After what time each replica's acknowledgement of a write that the first node coordinates is on the wire."""
    recorder = LiveRecorder(RunningCapture.start(cluster.members._site.tap, path), cluster)
    try:
        cluster.session(cluster.nodes[0]).execute(statement)
        messages = recorder.trace().messages
    finally:
        recorder.close()
    sent = {message.number: message for message in messages}
    return {
        message.sender_node: (message.first_ns - sent[message.acknowledges].time_ns) / 1e9
        for message in messages
        if message.sender_node is not None and message.acknowledges is not None
    }


@namespaces
def test_a_slow_link_holds_up_who_waits_for_it_and_the_capture_shows_where(
    cluster: LiveCluster, tmp_path: Path
) -> None:
    cluster.table(MAP, replication_factor=3)
    first, _, third = cluster.nodes
    session = cluster.session(first)
    write = "INSERT INTO ks.map (id, v) VALUES (4, 'x')"
    first.shape_links([third], delay_ms=700)
    started_s = time.monotonic()
    session.execute(cql(write, "QUORUM"))
    assert time.monotonic() - started_s < 0.7
    started_s = time.monotonic()
    waited_s = acknowledged_after_s(cluster, tmp_path / "slow.pcapng", cql(write, "ALL"))
    assert time.monotonic() - started_s >= 0.7
    assert waited_s["n3"] >= 0.7 > waited_s["n2"]
    first.shape_links([third])
    waited_s = acknowledged_after_s(cluster, tmp_path / "fast.pcapng", cql(write, "ALL"))
    assert max(waited_s.values()) < 0.7


@namespaces
def test_a_node_finds_the_others_by_a_slow_way(cluster: LiveCluster) -> None:
    third = cluster.nodes[2]
    # To connect and to agree on features takes longer than a round of gossip.
    third.shape_links(delay_ms=1000)
    third.kill()
    third.start()
    third.shape_links()
    assert cluster.members.faults.outage(third.name) is None


@namespaces
def test_links_to_nobody_by_name_are_those_to_all_and_healing_leaves_them(cluster: LiveCluster) -> None:
    first, second, third = cluster.nodes
    site = cluster.members._site
    assert isinstance(site, SimulatedSite)
    links = site.network.links
    second.shape_links(bandwidth_kbit_per_s=8000)
    second.heal()
    shape = LinkShape(bandwidth_kbit_per_s=8000)
    assert links.shape_of("n2", "n1") == links.shape_of("n2", "n3") == shape
    assert links.shape_of("n1", "n2").is_plain
    second.shape_links([first])
    assert links.shape_of("n2", "n1").is_plain
    assert links.shape_of("n2", "n3") == shape
    third.shape_links([first], bandwidth_kbit_per_s=8000)
    # What is done before another scenario has the cluster.
    cluster.members.restore()
    assert links.shape_of("n2", "n3").is_plain
    assert links.shape_of("n3", "n1").is_plain


@namespaces
def test_links_that_cannot_be_are_refused(cluster: LiveCluster) -> None:
    first = cluster.nodes[0]
    with pytest.raises(BackendError, match="n1 has no link to itself"):
        first.shape_links([first], delay_ms=1)
    with pytest.raises(ValueError, match="a loss of 101 percent"):
        first.shape_links(loss_percent=101)


@namespaces
def test_a_node_that_has_left_owes_nobody_an_answer(tmp_path: Path) -> None:
    skip_without_namespaces(tmp_path)
    cluster = LiveCluster.start(SimulatedSite.create(Needs(nodes=2)), timeout_s=30)
    try:
        first, second = cluster.nodes
        assert not cluster.members.is_cut_off(second.address, 0)
        second.decommission()
        assert second.machine.exit_code() is None
        assert cluster.members.is_cut_off(second.address, 0)
        assert not cluster.members.is_cut_off(first.address, 0)
    finally:
        cluster.close()


@namespaces
def test_a_node_that_cannot_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    skip_without_namespaces(tmp_path)
    site = SimulatedSite.create(Needs(nodes=1))
    (machine,) = site.machines
    # Somebody else has the port.
    with site.network.node("n1").socket() as taken:
        taken.bind((machine.address, 9042))
        taken.listen()
        with pytest.raises(BackendError, match=r"n1 (has ended with exit code|does not answer CQL)"):
            LiveCluster.start(site, timeout_s=10)
    assert not site.folder.exists()
