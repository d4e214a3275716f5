"""A materialized view follows its table: every base replica writes to its paired view replica, in the background."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    exactly,
    in_order,
    never,
    one_way,
    query,
    quorum,
    result,
    view_updates,
)

TABLE = "CREATE TABLE {}.buildings (name text PRIMARY KEY, city text, height int)"
VIEW = (
    "CREATE MATERIALIZED VIEW {0}.buildings_by_city AS SELECT * FROM {0}.buildings "
    "WHERE city IS NOT NULL AND name IS NOT NULL PRIMARY KEY (city, name)"
)
INSERT = "INSERT INTO {}.buildings (name, city, height) VALUES ('{}', '{}', {})"
DUBAI, NEW_YORK = ("Burj Khalifa", "Dubai", 828), ("One WTC", "New York", 541)


@pytest.mark.cluster(capture="view_life_rf2", nodes=5)
def test_view_follows_its_table_rf_2(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 2, five nodes: insert, change of the view's key, of another column, key set to null, delete.

    A changed key is a deletion of the old row and an insertion of the new one, in two places.

    Source: db/view/view.cc, view_updates and get_view_natural_endpoint; ScyllaDB docs, "Materialized Views".
    """
    base = cluster.table(TABLE.format("demo2"), replication_factor=2)
    view = cluster.table(VIEW.format("demo2"))
    elsewhere = cluster.session(cluster.nodes[2])
    with wire.statement("life of a row") as life:
        session.execute(cql(INSERT.format("demo2", *DUBAI), "TWO"))
        session.execute(cql(INSERT.format("demo2", *NEW_YORK), "TWO"))
        elsewhere.execute(
            cql("UPDATE demo2.buildings SET city = 'Dubai 2' WHERE name = 'Burj Khalifa'", "TWO")
        )
        session.execute(cql("UPDATE demo2.buildings SET height = 829 WHERE name = 'Burj Khalifa'", "TWO"))
        session.execute(cql("UPDATE demo2.buildings SET city = null WHERE name = 'One WTC'", "TWO"))
    life.expect(view_updates(base.full_name, view.full_name))
    # Counted when all that is due has come: updates may be late.
    life.expect(exactly(life.count(one_way(MUTATION)), one_way(MUTATION_DONE)))


@pytest.mark.cluster(capture="view_life_rf3", nodes=5)
def test_view_follows_its_table_rf_3(cluster: Cluster, session: Session, wire: Wire) -> None:
    """RF 3, five nodes: a row's life in the view; three base replicas, each with a view replica of its own.

    Source: db/view/view.cc, view_updates and get_view_natural_endpoint; ScyllaDB docs, "Materialized Views".
    """
    base = cluster.table(TABLE.format("demo3"), replication_factor=3)
    view = cluster.table(VIEW.format("demo3"))
    elsewhere = cluster.session(cluster.nodes[2])
    with wire.statement("life of a row") as life:
        session.execute(cql(INSERT.format("demo3", *DUBAI), "QUORUM"))
        session.execute(cql(INSERT.format("demo3", *NEW_YORK), "QUORUM"))
        # From another coordinator, a change could overtake what it changes; and the next one it.
        wire.settle()
        elsewhere.execute(
            cql("UPDATE demo3.buildings SET city = 'Dubai 2' WHERE name = 'Burj Khalifa'", "QUORUM")
        )
        wire.settle()
        session.execute(cql("UPDATE demo3.buildings SET height = 829 WHERE name = 'Burj Khalifa'", "QUORUM"))
        session.execute(cql("UPDATE demo3.buildings SET city = null WHERE name = 'One WTC'", "QUORUM"))
    life.expect(view_updates(base.full_name, view.full_name))
    life.expect(exactly(life.count(one_way(MUTATION)), one_way(MUTATION_DONE)))


@pytest.mark.cluster(capture="materialized_view", nodes=3)
def test_base_replica_that_is_its_own_view_replica_sends_nothing(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """RF 3 on three nodes: every node is a replica of everything, so no update of the view leaves its node.

    Source: db/view/view.cc, get_view_natural_endpoint (a node in both replica lists is paired with itself).
    """
    base = cluster.table(TABLE.format("demo3"), replication_factor=3)
    view = cluster.table(VIEW.format("demo3"))
    with wire.statement() as write:
        session.execute(cql(INSERT.format("demo3", *DUBAI), "QUORUM"))
    coordinator, *others = base.replicas_of("Burj Khalifa", coordinator_first=True)
    mutation = one_way(MUTATION, sender=coordinator, table=base, key="Burj Khalifa")
    write.expect(
        in_order(
            query("INSERT"),
            quorum(1, mutation, one_way(MUTATION_DONE), of=others, rest_in_background=True),
            result(),
        ),
        exactly(2, one_way(MUTATION)),
        exactly(2, one_way(MUTATION_DONE)),
        never(one_way(MUTATION, table=view)),
        view_updates(base.full_name, view.full_name),
    )
