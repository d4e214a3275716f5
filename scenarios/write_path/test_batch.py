"""Batches: logged ones leave a copy in the batchlog of two nodes before anything else, and take it away at the end."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    acknowledged,
    any_order,
    before,
    each,
    exactly,
    in_background,
    in_order,
    never,
    one_way,
    query,
    quorum,
    result,
)

MAP2 = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
MAP3 = "CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)"
BATCHLOG = "system.batchlog"
LOGGED = (
    "BEGIN BATCH INSERT INTO demo3.map (id,country) VALUES (3,'a'); "
    "INSERT INTO demo3.map (id,country) VALUES (4,'b'); "
    "INSERT INTO demo2.map (id,country) VALUES (5,'c'); APPLY BATCH"
)
UNLOGGED = (
    "BEGIN UNLOGGED BATCH INSERT INTO demo3.map (id,country) VALUES (1,'a'); "
    "INSERT INTO demo3.map (id,country) VALUES (2,'b'); APPLY BATCH"
)
ONE_PARTITION = (
    "BEGIN BATCH INSERT INTO demo3.map (id,country) VALUES (6,'a'); "
    "UPDATE demo3.map SET capital='x' WHERE id=6; APPLY BATCH"
)


@pytest.mark.cluster(capture="batch", nodes=3)
def test_logged_batch_is_written_to_the_batchlog_first(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3: two nodes get the batch for their batchlog; the writes follow the first acknowledgement.

    Source: service/storage_proxy.cc, mutate_atomically; ScyllaDB docs, CQL reference, "BATCH".
    """
    table = cluster.table(MAP3, replication_factor=3)
    cluster.table(MAP2, replication_factor=2)
    with wire.statement() as batch:
        session.execute(cql(LOGGED, "QUORUM"))
    coordinator, *others = table.replicas_of(3, coordinator_first=True)
    log, write = one_way(MUTATION, table=BATCHLOG), one_way(MUTATION, sender=coordinator, table=table)
    batch.expect(
        in_order(
            query("BEGIN BATCH"),
            quorum(1, log, one_way(MUTATION_DONE, table=BATCHLOG), of=others, rest_in_background=True),
            in_background(each(others, exactly(2, write))),
            result(),
        ),
        before(one_way(MUTATION_DONE, table=BATCHLOG), write),
        exactly(4, log),
    )
    # Counted when all that is due has come: what follows the answer may be late.
    batch.expect(exactly(batch.count(one_way(MUTATION)), one_way(MUTATION_DONE)))


@pytest.mark.cluster(capture="batch", nodes=3)
def test_logged_batch_is_taken_out_of_the_batchlog_last(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """After the writes, and in the background: the partition of the batchlog is deleted on both nodes.

    Source: service/storage_proxy.cc, mutate_atomically and async_remove_from_batchlog.
    """
    table = cluster.table(MAP3, replication_factor=3)
    cluster.table(MAP2, replication_factor=2)
    with wire.statement() as batch:
        session.execute(cql(LOGGED, "QUORUM"))
    others = cluster.nodes[1:]
    removal = one_way(MUTATION, table=BATCHLOG, body={"mutation.partition.tombstone.exists": True})
    batch.expect(
        each(others, acknowledged(removal)),
        exactly(2, removal),
        before(one_way(MUTATION, table=table), removal),
    )
    batch.expect(exactly(batch.count(one_way(MUTATION)), one_way(MUTATION_DONE, receiver=cluster.nodes[0])))


@pytest.mark.cluster(capture="batch", nodes=3)
def test_unlogged_batch_is_just_its_writes(cluster: Cluster, session: Session, wire: Wire) -> None:
    """Two partitions, RF 3: each other replica gets two MUTATIONs, and the batchlog none.

    Source: service/storage_proxy.cc, mutate; ScyllaDB docs, CQL reference, "BATCH".
    """
    table = cluster.table(MAP3, replication_factor=3)
    with wire.statement() as batch:
        session.execute(cql(UNLOGGED, "QUORUM"))
    coordinator, *others = table.replicas_of(1, coordinator_first=True)
    first = one_way(MUTATION, sender=coordinator, table=table, key=1)
    second = one_way(MUTATION, sender=coordinator, table=table, key=2)
    batch.expect(
        in_order(
            query("BEGIN UNLOGGED BATCH"),
            any_order(
                quorum(1, first, one_way(MUTATION_DONE), of=others, rest_in_background=True),
                quorum(1, second, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            ),
            result(),
        ),
        exactly(4, one_way(MUTATION)),
        exactly(4, one_way(MUTATION_DONE)),
    )


@pytest.mark.cluster(capture="batch", nodes=3)
def test_logged_batch_of_one_partition_needs_no_batchlog(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """Both statements change the same partition: they travel as one MUTATION, and nothing is logged.

    Source: cql3/statements/batch_statement.cc, execute_without_conditions.
    """
    table = cluster.table(MAP3, replication_factor=3)
    with wire.statement() as batch:
        session.execute(cql(ONE_PARTITION, "QUORUM"))
    coordinator, *others = table.replicas_of(6, coordinator_first=True)
    write = one_way(MUTATION, sender=coordinator, table=table, key=6)
    batch.expect(
        in_order(
            query("BEGIN BATCH"),
            quorum(1, write, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            result(),
        ),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
        never(one_way(MUTATION, table=BATCHLOG)),
    )
