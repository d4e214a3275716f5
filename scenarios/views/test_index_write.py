"""Writes to a table with a secondary index: the index is a view, and its updates follow in the background."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    before,
    each,
    exactly,
    in_order,
    one_way,
    query,
    result,
    view_updates,
)

CITY = "CREATE TABLE demo2.city (id int PRIMARY KEY, country text, capital text)"
BY_COUNTRY = "CREATE INDEX by_country ON demo2.city (country)"
PEOPLE = "CREATE TABLE demo2.people (org text, id int, mail text, age int, PRIMARY KEY (org, id))"
BY_MAIL = "CREATE INDEX by_mail ON demo2.people (mail)"


@pytest.mark.cluster(capture="index_write", nodes=3)
def test_client_hears_when_the_table_is_written(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2, TWO: both base replicas acknowledge before the client hears; the index's updates are not waited for.

    Source: the flow "a write operation involving materialized view updates, replication factor 2" of "Dissecting
    Scylla packets with Wireshark"; db/view/view.cc.
    """
    base = cluster.table(CITY, replication_factor=2)
    index = cluster.index(BY_COUNTRY)
    coordinator = cluster.nodes[0]
    key = base.key_off(coordinator)
    insert = "INSERT INTO demo2.city (id, country, capital) VALUES (%s, 'France', 'Paris')"
    with wire.statement() as write:
        session.execute(cql(insert, "TWO"), (key,))
    mutation = one_way(MUTATION, sender=coordinator, table=base, key=key)
    write.expect(
        in_order(query("INSERT"), each(base.replicas_of(key), mutation, one_way(MUTATION_DONE)), result()),
        exactly(2, mutation),
        view_updates(base.full_name, index.full_name),
    )
    # Counted when all that is due has come: updates may be late.
    write.expect(exactly(write.count(one_way(MUTATION)), one_way(MUTATION_DONE)))


@pytest.mark.cluster(capture="index_rf2", nodes=5)
def test_base_replicas_write_to_the_index(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2, five nodes: each base replica sends the index's row to the replica paired with it, after it has its own.

    Source: db/view/view.cc, get_view_natural_endpoint and mutate_MV.
    """
    base = cluster.table(PEOPLE, replication_factor=2)
    index = cluster.index(BY_MAIL)
    with wire.statement("three rows") as writes:
        session.execute(
            cql("INSERT INTO demo2.people (org, id, mail, age) VALUES ('org0', 0, 'm0@x', 20)", "TWO")
        )
        session.execute(
            cql("INSERT INTO demo2.people (org, id, mail, age) VALUES ('org1', 1, 'm1@x', 21)", "TWO")
        )
        session.execute(
            cql("INSERT INTO demo2.people (org, id, mail, age) VALUES ('org2', 2, 'm2@x', 22)", "TWO")
        )
    update = one_way(MUTATION, table=index)
    writes.expect(
        view_updates(base.full_name, index.full_name),
        before(one_way(MUTATION, table=base), update),
        exactly(3, result()),
    )
    writes.expect(exactly(writes.count(one_way(MUTATION)), one_way(MUTATION_DONE)))


@pytest.mark.cluster(capture="index_rf3", nodes=5)
def test_index_follows_changes_and_deletions(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, five nodes: a changed value leaves its old place in the index; a deleted partition leaves it altogether.

    Source: db/view/view.cc, get_view_natural_endpoint and mutate_MV; ScyllaDB docs, "Secondary Indexes".
    """
    base = cluster.table(PEOPLE.replace("demo2", "demo3"), replication_factor=3)
    index = cluster.index(BY_MAIL.replace("demo2", "demo3"))
    elsewhere = cluster.session(cluster.nodes[2])
    insert = "INSERT INTO demo3.people (org, id, mail, age) VALUES "
    with wire.statement("changes") as changes:
        session.execute(cql(f"{insert}('org1', 1, 'm1@x', 21)", "QUORUM"))
        session.execute(cql(f"{insert}('org2', 2, 'm2@x', 22)", "QUORUM"))
        session.execute(cql(f"{insert}('org2', 5, 'm5@x', 25)", "QUORUM"))
        # From another coordinator, a change could overtake what it changes.
        wire.settle()
        elsewhere.execute(cql("UPDATE demo3.people SET mail = 'new@x' WHERE org='org1' AND id=1", "QUORUM"))
        elsewhere.execute(cql("DELETE FROM demo3.people WHERE org='org2'", "QUORUM"))
    changes.expect(view_updates(base.full_name, index.full_name))
    changes.expect(exactly(changes.count(one_way(MUTATION)), one_way(MUTATION_DONE)))
