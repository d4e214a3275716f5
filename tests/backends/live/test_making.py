import pytest

from harness.backends.live.making import drop_statements, if_not_exists, keyspace_statement
from harness.codec.verbs.line import Line


def test_an_old_line_with_one_datacenter_gets_the_simple_strategy() -> None:
    assert (
        keyspace_statement("ks", 3, datacenters=["dc1", "dc1"], line=Line.V4_2, has_tablets=False)
        == "CREATE KEYSPACE IF NOT EXISTS \"ks\" WITH replication = {'class': 'SimpleStrategy', "
        "'replication_factor': '3'}"
    )


def test_datacenters_get_so_many_replicas_each() -> None:
    text = keyspace_statement("ks", 2, datacenters=["dc2", "dc1", "dc2"], line=Line.V4_2, has_tablets=False)
    assert text.endswith("{'class': 'NetworkTopologyStrategy', 'dc1': '2', 'dc2': '2'}")


@pytest.mark.parametrize(("has_tablets", "told"), [(False, "false"), (True, "true")])
def test_lines_that_have_tablets_are_told_whether_to(has_tablets: bool, told: str) -> None:
    text = keyspace_statement("ks", 3, datacenters=["dc1"], line=Line.V2025_1, has_tablets=has_tablets)
    assert text.endswith(f"'dc1': '3'}} AND tablets = {{'enabled': {told}}}")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE ks.t (a int PRIMARY KEY)", "CREATE TABLE IF NOT EXISTS ks.t (a int PRIMARY KEY)"),
        ("create  index by_a on ks.t (a)", "create  index IF NOT EXISTS by_a on ks.t (a)"),
        ("CREATE MATERIALIZED VIEW ks.v AS", "CREATE MATERIALIZED VIEW IF NOT EXISTS ks.v AS"),
        ("CREATE TABLE IF NOT EXISTS ks.t (a int)", "CREATE TABLE IF NOT EXISTS ks.t (a int)"),
        ("DROP TABLE ks.t", "DROP TABLE ks.t"),
    ],
)
def test_what_exists_is_not_made_again(statement: str, expected: str) -> None:
    assert if_not_exists(statement) == expected


def test_keyspaces_that_nodes_have_made_are_not_dropped() -> None:
    assert drop_statements(["ks", "audit", "Other"]) == [
        'DROP KEYSPACE IF EXISTS "ks"',
        'DROP KEYSPACE IF EXISTS "Other"',
    ]
