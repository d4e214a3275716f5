"""Reads through a secondary index: first the index's view, then the rows that it names."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    READ_DATA,
    READ_DIGEST,
    each,
    exactly,
    in_order,
    never,
    query,
    reply,
    request,
    result,
)

CITY = "CREATE TABLE demo2.city (id int PRIMARY KEY, country text, capital text)"
INDEX = "CREATE INDEX by_country ON demo2.city (country)"
ROW = "INSERT INTO demo2.city (id, country, capital) VALUES (17, 'France', 'Paris')"


@pytest.mark.cluster(capture="index_read", nodes=3)
def test_index_read_at_two_reads_the_index_then_the_row(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, TWO: all replicas of the index's partition answer, then all replicas of the row; then the client hears.

    Source: the flow "an indexed read operation with consistency level TWO" of "Dissecting Scylla packets with
    Wireshark"; cql3/statements/select_statement.cc, indexed_table_select_statement.
    """
    base = cluster.table(CITY, replication_factor=2)
    index = cluster.index(INDEX)
    with cluster.given("a row with the indexed value"):
        session.execute(cql(ROW, "ALL"))
    with wire.statement() as read:
        assert session.execute(cql("SELECT * FROM demo2.city WHERE country='France'", "TWO")).one().id == 17
    coordinator = cluster.nodes[0]
    index_replicas = [node for node in index.replicas_of("France") if node.name != coordinator.name]
    row_replicas = [node for node in base.replicas_of(17) if node.name != coordinator.name]
    asked_index = request((READ_DATA, READ_DIGEST), sender=coordinator, table=index, key="France")
    asked_row = request((READ_DATA, READ_DIGEST), sender=coordinator, table=base)
    read.expect(
        in_order(
            query("SELECT"),
            each(index_replicas, asked_index, reply()),
            each(row_replicas, asked_row, reply()),
            result(rows=1),
        ),
        exactly(len(index_replicas), request((READ_DATA, READ_DIGEST), table=index)),
        exactly(len(row_replicas), request((READ_DATA, READ_DIGEST), table=base)),
        exactly(len(index_replicas) + len(row_replicas), reply((READ_DATA, READ_DIGEST))),
    )


@pytest.mark.cluster(capture="index_read", nodes=3)
def test_value_that_the_index_does_not_hold_is_not_looked_for_in_the_table(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 2, TWO: the index's partition is empty, and nobody is asked about the table.

    Source: cql3/statements/select_statement.cc, indexed_table_select_statement.
    """
    base = cluster.table(CITY, replication_factor=2)
    index = cluster.index(INDEX)
    with wire.statement() as read:
        assert not session.execute(cql("SELECT * FROM demo2.city WHERE country='Nowhere'", "TWO")).all()
    coordinator = cluster.nodes[0]
    others = [node for node in index.replicas_of("Nowhere") if node.name != coordinator.name]
    asked = request((READ_DATA, READ_DIGEST), sender=coordinator, table=index, key="Nowhere")
    read.expect(
        in_order(query("SELECT"), each(others, asked, reply()), result(rows=0)),
        exactly(len(others), request((READ_DATA, READ_DIGEST))),
        exactly(len(others), reply((READ_DATA, READ_DIGEST))),
        never(request((READ_DATA, READ_DIGEST), table=base)),
    )


@pytest.mark.cluster(capture="index_read", nodes=3)
def test_the_same_row_by_its_key_needs_one_read(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2, TWO: the primary key leads to the replicas at once; the index is left alone.

    Source: the flow "a regular read operation (without any indexes involved)" of "Dissecting Scylla packets
    with Wireshark".
    """
    base = cluster.table(CITY, replication_factor=2)
    index = cluster.index(INDEX)
    with cluster.given("the row"):
        session.execute(cql(ROW, "ALL"))
    with wire.statement() as read:
        session.execute(cql("SELECT * FROM demo2.city WHERE id=17", "TWO"))
    coordinator = cluster.nodes[0]
    others = [node for node in base.replicas_of(17) if node.name != coordinator.name]
    asked = request((READ_DATA, READ_DIGEST), sender=coordinator, table=base, key=17)
    read.expect(
        in_order(query("SELECT"), each(others, asked, reply()), result(rows=1)),
        exactly(len(others), request((READ_DATA, READ_DIGEST))),
        exactly(len(others), reply((READ_DATA, READ_DIGEST))),
        never(request((READ_DATA, READ_DIGEST), table=index)),
    )
