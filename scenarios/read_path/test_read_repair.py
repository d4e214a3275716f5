"""Replicas that differ: the read finds out by digests, reads again in full, and writes the difference back."""

import pytest

from harness import Cluster, Node, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    READ_DIGEST,
    READ_MUTATION_DATA,
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

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
READ = "SELECT * FROM demo3.map WHERE id=40"


def write_while_down(session: Session, stale: Node) -> None:
    """Have a node miss a row, and hints are off."""
    stale.kill()
    session.execute(
        cql("INSERT INTO demo3.map (id, country, capital) VALUES (40, 'before', 'b40')", "QUORUM")
    )
    session.execute(cql("UPDATE demo3.map SET capital = 'after40' WHERE id = 40", "QUORUM"))
    stale.start()


@pytest.mark.cluster(capture="digest_mismatch", nodes=3, hints=False)
def test_read_at_all_repairs_the_replica_that_missed_a_write(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3, ALL: digests differ, so all send their mutations; the stale one gets what it lacks before the answer.

    Source: service/storage_proxy.cc, abstract_read_executor::reconcile and mutate_internal of read repair.
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, fresh, stale = cluster.nodes
    with cluster.given("node 3 missed the row, and hints are off"):
        write_while_down(session, stale)
    with wire.statement() as read:
        assert session.execute(cql(READ, "ALL")).one().capital == "after40"
    others = (fresh, stale)
    repair = one_way(MUTATION, sender=coordinator, receiver=stale, table=table, key=40)
    read.expect(
        in_order(
            query("SELECT"),
            each(others, request(READ_DIGEST, sender=coordinator, table=table, key=40), reply()),
            each(others, request(READ_MUTATION_DATA, sender=coordinator, table=table, key=40), reply()),
            in_order(repair, one_way(MUTATION_DONE)),
            result(rows=1),
        ),
        exactly(2, request(READ_DIGEST)),
        exactly(2, reply(READ_DIGEST)),
        exactly(2, request(READ_MUTATION_DATA)),
        exactly(2, reply(READ_MUTATION_DATA)),
        exactly(1, one_way(MUTATION)),
        exactly(1, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="digest_mismatch", nodes=3, hints=False)
def test_second_read_finds_nothing_to_repair(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, ALL, after the repair: the digests are equal, and that is all.

    Source: service/storage_proxy.cc, digest_read_resolver.
    """
    table = cluster.table(MAP, replication_factor=3)
    coordinator, *others = cluster.nodes
    with cluster.given("node 3 missed the row, and hints are off"):
        write_while_down(session, others[1])
    session.execute(cql(READ, "ALL"))
    with wire.statement() as read:
        session.execute(cql(READ, "ALL"))
    read.expect(
        in_order(
            query("SELECT"),
            each(others, request(READ_DIGEST, sender=coordinator, table=table, key=40), reply()),
            result(rows=1),
        ),
        exactly(2, request(READ_DIGEST)),
        exactly(2, reply(READ_DIGEST)),
        never(request(READ_MUTATION_DATA)),
        never(one_way(MUTATION)),
    )
