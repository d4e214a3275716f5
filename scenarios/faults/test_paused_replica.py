"""A replica that stands still: who waits for it times out, who does not hears as usual."""

import pytest
from cassandra import ReadTimeout, WriteTimeout

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    HINT_MUTATION,
    MUTATION,
    MUTATION_DONE,
    READ_DATA,
    READ_DIGEST,
    acknowledged,
    any_order,
    each,
    exactly,
    exchange,
    in_order,
    one_way,
    query,
    quorum,
    reply,
    request,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
WRITE = "INSERT INTO demo3.map (id, country, capital) VALUES ({}, '{}', '{}')"
READ = "SELECT * FROM demo3.map WHERE id=60"


@pytest.mark.cluster(capture="paused_replica", nodes=3)
def test_quorum_write_does_not_wait_for_the_paused_replica(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3, QUORUM: the paused replica gets its MUTATION and acknowledges it long after the client has heard.

    Whatever the coordinator sends, a hint after the write timeout too, is acknowledged once.

    Source: ScyllaDB docs, "Consistency Levels"; service/storage_proxy.cc.
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, running, paused = cluster.nodes
    paused.pause()
    with wire.statement() as write:
        session.execute(cql(WRITE.format(60, "q", "q"), "QUORUM"))
    paused.resume()
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=60)
    writes = one_way((MUTATION, HINT_MUTATION), sender=coordinator)
    write.expect(
        in_order(
            query("INSERT"),
            quorum(1, mutation, one_way(MUTATION_DONE), of=(running,)),
            result(),
            one_way(MUTATION_DONE, sender=paused),
        ),
        each((running, paused), exactly(1, mutation)),
        exactly(write.count(writes), one_way(MUTATION_DONE, receiver=coordinator)),
    )


@pytest.mark.cluster(capture="paused_replica", nodes=3)
def test_write_at_all_times_out(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL: one acknowledgement is missing when the write timeout ends; the client gets WRITE_TIMEOUT.

    Source: service/storage_proxy.cc, abstract_write_response_handler; native_protocol_v4.spec, "9. Error codes".
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, running, paused = cluster.nodes
    paused.pause()
    with wire.statement() as write, pytest.raises(WriteTimeout):
        session.execute(cql(WRITE.format(61, "a", "a"), "ALL"))
    paused.resume()
    mutation = one_way(MUTATION, sender=coordinator, table=table, key=61, timeout_ms=2000)
    to_running = one_way(MUTATION, sender=coordinator, receiver=running, table=table, key=61)
    to_paused = one_way(MUTATION, sender=coordinator, receiver=paused, table=table, key=61)
    write.expect(
        in_order(
            query("INSERT"),
            any_order(acknowledged(to_running), to_paused),
            result(error="WRITE_TIMEOUT"),
            one_way(MUTATION_DONE, sender=paused),
        ),
        each((running, paused), exactly(1, mutation)),
        exactly(2, one_way(MUTATION_DONE, receiver=coordinator)),
    )


@pytest.mark.cluster(capture="paused_replica", nodes=3)
def test_read_at_all_times_out(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL: one digest is missing when the read timeout ends; the client gets READ_TIMEOUT.

    Source: service/storage_proxy.cc, digest_read_resolver; native_protocol_v4.spec, "9. Error codes".
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, running, paused = cluster.nodes
    paused.pause()
    with wire.statement() as read, pytest.raises(ReadTimeout):
        session.execute(cql(READ, "ALL"))
    paused.resume()
    asked = request((READ_DATA, READ_DIGEST), sender=coordinator, table=table, key=60)
    of_running = request((READ_DATA, READ_DIGEST), sender=coordinator, receiver=running, table=table, key=60)
    of_paused = request((READ_DATA, READ_DIGEST), sender=coordinator, receiver=paused, table=table, key=60)
    read.expect(
        in_order(
            query("SELECT"),
            any_order(exchange(of_running, reply()), of_paused),
            result(error="READ_TIMEOUT"),
            reply((READ_DATA, READ_DIGEST), sender=paused),
        ),
        each((running, paused), exactly(1, asked)),
        exactly(2, reply((READ_DATA, READ_DIGEST))),
    )
