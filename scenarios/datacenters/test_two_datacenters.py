"""Two datacenters: the remote one gets a single copy, which one of its replicas sends on."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    PAXOS_ACCEPT,
    PAXOS_LEARN,
    PAXOS_PREPARE,
    PAXOS_PRUNE,
    READ_DATA,
    READ_DIGEST,
    Capture,
    any_order,
    before,
    each,
    exactly,
    in_order,
    never,
    one_way,
    query,
    reply,
    request,
    result,
)

MAP = "CREATE TABLE demo.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo.map (id, country, capital) VALUES (17, 'Germany', 'Berlin')"
FORWARDER = Capture("forwarder")


@pytest.mark.cluster(capture="multi_dc", nodes=4, datacenters=2)
def test_remote_datacenter_forwards_a_write(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2 + 2, EACH_QUORUM: one MUTATION to the local replica, one across; who gets it sends it on to the fourth.

    All three answer the coordinator directly.

    Source: service/storage_proxy.cc, send_to_live_endpoints (forward list) and receive_mutation_handler.
    """
    table = cluster.table(MAP, replication_factor=2)
    with wire.statement() as write:
        session.execute(cql(INSERT, "EACH_QUORUM"))
    coordinator, local, *remote = cluster.nodes
    across = one_way(MUTATION, sender=coordinator, receiver=FORWARDER, table=table, key=17)
    sent_on = one_way(MUTATION, sender=FORWARDER, receiver=remote, table=table, key=17)
    write.expect(
        in_order(
            query("INSERT"),
            any_order(
                in_order(one_way(MUTATION, sender=coordinator, receiver=local), one_way(MUTATION_DONE)),
                in_order(across, sent_on),
                each(remote, one_way(MUTATION_DONE, receiver=coordinator)),
            ),
            result(),
        ),
        exactly(1, one_way(MUTATION, sender=coordinator, receiver=local)),
        exactly(1, one_way(MUTATION, sender=coordinator, receiver=remote)),
        exactly(1, one_way(MUTATION, sender=remote, receiver=remote)),
        exactly(3, one_way(MUTATION_DONE, receiver=coordinator)),
    )


@pytest.mark.cluster(capture="multi_dc", nodes=4, datacenters=2)
def test_local_quorum_does_not_wait_for_the_other_datacenter(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2 + 2, LOCAL_QUORUM: the local replica's acknowledgement suffices; the rest comes in the background.

    Source: ScyllaDB docs, "Consistency Levels"; db/consistency_level.cc.
    """
    table = cluster.table(MAP, replication_factor=2)
    with wire.statement() as write:
        session.execute(cql(INSERT, "LOCAL_QUORUM"))
    coordinator, local, *remote = cluster.nodes
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=17)
    write.expect(
        in_order(
            query("INSERT"),
            each((local,), mutation, one_way(MUTATION_DONE)),
            result(),
        ),
        each(remote, exactly(1, one_way(MUTATION_DONE, receiver=coordinator))),
        exactly(1, one_way(MUTATION, sender=coordinator, receiver=remote)),
        exactly(1, one_way(MUTATION, sender=remote, receiver=remote)),
        exactly(3, one_way(MUTATION)),
        exactly(3, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="multi_dc", nodes=4, datacenters=2)
def test_read_at_local_quorum_stays_in_its_datacenter(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2 + 2, LOCAL_QUORUM: the other local replica is asked; nobody in the remote datacenter is.

    Source: ScyllaDB docs, "Consistency Levels"; db/consistency_level.cc, filter_for_query.
    """
    table = cluster.table(MAP, replication_factor=2)
    with cluster.given("the row"):
        session.execute(cql(INSERT, "ALL"))
    with wire.statement() as read:
        session.execute(cql("SELECT * FROM demo.map WHERE id=17", "LOCAL_QUORUM"))
    coordinator, local, *remote = cluster.nodes
    asked = request((READ_DATA, READ_DIGEST), sender=coordinator, receiver=local, table=table, key=17)
    read.expect(
        in_order(query("SELECT"), asked, reply(), result(rows=1)),
        exactly(1, request((READ_DATA, READ_DIGEST))),
        exactly(1, reply((READ_DATA, READ_DIGEST))),
        never(request((READ_DATA, READ_DIGEST), receiver=remote)),
    )


@pytest.mark.cluster(capture="multi_dc", nodes=4, datacenters=2)
def test_local_serial_votes_in_its_datacenter_and_learns_in_both(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """LOCAL_SERIAL: only local replicas promise and accept; what was decided is learnt by all, across by a forwarder.

    Source: service/storage_proxy.cc, get_paxos_participants and paxos_response_handler.
    """
    table = cluster.table(MAP, replication_factor=2)
    insert = "INSERT INTO demo.map (id, country, capital) VALUES (18, 'x', 'y') IF NOT EXISTS"
    with wire.statement() as write:
        session.execute(cql(insert, "LOCAL_QUORUM", serial_consistency="LOCAL_SERIAL"))
    coordinator, local, *remote = cluster.nodes
    learn = one_way(PAXOS_LEARN, sender=coordinator, table=table)
    write.expect(
        in_order(
            query("INSERT"),
            each((local,), request(PAXOS_PREPARE, sender=coordinator), reply()),
            each((local,), request(PAXOS_ACCEPT, sender=coordinator), reply(accepted=True)),
            each((local,), learn, one_way(MUTATION_DONE)),
            result(applied=True),
        ),
        exactly(1, request(PAXOS_PREPARE)),
        exactly(1, reply(PAXOS_PREPARE)),
        exactly(1, request(PAXOS_ACCEPT)),
        exactly(1, reply(PAXOS_ACCEPT)),
        exactly(1, one_way(PAXOS_LEARN, sender=coordinator, receiver=remote)),
        exactly(1, one_way(PAXOS_LEARN, sender=remote, receiver=remote)),
        exactly(3, one_way(PAXOS_LEARN)),
        exactly(3, one_way(MUTATION_DONE, receiver=coordinator)),
        each((local,), exactly(1, one_way(PAXOS_PRUNE, sender=coordinator))),
        before(one_way(MUTATION_DONE), one_way(PAXOS_PRUNE)),
        never(request((PAXOS_PREPARE, PAXOS_ACCEPT), receiver=remote)),
    )
