"""Range scans: ranges of the ring one round after the other, a page at a time."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MAPREDUCE_REQUEST,
    READ_DIGEST,
    each,
    exactly,
    in_order,
    never,
    query,
    reply,
    request,
    result,
)

SCAN = "CREATE TABLE demo3.scan (p int, c int, v text, PRIMARY KEY (p, c))"
ROWS = [f"INSERT INTO demo3.scan (p, c, v) VALUES ({n // 2}, {n % 2}, 'v');" for n in range(24)]  # noqa: S608  (constants)
FILL = f"BEGIN UNLOGGED BATCH {' '.join(ROWS)} APPLY BATCH"


@pytest.mark.cluster(capture="range_scan", nodes=3)
def test_scan_takes_a_page_at_a_time(cluster: Cluster, session: Session, wire: Wire) -> None:
    """24 rows, five a page: five pages, each a request of the client's; every range read is answered.

    Source: service/storage_proxy.cc, query_partition_key_range; native_protocol_v4.spec, "8. Result paging".
    """
    table = cluster.table(SCAN, replication_factor=3)
    with cluster.given("24 rows in 12 partitions"):
        session.execute(cql(FILL, "ALL"))
    with wire.statement() as scan:
        rows = session.execute(cql("SELECT * FROM demo3.scan", "QUORUM", page_size_rows=5))
        assert len(rows.all()) == 24
    asked = request(READ_DIGEST, sender=cluster.nodes[0], table=table, partitions__singular=False)
    scan.expect(
        in_order(query("SELECT"), result(rows=5), query("SELECT"), result(rows=5), query("SELECT")),
        exactly(5, query("SELECT * FROM demo3.scan")),
        exactly(4, result(rows=5)),
        exactly(1, result(rows=4)),
        exactly(scan.count(request(READ_DIGEST)), asked),
        exactly(scan.count(asked), reply(READ_DIGEST)),
    )


@pytest.mark.cluster(
    capture="range_scan", nodes=3, lines=("4.2",), because="later coordinators spread counting over the nodes"
)
def test_count_pages_through_the_table_at_the_coordinator(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """count(*) reads every range through the coordinator, and no node counts for it.

    Source: cql3/statements/select_statement.cc, branch 4.2.
    """
    table = cluster.table(SCAN, replication_factor=3)
    with cluster.given("24 rows in 12 partitions"):
        session.execute(cql(FILL, "ALL"))
    with wire.statement() as counting:
        assert session.execute(cql("SELECT count(*) FROM demo3.scan", "QUORUM")).one().count == 24
    asked = request(READ_DIGEST, sender=cluster.nodes[0], table=table, partitions__singular=False)
    counting.expect(
        in_order(query("SELECT count"), result(rows=1)),
        exactly(counting.count(request(READ_DIGEST)), asked),
        exactly(counting.count(asked), reply(READ_DIGEST)),
        never(request(MAPREDUCE_REQUEST)),
    )


@pytest.mark.cluster(
    capture="range_scan",
    nodes=3,
    lines=("2025.1", "2026.3"),
    tablets=False,
    because="4.2 knows no such request; of few tablets, not every node owns one",
)
def test_count_is_spread_over_the_nodes(cluster: Cluster, session: Session, wire: Wire) -> None:
    """count(*): each other node counts the ranges that it owns, and the client hears when all have.

    Source: service/mapreduce_service.cc.
    """
    cluster.table(SCAN, replication_factor=3)
    with cluster.given("24 rows in 12 partitions"):
        session.execute(cql(FILL, "ALL"))
    with wire.statement() as counting:
        assert session.execute(cql("SELECT count(*) FROM demo3.scan", "QUORUM")).one().count == 24
    coordinator, *others = cluster.nodes
    counting.expect(
        in_order(
            query("SELECT count"),
            each(others, request(MAPREDUCE_REQUEST, sender=coordinator), reply()),
            result(rows=1),
        ),
        exactly(2, request(MAPREDUCE_REQUEST)),
        exactly(2, reply(MAPREDUCE_REQUEST)),
    )
