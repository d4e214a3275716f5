"""Lightweight transactions: a promise, a vote, the outcome learnt, and the traces swept up."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    PAXOS_ACCEPT,
    PAXOS_LEARN,
    PAXOS_PREPARE,
    PAXOS_PRUNE,
    Capture,
    before,
    each,
    exactly,
    in_background,
    in_order,
    lwt_round,
    never,
    one_way,
    query,
    quorum,
    reply,
    request,
    result,
)

MAP = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo3.map (id, country, capital) VALUES (117, 'Germany', 'Berlin') IF NOT EXISTS"
BALLOT = Capture("ballot")
LATE = "tables with tablets have such transactions since 2025.4 alone"


@pytest.mark.cluster(capture="lwt_insert_twice", nodes=3, tablets=False, because=LATE)
def test_insert_if_not_exists_runs_a_round_of_paxos(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3: one of the other replicas has to promise, accept and learn; in the end all three are through, and prune.

    Source: the flow "a lightweight transaction" of "Dissecting Scylla packets with Wireshark";
    service/storage_proxy.cc, cas and paxos_response_handler.
    """
    table = cluster.table(MAP, replication_factor=3)
    with wire.statement() as insert:
        assert session.execute(cql(INSERT, "QUORUM", serial_consistency="SERIAL")).one().applied
    coordinator, *others = table.replicas_of(117, coordinator_first=True)
    prepare = request(PAXOS_PREPARE, sender=coordinator, table=table, key=117, ballot=BALLOT)
    accept = request(PAXOS_ACCEPT, sender=coordinator, table=table, key=117, proposal__ballot=BALLOT)
    learn = one_way(PAXOS_LEARN, sender=coordinator, table=table, key=117, decision__ballot=BALLOT)
    insert.expect(
        in_order(
            query("INSERT"),
            quorum(1, prepare, reply(), of=others, rest_in_background=True),
            quorum(1, accept, reply(accepted=True), of=others, rest_in_background=True),
            quorum(1, learn, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            in_background(each(others, one_way(PAXOS_PRUNE, sender=coordinator, ballot=BALLOT))),
            result(applied=True),
        ),
        lwt_round(table=table, applied=True),
        exactly(2, reply(PAXOS_PREPARE)),
        exactly(2, one_way(MUTATION_DONE)),
        never(one_way(MUTATION)),
    )


@pytest.mark.cluster(capture="lwt_insert_twice", nodes=3, tablets=False, because=LATE)
def test_second_insert_decides_on_nothing_in_a_round_of_its_own(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """The row exists: accept and learn are run all the same, with an empty proposal, which nobody waits for.

    Source: service/storage_proxy.cc, cas and do_query_with_paxos ("learn" of an empty update at ANY).
    """
    table = cluster.table(MAP, replication_factor=3)
    insert = cql(INSERT, "QUORUM", serial_consistency="SERIAL")
    session.execute(insert)
    wire.settle()
    with wire.statement() as second:
        assert not session.execute(insert).one().applied
    coordinator, *others = table.replicas_of(117, coordinator_first=True)
    prepare = request(PAXOS_PREPARE, sender=coordinator, table=table, key=117, ballot=BALLOT)
    accept = request(
        PAXOS_ACCEPT,
        sender=coordinator,
        proposal__ballot=BALLOT,
        proposal__update__partition__rows=None,
    )
    learn = one_way(PAXOS_LEARN, sender=coordinator, table=table, decision__ballot=BALLOT)
    second.expect(
        in_order(
            query("INSERT"),
            quorum(1, prepare, reply(), of=others, rest_in_background=True),
            quorum(1, accept, reply(accepted=True), of=others, rest_in_background=True),
            in_background(each(others, learn, one_way(MUTATION_DONE))),
            in_background(each(others, one_way(PAXOS_PRUNE, sender=coordinator, ballot=BALLOT))),
            result(applied=False),
        ),
        lwt_round(table=table, applied=False),
        exactly(2, one_way(PAXOS_LEARN, decision__update__partition__rows=None)),
    )


@pytest.mark.cluster(capture="lwt_conditions", nodes=3, tablets=False, because=LATE)
def test_conditions_and_serial_reads_run_the_same_round(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """A met condition, one that is not, a SERIAL read and a DELETE IF EXISTS: four rounds, each with its own ballot.

    None begins before all replicas have learned of the one before: else one of them is told what it is about to learn.

    Source: service/storage_proxy.cc, cas; ScyllaDB docs, "Lightweight Transactions".
    """
    table = cluster.table(MAP, replication_factor=3)
    update = "UPDATE demo3.map SET capital='Bonn' WHERE id=117 IF capital="
    with cluster.given("the row with the capital Berlin"):
        session.execute(cql(INSERT, "QUORUM"))
    wire.settle()
    with wire.statement() as rounds:
        assert session.execute(cql(f"{update}'Berlin'", "QUORUM")).was_applied
        wire.settle()
        assert not session.execute(cql(f"{update}'Paris'", "QUORUM")).was_applied
        wire.settle()
        assert session.execute(cql("SELECT * FROM demo3.map WHERE id=117", "SERIAL")).one().capital == "Bonn"
        wire.settle()
        assert session.execute(cql("DELETE FROM demo3.map WHERE id=117 IF EXISTS", "QUORUM")).was_applied
    coordinator, *others = table.replicas_of(117, coordinator_first=True)
    replica = Capture("replica")
    prepare = request(PAXOS_PREPARE, sender=coordinator, receiver=replica, ballot=BALLOT)
    accept = request(PAXOS_ACCEPT, sender=coordinator, receiver=replica, proposal__ballot=BALLOT)
    learn = one_way(PAXOS_LEARN, sender=coordinator, receiver=replica, decision__ballot=BALLOT)
    prune = one_way(PAXOS_PRUNE, sender=coordinator, receiver=replica, ballot=BALLOT)
    rounds.expect(
        before(prepare, accept),
        before(accept, learn),
        before(learn, prune),
        each(others, exactly(4, request(PAXOS_PREPARE, sender=coordinator))),
        each(others, exactly(4, request(PAXOS_ACCEPT, sender=coordinator))),
        each(others, exactly(4, one_way(PAXOS_LEARN, sender=coordinator))),
        each(others, exactly(4, one_way(MUTATION_DONE, receiver=coordinator))),
        each(others, exactly(4, one_way(PAXOS_PRUNE, sender=coordinator))),
        exactly(2, result(applied=True)),
        exactly(1, result(applied=False)),
    )
