"""Which indexes and views can be made."""

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.tables import catalog_of

TABLES = (
    "CREATE TABLE t (p int, q int, c int, v text, s int static, l list<int>, fl frozen<list<int>>, d duration,"
    " PRIMARY KEY ((p, q), c));"
    " CREATE TABLE one (p int PRIMARY KEY, v text); CREATE INDEX by_v ON one (v);"
    " CREATE TABLE n (p int PRIMARY KEY, v counter)"
)


@pytest.fixture
def node() -> LocalNode:
    return LocalNode(catalog_of(TABLES))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CREATE INDEX ON t (x)", "No column definition found for column x"),
        ("CREATE INDEX ON t (s)", "Indexing static columns is not implemented yet."),
        ("CREATE INDEX ON one (p)", "Cannot create secondary index on partition key column p"),
        ("CREATE INDEX ON t (l)", "Cannot create secondary index on non-frozen collection or UDT column l"),
        ("CREATE INDEX ON t (fl)", "Cannot create index on index_values of frozen<map> column fl"),
        ("CREATE INDEX ON t (KEYS(fl))", "Cannot create index on index_keys of frozen<map> column fl"),
        ("CREATE INDEX ON t (FULL(v))", "full() indexes can only be created on frozen collections"),
        ("CREATE INDEX ON t (d)", "Secondary indexes are not supported on duration columns"),
        ("CREATE INDEX ON n (v)", "Secondary indexes are not supported on counter tables"),
        ("CREATE INDEX by_v ON one (v)", "Index already exists"),
        ("CREATE INDEX other ON one (v)", "Index other is a duplicate of existing index by_v"),
        (
            "CREATE INDEX ON t ((p), v)",
            "Local index definition must contain full partition key only. Redundant column: p",
        ),
    ],
)
def test_an_index_that_scylla_refuses_is_refused(node: LocalNode, text: str, why: str) -> None:
    with pytest.raises(RequestError) as refused:
        node.plan(text)
    assert refused.value.text == why


@pytest.mark.parametrize(
    ("target", "view"),
    [("v", "t_v_idx_index"), ("p", "t_p_idx_index"), ("c", "t_c_idx_index"), ("FULL(fl)", "t_fl_idx_index")],
)
def test_an_index_may_be_on_a_part_of_the_key_and_on_a_whole_collection(
    node: LocalNode, target: str, view: str
) -> None:
    plan = node.plan(f"CREATE INDEX ON t ({target})")
    assert isinstance(plan, SchemaPlan)
    assert plan.table == view


def test_what_is_there_already_is_not_made_again_where_that_is_said(node: LocalNode) -> None:
    plan = node.plan("CREATE INDEX IF NOT EXISTS ON one (v)")
    assert isinstance(plan, SchemaPlan)
    assert plan.change is None
