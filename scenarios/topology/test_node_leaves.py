"""A node leaves by decommission: it hands over its ranges, and is no member any more."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    PREPARE_DONE_MESSAGE,
    PREPARE_MESSAGE,
    RAFT_ADD_ENTRY,
    RAFT_TOPOLOGY_CMD,
    REPAIR_ROW_LEVEL_START,
    REPAIR_ROW_LEVEL_STOP,
    STREAM_MUTATION_DONE,
    STREAM_MUTATION_FRAGMENTS,
    Capture,
    before,
    exactly,
    in_order,
    never,
    reply,
    request,
    stream_data,
)

MAP = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
ROWS = [f"INSERT INTO demo2.map (id, country, capital) VALUES ({n}, 'Germany', 'Berlin');" for n in range(50)]  # noqa: S608  (constants)
FILL = f"BEGIN UNLOGGED BATCH {' '.join(ROWS)} APPLY BATCH"
PLAN, TARGET, MEETING = Capture("plan"), Capture("target"), Capture("repair")


@pytest.mark.cluster(
    capture="decommission",
    nodes=4,
    lines=("4.2",),
    because="later lines leave through Raft, and repair instead",
)
def test_leaving_node_streams_its_ranges_to_the_others(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """Plan by plan, the leaving node opens the streams: prepared, confirmed, done table by table.

    Source: service/storage_service.cc, decommission; streaming/stream_session.cc, branch 4.2.
    """
    *_, leaving = cluster.nodes
    with cluster.given("a table with rows"):
        cluster.table(MAP, replication_factor=2)
        session.execute(cql(FILL, "ALL"))
    with wire.recording() as leave:
        leaving.decommission()
    prepare = request(PREPARE_MESSAGE, sender=leaving, receiver=TARGET, plan_id=PLAN)
    confirm = request(PREPARE_DONE_MESSAGE, sender=leaving, receiver=TARGET, plan_id=PLAN)
    fragments = request(STREAM_MUTATION_FRAGMENTS, sender=leaving, receiver=TARGET, plan_id=PLAN)
    done = request(STREAM_MUTATION_DONE, sender=leaving, receiver=TARGET, plan_id=PLAN)
    plans = leave.count(request(PREPARE_MESSAGE))
    leave.expect(
        before(prepare, confirm),
        before(confirm, fragments),
        before(confirm, done),
        exactly(plans, request(PREPARE_DONE_MESSAGE)),
        exactly(leave.count(fragments), stream_data(STREAM_MUTATION_FRAGMENTS, receiver=leaving)),
    )


@pytest.mark.cluster(
    capture="decommission", nodes=4, lines=("2025.1", "2026.3"), because="4.2 leaves by gossip and streams"
)
def test_leaving_node_asks_group_0_and_repairs_its_ranges(cluster: Cluster, wire: Wire) -> None:
    """It has its wish added to group 0; the coordinator tells it to move its ranges, which it does by repair.

    Source: service/storage_service.cc, raft_decommission; service/topology_coordinator.cc.
    """
    leader, *_, leaving = cluster.nodes
    with wire.recording() as leave:
        leaving.decommission()
    start = request(REPAIR_ROW_LEVEL_START, sender=leaving, receiver=TARGET, repair_meta_id=MEETING)
    stop = request(REPAIR_ROW_LEVEL_STOP, sender=leaving, receiver=TARGET, repair_meta_id=MEETING)
    wish = request(RAFT_ADD_ENTRY, sender=leaving, receiver=leader)
    leave.expect(
        in_order(wish, reply(), request(RAFT_TOPOLOGY_CMD, sender=leader, receiver=leaving), start, stop),
        exactly(1, wish),
        before(start, stop),
        exactly(leave.count(request(REPAIR_ROW_LEVEL_START)), request(REPAIR_ROW_LEVEL_STOP, sender=leaving)),
        never(request(PREPARE_MESSAGE)),
    )
