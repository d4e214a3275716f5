"""Reads of one partition: the rows of one replica, and digests of as many others as the consistency level wants."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    READ_DATA,
    READ_DIGEST,
    READ_MUTATION_DATA,
    any_order,
    each,
    exactly,
    exchange,
    in_order,
    never,
    query,
    reply,
    request,
    result,
)

MAP2 = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
MAP3 = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
ROW2 = "INSERT INTO demo2.map (id, country) VALUES (%s, 'Germany')"
ROW3 = "INSERT INTO demo3.map (id, country, capital) VALUES (17, 'Germany', 'Berlin')"


@pytest.mark.cluster(capture="read_cl", nodes=3)
def test_read_at_two_asks_one_for_data_and_one_for_a_digest(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, TWO, the coordinator no replica: READ_DATA to one replica, READ_DIGEST to the other, at once.

    Source: the flow "a regular read operation, consistency level TWO" of "Dissecting Scylla packets with
    Wireshark"; service/storage_proxy.cc, never_speculating_read_executor.
    """
    table = cluster.table(MAP2, replication_factor=2)
    coordinator = cluster.nodes[0]
    key = table.key_off(coordinator)
    with cluster.given("the row"):
        session.execute(cql(ROW2, "ALL"), (key,))
    with wire.statement() as read:
        session.execute(cql("SELECT * FROM demo2.map WHERE id = %s", "TWO"), (key,))
    replicas = table.replicas_of(key)
    data = request(READ_DATA, sender=coordinator, receiver=replicas, table=table, key=key)
    digest = request(READ_DIGEST, sender=coordinator, receiver=replicas, table=table, key=key)
    read.expect(
        in_order(
            query("SELECT"), any_order(exchange(data, reply()), exchange(digest, reply())), result(rows=1)
        ),
        each(replicas, exactly(1, request((READ_DATA, READ_DIGEST)))),
        exactly(2, reply((READ_DATA, READ_DIGEST))),
    )


@pytest.mark.cluster(capture="read_cl", nodes=3)
def test_coordinator_reads_itself_and_asks_the_other_replica_for_a_digest(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, TWO, the coordinator a replica: its own read is not on the wire; the other sends a digest.

    Source: service/storage_proxy.cc, never_speculating_read_executor, and sort_endpoints_by_proximity (the
    coordinator itself comes first).
    """
    table = cluster.table(MAP2, replication_factor=2)
    coordinator = cluster.nodes[0]
    key = table.key_on(coordinator)
    with wire.statement() as read:
        session.execute(cql("SELECT * FROM demo2.map WHERE id = %s", "TWO"), (key,))
    _, other = table.replicas_of(key, coordinator_first=True)
    digest = request(READ_DIGEST, sender=coordinator, receiver=other, table=table, key=key)
    read.expect(
        in_order(query("SELECT"), digest, reply(), result()),
        exactly(1, request(READ_DIGEST)),
        exactly(1, reply(READ_DIGEST)),
        never(request(READ_DATA)),
    )


@pytest.mark.cluster(capture="read_cl", nodes=3)
def test_read_at_all_hears_every_replica(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL: digests of both other replicas before the client's answer; equal ones end the read.

    Source: ScyllaDB docs, "Consistency Levels"; service/storage_proxy.cc, digest_read_resolver.
    """
    table = cluster.table(MAP3, replication_factor=3)
    coordinator = cluster.nodes[1]
    with cluster.given("the row"):
        session.execute(cql(ROW3, "ALL"))
    with wire.statement() as read:
        rows = cluster.session(coordinator).execute(cql("SELECT capital FROM demo3.map WHERE id = 17", "ALL"))
        assert rows.one().capital == "Berlin"
    _, *others = table.replicas_of(17, coordinator_first=coordinator)
    asked = request((READ_DATA, READ_DIGEST), sender=coordinator, table=table, key=17)
    read.expect(
        in_order(query("SELECT"), each(others, asked, reply()), result(rows=1)),
        exactly(2, request((READ_DATA, READ_DIGEST))),
        exactly(2, reply((READ_DATA, READ_DIGEST))),
        never(request(READ_MUTATION_DATA)),
    )
