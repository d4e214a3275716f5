"""Counters: one replica, the leader, makes of the change what all replicas store, and replicates that."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    COUNTER_MUTATION,
    MUTATION,
    MUTATION_DONE,
    exactly,
    exchange,
    in_order,
    never,
    one_way,
    query,
    quorum,
    reply,
    request,
    result,
)

HITS = "CREATE TABLE demo3.hits (page text PRIMARY KEY, n counter)"
UPDATE = "UPDATE demo3.hits SET n = n + 1 WHERE page='home'"


@pytest.mark.cluster(
    capture="counter",
    nodes=3,
    lines=("4.2",),
    because="later coordinators that are replicas lead by themselves",
)
def test_leader_is_any_replica_and_replicates_before_it_answers(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3, QUORUM: the leader, which need not be the coordinator, writes to the others and waits for one of them.

    Source: service/storage_proxy.cc, mutate_counters, branch 4.2 (the leader is chosen at random).
    """
    table = cluster.table(HITS, replication_factor=3)
    with wire.statement() as update:
        session.execute(cql(UPDATE, "QUORUM"))
    coordinator = cluster.nodes[0]
    handed_over = update.find(request(COUNTER_MUTATION, sender=coordinator))
    leader = handed_over[0].receiver_node if handed_over else coordinator.name
    _, *others = table.replicas_of("home", coordinator_first=cluster.node(leader or ""))
    write = one_way(MUTATION, sender=leader, table=table, key="home")
    replicated = quorum(1, write, one_way(MUTATION_DONE), of=others, rest_in_background=True)
    update.expect(
        in_order(query("UPDATE"), replicated, result()),
        exactly(len(handed_over), exchange(request(COUNTER_MUTATION, receiver=leader), reply())),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(
    capture="counter",
    nodes=3,
    lines=("2025.1", "2026.3"),
    tablets=False,
    because="in older lines the leader is any replica, and tables with tablets have counters since 2026.1 alone",
)
def test_coordinator_that_is_a_replica_leads(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, QUORUM: no COUNTER_MUTATION; the coordinator replicates as an ordinary write.

    Source: service/storage_proxy.cc, mutate_counters.
    """
    table = cluster.table(HITS, replication_factor=3)
    with wire.statement() as update:
        session.execute(cql(UPDATE, "QUORUM"))
    coordinator, *others = table.replicas_of("home", coordinator_first=True)
    write = one_way(MUTATION, sender=coordinator, table=table, key="home")
    update.expect(
        in_order(
            query("UPDATE"),
            quorum(1, write, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            result(),
        ),
        never(request(COUNTER_MUTATION)),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
    )
