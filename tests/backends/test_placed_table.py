from uuid import UUID

import pytest
from cassandra.metadata import Murmur3Token

from harness.backends.placed_table import PlacedTable
from harness.errors import BackendError, EncodeError
from harness.schema_learning import SchemaLearner
from harness.topology import Node, Tablet, Topology

ID = UUID(int=7)
NODES = tuple(
    Node(name=f"n{i}", address=f"10.0.0.{i}", host_id=UUID(int=i), tokens=(i * 2**61 - 2**62,))
    for i in (1, 2, 3)
)
LEARNER = SchemaLearner()
for text in (
    "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '2'}",
    "CREATE TABLE ks.t (a int, b text, v int, PRIMARY KEY ((a, b)))",
    "CREATE TABLE ks.u (k int PRIMARY KEY)",
):
    LEARNER.learn_statement(text)
LEARNER.learn_rows("system_schema", "tables", ("keyspace_name", "table_name", "id"), [("ks", "u", ID)])
SCHEMA = LEARNER.schema()


def placed(name: str, topology: Topology) -> PlacedTable:
    table = SCHEMA.table("ks", name)
    assert table is not None
    return PlacedTable(table=table, schema=SCHEMA, topology=topology, coordinator="n1")


def names(nodes: tuple[Node, ...]) -> list[str]:
    return [node.name for node in nodes]


def test_the_token_is_that_of_the_keys_cql_values() -> None:
    assert placed("u", Topology(NODES)).token_of(17) == Murmur3Token.hash_fn((17).to_bytes(4, "big"))


def test_a_key_has_one_value_for_each_column() -> None:
    table = placed("t", Topology(NODES))
    assert table.token_of(1, "x") != table.token_of(1, "y")
    with pytest.raises(ValueError, match=r"1 values for the partition key \(a, b\) of ks\.t"):
        table.token_of(1)
    with pytest.raises(ValueError, match="b of a partition key cannot be null"):
        table.token_of(1, None)
    with pytest.raises(EncodeError):
        table.token_of("one", "x")


def test_replicas_stand_in_the_order_of_the_ring() -> None:
    table = placed("u", Topology(NODES))
    replicas = names(table.replicas_of(17))
    assert len(replicas) == 2
    assert table.key_on(*(node for node in NODES if node.name in replicas)) == 17


def test_the_coordinator_comes_first_if_it_is_a_replica() -> None:
    table = placed("u", Topology(NODES))
    key = table.key_on(NODES[0])
    assert names(table.replicas_of(key, coordinator_first=True))[0] == "n1"
    second = table.key_on(NODES[1])
    assert names(table.replicas_of(second, coordinator_first=NODES[1]))[0] == "n2"
    with pytest.raises(ValueError, match="n1 is no replica of"):
        table.replicas_of(table.key_off(NODES[0]), coordinator_first=True)


def test_tablets_decide_where_a_table_has_them() -> None:
    tablets = tuple(
        Tablet(table_id=ID, last_token=last, replicas=((UUID(int=host), 0),))
        for last, host in ((0, 3), (2**63 - 1, 2))
    )
    table = placed("u", Topology(NODES, tablets))
    assert names(table.replicas_of(17)) == ["n2"]
    with pytest.raises(BackendError, match=r"which nodes store 1, 'x' of ks\.t is not known"):
        placed("t", Topology(NODES, tablets)).replicas_of(1, "x")


def test_without_a_ring_nothing_is_placed() -> None:
    with pytest.raises(BackendError, match=r"which nodes store 17 of ks\.u is not known"):
        placed("u", Topology()).replicas_of(17)


def test_a_key_that_cannot_be_is_not_looked_for_without_end() -> None:
    with pytest.raises(BackendError, match=r"no partition of ks\.u is on n1 and n2 and n3"):
        placed("u", Topology(NODES)).key_on(*NODES)
