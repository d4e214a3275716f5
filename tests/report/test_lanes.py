from dataclasses import replace

from harness.events.message import Kind, Protocol
from harness.report.lanes import LaneKind, Lanes
from harness.topology import Topology
from tests.events.messages import NODES, connection, message, query

TOPOLOGY = Topology(NODES[:2])


def test_clients_stand_left_of_nodes_and_strangers_right() -> None:
    seen = [query("SELECT 1"), message(on=connection(server="10.0.0.99"))]
    lanes = Lanes(seen, TOPOLOGY).all
    assert [lane.name for lane in lanes] == ["client", "n1", "n2", "10.0.0.99"]
    assert [lane.kind for lane in lanes] == [
        LaneKind.CLIENT,
        LaneKind.NODE,
        LaneKind.NODE,
        LaneKind.ADDRESS,
    ]


def test_a_node_that_is_silent_has_a_lane() -> None:
    assert [lane.name for lane in Lanes([], TOPOLOGY).all] == ["n1", "n2"]


def test_several_clients_are_numbered() -> None:
    seen = [query("SELECT 1", client="10.0.1.8"), query("SELECT 1", client="10.0.1.9")]
    assert [lane.name for lane in Lanes(seen, Topology()).all][:2] == ["client 1", "client 2"]


def test_ends_follow_the_direction_of_a_message() -> None:
    request = message(Kind.REQUEST, 3, b"", on=connection())
    reply = message(Kind.REPLY, 3, b"", on=connection(), from_client=False)
    lanes = Lanes([request, reply], TOPOLOGY)
    assert lanes.ends_of(request) == (0, 1)
    assert lanes.ends_of(reply) == (1, 0)


def test_whoever_speaks_cql_on_a_node_is_a_client() -> None:
    asked = query("SELECT 1", client="n2")
    lanes = Lanes([asked], TOPOLOGY)
    assert asked.connection.protocol is Protocol.CQL
    assert [lanes.all[end].name for end in lanes.ends_of(asked)] == ["client", "n1"]


def test_a_lane_says_where_its_node_stands() -> None:
    node = replace(NODES[0], datacenter="dc1", rack="r2", shards=1)
    lane = Lanes([], Topology((node,))).all[0]
    assert (lane.place, lane.datacenter, lane.rack) == ("dc1 · r2 · 1 shard", "dc1", "r2")
