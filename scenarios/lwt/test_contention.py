"""Two coordinators race for one partition: ballots are refused and tried again, and every update is decided."""

import pytest

from harness import Cluster, Session, Wire, cql, race
from harness.expect import (
    MUTATION_DONE,
    PAXOS_ACCEPT,
    PAXOS_LEARN,
    PAXOS_PREPARE,
    PAXOS_PRUNE,
    Capture,
    at_least,
    before,
    exactly,
    one_way,
    request,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
UPDATE = "UPDATE demo3.map SET capital='{}' WHERE id=200 IF country='X'"
LATE = "tables with tablets have such transactions since 2025.4 alone"


@pytest.mark.cluster(capture="lwt_contention", nodes=3, tablets=False, because=LATE)
def test_contended_updates_keep_the_order_of_paxos(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, two coordinators, twenty updates each: promise, vote, outcome and sweeping up of a ballot keep their order.

    An update that loses too often may time out; every other one is applied.

    Source: service/storage_proxy.cc, cas (contention, a new ballot) and paxos_response_handler.
    """
    cluster.table(MAP, replication_factor=3)
    session.execute(cql("INSERT INTO demo3.map (id, country, capital) VALUES (200, 'X', '0')", "ALL"))
    first, second, third = cluster.nodes
    racers = [cluster.session(first), cluster.session(second)]
    with wire.statement() as updates:
        raced = race(racers, [cql(UPDATE.format(i), "QUORUM") for i in range(20)])
    assert all(rows.was_applied for rows in raced.rows)
    ballot, replica = Capture("ballot"), Capture("replica")
    prepare = request(PAXOS_PREPARE, receiver=replica, ballot=ballot)
    accept = request(PAXOS_ACCEPT, receiver=replica, proposal__ballot=ballot)
    learn = one_way(PAXOS_LEARN, receiver=replica, decision__ballot=ballot)
    updates.expect(
        before(prepare, accept),
        before(request(PAXOS_ACCEPT, proposal__ballot=ballot), learn),
        before(learn, one_way(PAXOS_PRUNE, receiver=replica, ballot=ballot)),
        at_least(2 * len(raced.rows), one_way(PAXOS_PRUNE)),
        exactly(len(raced.rows), result(applied=True)),
    )
    # Counted when all that is due has come: what follows the answers may be late.
    updates.expect(
        *[
            exactly(updates.count(one_way(PAXOS_LEARN, sender=node)), one_way(MUTATION_DONE, receiver=node))
            for node in cluster.nodes
        ],
        exactly(
            updates.count(one_way(PAXOS_PRUNE, sender=first, receiver=second)),
            one_way(PAXOS_PRUNE, sender=first, receiver=third),
        ),
        exactly(
            updates.count(one_way(PAXOS_PRUNE, sender=second, receiver=first)),
            one_way(PAXOS_PRUNE, sender=second, receiver=third),
        ),
    )
