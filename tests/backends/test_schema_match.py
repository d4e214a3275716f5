import pytest

from harness.backends.schema_match import is_made, replication_factors, table_defined
from harness.errors import BackendError
from harness.replication import Replication
from harness.schema_learning import SchemaLearner
from harness.topology import Node, Topology

STATEMENTS = (
    "CREATE KEYSPACE ks WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': '2', 'dc2': '1'}",
    "CREATE TYPE ks.address (street text, zip int)",
    (
        "CREATE TABLE ks.t (a int, b text, c frozen<address>, v map<text, int>, PRIMARY KEY (a, b)) "
        "WITH CLUSTERING ORDER BY (b DESC)"
    ),
    (
        "CREATE MATERIALIZED VIEW ks.by_b AS SELECT a, b FROM ks.t WHERE a IS NOT NULL AND b IS NOT NULL "
        "PRIMARY KEY (b, a)"
    ),
    "CREATE INDEX by_v ON ks.u (v)",
    "CREATE TABLE ks.u (k int PRIMARY KEY, v int)",
)
LEARNER = SchemaLearner()
for text in (*STATEMENTS, STATEMENTS[4]):
    LEARNER.learn_statement(text)
SCHEMA = LEARNER.schema()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (STATEMENTS[2], "ks.t"),
        (
            (
                "create table ks.t (v map<text,int>, c frozen<address>, a int, b text, PRIMARY KEY (a, b)) "
                "with clustering order by (b desc) and comment = 'other'"
            ),
            "ks.t",
        ),
        (STATEMENTS[3], "ks.by_b"),
        (STATEMENTS[4], "ks.by_v_index"),
    ],
)
def test_what_is_known_in_that_shape_is_found(statement: str, name: str) -> None:
    assert table_defined(statement, SCHEMA).full_name == name


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "CREATE TABLE ks.t (a int, b text, PRIMARY KEY (a, b))",
            "a column c more; a column v more; b is text",
        ),
        ("CREATE TABLE ks.u (k int PRIMARY KEY, v int, w int)", "no column w"),
        ("CREATE TABLE ks.u (k int PRIMARY KEY, v text)", "v is int regular 0, not text"),
        ("CREATE TABLE ks.u (k int, v int, PRIMARY KEY (k, v))", "v is int regular 0, not int clustering"),
        ("CREATE TABLE ks.nowhere (k int PRIMARY KEY)", r"knows no ks\.nowhere; its tables are: ks\.by_b"),
        ("CREATE TABLE u (k int PRIMARY KEY)", "write u with its keyspace"),
        ("CREATE TABLE ks.u (k", "CREATE TABLE"),
        ("DROP TABLE ks.u", "DropTable defines no table"),
    ],
)
def test_what_is_not_known_or_has_another_shape_is_refused(statement: str, why: str) -> None:
    with pytest.raises(BackendError, match=why):
        table_defined(statement, SCHEMA)


@pytest.mark.parametrize(
    "statement",
    [
        *STATEMENTS,
        "ALTER TABLE ks.u ADD v int",
        "DROP TABLE ks.gone",
        "DROP KEYSPACE gone",
        "ALTER TYPE ks.address ADD zip int",
        "ALTER TABLE ks.u WITH comment = 'x'",
    ],
)
def test_a_change_whose_outcome_is_known_is_made(statement: str) -> None:
    assert is_made(statement, SCHEMA)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE KEYSPACE other WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
        "CREATE TABLE ks.u (k text PRIMARY KEY, v int)",
        "CREATE INDEX by_w ON ks.u (v)",
        "ALTER TABLE ks.u ADD w int",
        "ALTER TABLE ks.u DROP v",
        "DROP TABLE ks.u",
        "DROP KEYSPACE ks",
        "DROP TYPE ks.address",
        "CREATE TYPE ks.address (street text)",
    ],
)
def test_a_change_whose_outcome_is_not_known_is_not_made(statement: str) -> None:
    assert not is_made(statement, SCHEMA)


def test_replication_factors_are_told_by_datacenter() -> None:
    nodes = tuple(Node(name=f"n{i}", address=f"10.0.0.{i}", datacenter=f"dc{i}") for i in (1, 2))
    by_datacenter = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2),), factor=1)
    assert replication_factors(by_datacenter, Topology(nodes)) == {"dc1": 2, "dc2": 1}
    assert replication_factors(Replication(strategy="SimpleStrategy", factor=3), Topology(nodes)) == {"": 3}
    assert replication_factors(Replication(strategy="LocalStrategy"), Topology(nodes)) == {}
