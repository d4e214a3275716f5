"""A plain write: one MUTATION for each replica at every consistency level, acknowledged straight to the coordinator."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    acknowledged,
    each,
    exactly,
    in_background,
    in_order,
    one_way,
    query,
    quorum,
    result,
)

MAP2 = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
MAP3 = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT2 = "INSERT INTO demo2.map (id, country, capital) VALUES (%s, 'Germany', 'Berlin')"
INSERT3 = "INSERT INTO demo3.map (id, country, capital) VALUES (17, 'Germany', 'Berlin')"


@pytest.mark.cluster(capture="write_rf2", nodes=3)
def test_coordinator_that_is_a_replica_writes_to_the_other_one(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, TWO: the coordinator applies its own part without a message; the other replica gets one MUTATION.

    Source: the flow "a regular write operation with replication factor 2" of "Dissecting Scylla packets with
    Wireshark"; service/storage_proxy.cc, send_to_live_endpoints.
    """
    table = cluster.table(MAP2, replication_factor=2)
    coordinator = cluster.nodes[0]
    key = table.key_on(coordinator)
    with wire.statement() as write:
        session.execute(cql(INSERT2, "TWO"), (key,))
    _, other = table.replicas_of(key, coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, receiver=other, table=table, key=key)
    write.expect(
        in_order(query("INSERT"), mutation, one_way(MUTATION_DONE), result()),
        exactly(1, one_way(MUTATION)),
        exactly(1, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="write_rf2", nodes=3)
def test_coordinator_that_is_no_replica_writes_to_both(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, ALL: both replicas get one MUTATION, and both acknowledge it before the client hears.

    Source: the flow "a regular write operation with replication factor 2" of "Dissecting Scylla packets with
    Wireshark"; ScyllaDB docs, "Consistency Levels".
    """
    table = cluster.table(MAP2, replication_factor=2)
    coordinator = cluster.nodes[0]
    key = table.key_off(coordinator)
    with wire.statement() as write:
        session.execute(cql(INSERT2, "ALL"), (key,))
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=key)
    write.expect(
        in_order(query("INSERT"), each(table.replicas_of(key), mutation, one_way(MUTATION_DONE)), result()),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="write_rf2", nodes=3)
def test_write_at_one_goes_to_all_replicas_and_waits_for_one(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, ONE, the coordinator no replica: both get the write, one acknowledgement is waited for.

    Source: service/storage_proxy.cc, abstract_write_response_handler; ScyllaDB docs, "Consistency Levels".
    """
    table = cluster.table(MAP2, replication_factor=2)
    coordinator = cluster.nodes[0]
    key = table.key_off(coordinator)
    with wire.statement() as write:
        session.execute(cql(INSERT2, "ONE"), (key,))
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=key)
    write.expect(
        in_order(
            query("INSERT"),
            quorum(1, mutation, one_way(MUTATION_DONE), of=table.replicas_of(key), rest_in_background=True),
            result(),
        ),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="write_rf3", nodes=3)
def test_quorum_write_waits_for_one_remote_replica(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, QUORUM: two get MUTATION; one MUTATION_DONE and the coordinator's own write suffice.

    Source: ScyllaDB docs, "Consistency Levels"; service/storage_proxy.cc.
    """
    table = cluster.table(MAP3, replication_factor=3)
    with wire.statement() as write:
        session.execute(cql(INSERT3, "QUORUM"))
    coordinator, *others = table.replicas_of(17, coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=17)
    write.expect(
        in_order(
            query("INSERT"),
            quorum(1, mutation, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            result(),
        ),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="write_rf3", nodes=3)
def test_write_at_all_waits_for_every_replica(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL: the client hears after both other replicas have acknowledged.

    Source: ScyllaDB docs, "Consistency Levels"; service/storage_proxy.cc.
    """
    table = cluster.table(MAP3, replication_factor=3)
    with wire.statement() as write:
        session.execute(cql(INSERT3, "ALL"))
    coordinator, *others = table.replicas_of(17, coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=17)
    write.expect(
        in_order(query("INSERT"), each(others, mutation, one_way(MUTATION_DONE)), result()),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="write_rf3", nodes=3)
def test_write_at_any_waits_for_no_other_node(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ANY, the coordinator a replica: the others get the write all the same, and nobody waits for them.

    Source: ScyllaDB docs, "Consistency Levels"; service/storage_proxy.cc.
    """
    table = cluster.table(MAP3, replication_factor=3)
    with wire.statement() as write:
        session.execute(cql(INSERT3, "ANY"))
    coordinator, *others = table.replicas_of(17, coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=17)
    write.expect(
        in_order(query("INSERT"), in_background(each(others, acknowledged(mutation))), result()),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )
