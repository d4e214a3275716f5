"""Tables and their columns."""

from harness.table import Column, ColumnKind, Table

_TABLE = Table(
    keyspace="ks",
    name="t",
    partition_key=(Column(name="p", type="int", kind=ColumnKind.PARTITION_KEY),),
    clustering_key=(Column(name="c", type="int", kind=ColumnKind.CLUSTERING),),
    static_columns=(Column(name="s", type="int", kind=ColumnKind.STATIC),),
    regular_columns=(Column(name="a", type="text"),),
)


def test_columns_stand_key_first() -> None:
    assert [column.name for column in _TABLE.columns] == ["p", "c", "s", "a"]


def test_column_is_found_by_name() -> None:
    assert _TABLE.column("s") is _TABLE.static_columns[0]
    assert _TABLE.column("x") is None


def test_full_name_has_the_keyspace() -> None:
    assert _TABLE.full_name == "ks.t"
