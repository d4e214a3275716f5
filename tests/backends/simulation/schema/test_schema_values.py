import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.schema.schema_values import (
    index_values,
    keyspace_values,
    not_null_clause,
    table_values,
    type_text,
)
from harness.backends.simulation.table_properties import TableProperties
from harness.replication import Replication
from harness.schema import Keyspace, Schema, UserType
from harness.table import Column, Table

CATALOG = Catalog(
    Schema(
        known_keyspaces=(
            Keyspace(
                name="k",
                replication=Replication(strategy="SimpleStrategy", factor=1),
                types=(UserType(keyspace="k", name="Home", fields=(("street", "text"),)),),
            ),
        )
    ),
    {("k", "t"): TableProperties(compression=(("sstable_compression", "SnappyCompressor"),))},
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("map<text,int>", "map<text, int>"),
        ("tuple<int,text>", "frozen<tuple<int, text>>"),
        ("list<tuple<int, text>>", "list<frozen<tuple<int, text>>>"),
        ("frozen<list<int>>", "frozen<list<int>>"),
        ('set<frozen<"Home">>', 'set<frozen<"Home">>'),
        ('"Home"', '"Home"'),
        ("varchar", "text"),
    ],
)
def test_types_are_written_as_system_schema_has_them(text: str, written: str) -> None:
    assert type_text(CATALOG, "k", text) == written


def test_replication_names_the_class_in_full() -> None:
    simple = Replication(strategy="SimpleStrategy", factor=2)
    assert keyspace_values(simple, durable_writes=True)["replication"] == {
        "class": "org.apache.cassandra.locator.SimpleStrategy",
        "replication_factor": "2",
    }
    spread = Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2), ("dc2", 3)))
    assert keyspace_values(spread, durable_writes=False) == {
        "durable_writes": False,
        "replication": {
            "class": "org.apache.cassandra.locator.NetworkTopologyStrategy",
            "dc1": "2",
            "dc2": "3",
        },
    }


def test_a_compressor_gets_its_package_and_counters_their_flag() -> None:
    table = Table(keyspace="k", name="t", regular_columns=(Column(name="n", type="counter"),))
    values = table_values(CATALOG, table)
    assert values["compression"] == {
        "sstable_compression": "org.apache.cassandra.io.compress.SnappyCompressor"
    }
    assert values["flags"] == frozenset({"compound", "counter"})


def test_the_target_of_an_index_is_its_column_alone_unless_it_is_a_local_one() -> None:
    assert index_values("v", ())["options"] == {"target": "v"}
    assert index_values("v", ("a", "b"))["options"] == {"target": '{"ck":["v"],"pk":["a","b"]}'}


def test_names_in_a_clause_are_quoted_where_they_must_be() -> None:
    assert not_null_clause(("a", "B")) == 'a IS NOT null AND "B" IS NOT null'
