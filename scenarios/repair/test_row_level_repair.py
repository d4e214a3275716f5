"""Row-level repair: the master compares hashes with its followers, range by range, and moves only rows that differ."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    REPAIR_GET_DIFF_ALGORITHMS,
    REPAIR_GET_SYNC_BOUNDARY,
    REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM,
    REPAIR_ROW_LEVEL_START,
    REPAIR_ROW_LEVEL_STOP,
    Capture,
    at_least,
    before,
    each,
    exactly,
    never,
    reply,
    request,
    stream_data,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo3.map (id, country, capital) VALUES ({0}, 'r', 'r{0}')"
MEETING, FOLLOWER = Capture("repair"), Capture("follower")


@pytest.mark.cluster(
    capture="repair", nodes=3, hints=False, tablets=False, because="whoever has a tablet is its master"
)
def test_repair_meets_its_followers_range_by_range(cluster: Cluster, session: Session, wire: Wire) -> None:
    """Every range: start, boundaries compared, stop, with both followers; rows go only to the one that lacks them.

    Source: repair/row_level.cc; ScyllaDB docs, "Scylla Repair", "Row-level Repair".
    """
    cluster.table(MAP, replication_factor=3)
    master, sound, lacking = cluster.nodes
    lacking.kill()
    session.execute(cql(INSERT.format(80), "QUORUM"))
    lacking.start()
    with wire.recording(until=at_least(1, reply(REPAIR_ROW_LEVEL_STOP))) as repair:
        master.repair("demo3")
    start = request(REPAIR_ROW_LEVEL_START, sender=master, receiver=FOLLOWER, repair_meta_id=MEETING)
    compare = request(REPAIR_GET_SYNC_BOUNDARY, sender=master, receiver=FOLLOWER, repair_meta_id=MEETING)
    stop = request(REPAIR_ROW_LEVEL_STOP, sender=master, receiver=FOLLOWER, repair_meta_id=MEETING)
    ranges = repair.count(request(REPAIR_ROW_LEVEL_START, receiver=sound))
    repair.expect(
        before(start, compare),
        before(compare, stop),
        each((sound, lacking), exactly(ranges, request(REPAIR_GET_DIFF_ALGORITHMS, sender=master))),
        each((sound, lacking), exactly(ranges, request(REPAIR_ROW_LEVEL_START, sender=master))),
        each((sound, lacking), exactly(ranges, request(REPAIR_ROW_LEVEL_STOP, sender=master))),
        at_least(1, request(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, sender=master, receiver=lacking)),
        exactly(
            repair.count(request(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM)),
            reply(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM),
        ),
        exactly(
            repair.count(
                stream_data(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, frame__command="END_OF_CURRENT_ROWS")
            ),
            stream_data(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, sender=lacking),
        ),
        never(request(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, receiver=sound)),
        never(stream_data(REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM, receiver=sound)),
    )
