"""A node that is stopped in order says good-bye, so that nobody waits for it."""

import pytest
from cassandra import Unavailable

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    GOSSIP_SHUTDOWN,
    MUTATION,
    MUTATION_DONE,
    each,
    exactly,
    in_order,
    never,
    one_way,
    query,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo3.map (id, country, capital) VALUES ({}, 'a', 'a')"


@pytest.mark.cluster(capture="graceful_stop_and_return", nodes=3)
def test_node_that_stops_tells_the_others(cluster: Cluster, wire: Wire) -> None:
    """One GOSSIP_SHUTDOWN to each living node.

    Source: gms/gossiper.cc, do_stop_gossiping.
    """
    *others, stopping = cluster.nodes
    goodbye = one_way(GOSSIP_SHUTDOWN, sender=stopping)
    with wire.recording(until=each(others, goodbye)) as stop:
        stopping.stop()
    stop.expect(each(others, goodbye), exactly(2, one_way(GOSSIP_SHUTDOWN)))


@pytest.mark.cluster(capture="graceful_stop_and_return", nodes=3)
def test_write_at_all_is_refused_at_once(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL, one replica known to be down: UNAVAILABLE, and nobody gets the write.

    Source: service/storage_proxy.cc, create_write_response_handler; db/consistency_level.cc.
    """
    cluster.table(MAP, replication_factor=3)
    cluster.node("n3").stop()
    with wire.statement() as write, pytest.raises(Unavailable):
        session.execute(cql(INSERT.format(70), "ALL"))
    write.expect(
        in_order(query("INSERT"), result(error="UNAVAILABLE")),
        exactly(1, result(error="UNAVAILABLE")),
        never(one_way(MUTATION)),
    )


@pytest.mark.cluster(capture="graceful_stop_and_return", nodes=3)
def test_write_at_quorum_goes_to_the_living(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, QUORUM, one replica down: the other one gets the write, and that is enough.

    Source: service/storage_proxy.cc, create_write_response_handler; db/consistency_level.cc.
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, alive, stopped = cluster.nodes
    stopped.stop()
    with wire.statement() as write:
        session.execute(cql(INSERT.format(71), "QUORUM"))
    mutation = one_way(MUTATION, sender=coordinator, receiver=alive, table=table, key=71)
    write.expect(
        in_order(query("INSERT"), mutation, one_way(MUTATION_DONE), result()),
        exactly(1, one_way(MUTATION)),
        exactly(1, one_way(MUTATION_DONE, sender=alive, receiver=coordinator)),
        never(one_way(MUTATION, receiver=stopped)),
    )
