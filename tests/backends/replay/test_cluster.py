from dataclasses import replace

import pytest

from harness.backends.contract import Cluster, Needs
from harness.backends.replay.cluster import ReplayCluster
from harness.codec.verbs.line import Line
from harness.errors import BackendError
from harness.events.trace import Trace
from tests.backends.conftest import Replay

MAP = "CREATE TABLE demo{}.map (id int PRIMARY KEY, country text, capital text)"


def test_it_fulfils_the_contract(demo: ReplayCluster) -> None:
    cluster: Cluster = demo
    assert [node.name for node in cluster.nodes] == ["n1", "n2", "n3"]
    assert cluster.nodes[0].address == "10.20.0.11"
    assert (cluster.nodes[0].datacenter, cluster.nodes[0].rack) == ("datacenter1", "rack1")
    assert cluster.line is Line.V4_2
    cluster.close()


def test_tables_are_those_that_the_capture_knows(demo: ReplayCluster) -> None:
    table = demo.table(MAP.format(""), replication_factor=3)
    assert (table.full_name, table.keyspace, table.name) == ("demo.map", "demo", "map")
    assert table.id is not None
    assert str(table) == "demo.map"
    with pytest.raises(BackendError, match="has replication factor 3, not 2"):
        demo.table(MAP.format(""), replication_factor=2)
    with pytest.raises(BackendError, match="knows no keyspace other; its keyspaces are: demo"):
        demo.keyspace("other")


def test_a_node_that_is_not_there_is_refused(demo: ReplayCluster) -> None:
    with pytest.raises(BackendError, match="knows no node n9; its nodes are: n1, n2, n3"):
        demo.node("n9")
    with pytest.raises(BackendError, match="no other that joins"):
        demo.add_node()


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (Needs(nodes=5), "needs 5 nodes, demo knows 3"),
        (Needs(datacenters=2), "needs 2 datacenters, demo knows 1"),
        (Needs(shards=2), "needs nodes of 2 shards; those of demo have 1"),
    ],
)
def test_a_capture_of_another_cluster_is_refused(demo: ReplayCluster, needs: Needs, why: str) -> None:
    with pytest.raises(BackendError, match=why):
        ReplayCluster(demo.trace, "demo", needs)


def test_a_capture_without_names_of_nodes_has_no_tables_placed(demo: ReplayCluster) -> None:
    nameless = ReplayCluster(Trace(demo.trace.messages, schema=demo.schema), "nameless")
    with pytest.raises(BackendError, match="knows no nodes"):
        nameless.table(MAP.format(""))


def test_faults_have_to_show(replay: Replay) -> None:
    cluster = replay("faults/paused_replica", Needs(nodes=3))
    cluster.node("n3").pause()
    cluster.node("n3").resume()
    for fault in (cluster.node("n2").kill, cluster.node("n2").stop, cluster.node("n2").pause):
        with pytest.raises(BackendError, match=r"n2 .*: it never stops talking"):
            fault()


def test_faults_count_after_the_last_statement(replay: Replay) -> None:
    cluster = replay("faults/pause_then_read_all")
    cluster.node("n3").pause()
    cluster.session().execute("SELECT * FROM demo3.map WHERE id=32")
    with pytest.raises(BackendError, match="n3 killed: it never stops talking"):
        cluster.node("n3").kill()


def test_nodes_beyond_those_needed_join_later(replay: Replay) -> None:
    cluster = replay("topology/add_node", Needs(nodes=3))
    assert [node.name for node in cluster.nodes] == ["n1", "n2", "n3"]
    assert cluster.node("n4").name == "n4"
    assert cluster.add_node().name == "n4"
    assert [node.name for node in cluster.nodes] == ["n1", "n2", "n3", "n4"]
    with pytest.raises(BackendError, match="knows 4 nodes, and no other that joins"):
        cluster.add_node()


def test_a_node_that_was_cut_off_and_returned_shows_as_such(replay: Replay) -> None:
    cluster = replay("faults/hinted_handoff")
    node = cluster.node("n3")
    node.isolate([cluster.node("n1")])
    node.heal()
    node.kill()
    node.start()
    with pytest.raises(BackendError, match="n1 cut off: it never stops talking"):
        replay("base/idle_gossip").node("n1").isolate()


def test_what_a_node_is_told_to_do_may_need_nothing(demo: ReplayCluster) -> None:
    demo.node("n1").repair("demo")
    demo.node("n1").decommission()
    with pytest.raises(BackendError, match="knows no keyspace other"):
        demo.node("n1").repair("other")
    demo.node("n1").shape_links([demo.node("n2")], delay_ms=100)
    with pytest.raises(BackendError, match="knows no node n9"):
        demo.node("n1").shape_links([replace(demo.topology.nodes[1], name="n9")], delay_ms=100)
    with demo.given("a node is down"):
        demo.node("n3").kill()
        demo.node("n3").start()


def test_replicas_are_those_of_the_ring(replay: Replay) -> None:
    table = replay("base/write_rf2").table(MAP.format(2), replication_factor=2)
    assert {node.name for node in table.replicas_of(17)} >= {"n1"}
    assert table.key_on(table.topology.nodes[0]) == 17
    assert table.key_off(table.topology.nodes[0]) in {18, 19}
