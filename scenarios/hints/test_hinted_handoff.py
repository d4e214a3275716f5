"""Hints: what a dead node misses is kept by the coordinator, and handed over when it is back."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    HINT_MUTATION,
    MUTATION,
    MUTATION_DONE,
    acknowledged,
    any_order,
    exactly,
    in_order,
    never,
    one_way,
    query,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo3.map (id, country, capital) VALUES ({0}, 'hinted', 'h{0}')"


@pytest.mark.cluster(capture="hinted_handoff", nodes=3)
def test_write_to_a_dead_replica_leaves_a_hint_without_a_message(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3, QUORUM, one replica dead: the living one gets the write; for the other nothing is sent.

    Source: service/storage_proxy.cc, hint_to_dead_endpoints; ScyllaDB docs, "Hinted Handoff".
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, alive, dead = cluster.nodes
    dead.kill()
    with wire.statement() as write:
        session.execute(cql(INSERT.format(0), "QUORUM"))
    mutation = one_way(MUTATION, sender=coordinator, receiver=alive, table=table, key=0)
    write.expect(
        in_order(query("INSERT"), mutation, one_way(MUTATION_DONE), result()),
        exactly(1, one_way(MUTATION)),
        exactly(1, one_way(MUTATION_DONE, sender=alive, receiver=coordinator)),
        never(one_way(MUTATION, receiver=dead)),
    )


@pytest.mark.cluster(capture="hinted_handoff", nodes=3)
def test_hints_are_handed_over_once_the_node_is_back(cluster: Cluster, session: Session, wire: Wire) -> None:
    """Three writes missed: three HINT_MUTATIONs from the coordinator that kept them, each acknowledged.

    Source: db/hints/manager.cc, sender; ScyllaDB docs, "Hinted Handoff".
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, _, dead = cluster.nodes
    dead.kill()
    session.execute(cql(INSERT.format(0), "QUORUM"))
    session.execute(cql(INSERT.format(1), "QUORUM"))
    session.execute(cql(INSERT.format(2), "QUORUM"))
    hints = [
        one_way(HINT_MUTATION, sender=coordinator, receiver=dead, table=table, key=key) for key in range(3)
    ]
    arrived = any_order(*[acknowledged(hint) for hint in hints])
    with wire.recording(until=arrived) as handover:
        dead.start()
    handover.expect(
        arrived,
        *[exactly(1, hint) for hint in hints],
        # Of this table: nodes write what roles there are ten seconds after they have begun.
        exactly(
            handover.count(one_way(HINT_MUTATION, table=table)),
            one_way(MUTATION_DONE, sender=dead, receiver=coordinator, table=table),
        ),
    )
