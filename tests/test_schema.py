"""Schemas as values: tables by name, id and version; types in a keyspace."""

from uuid import UUID

from harness.codec.cql.types import CustomType, ScalarType, SetType
from harness.codec.cql.types import UserType as CqlUserType
from harness.replication import Replication
from harness.schema import Column, Keyspace, Schema, Table, UserType

_ID = UUID("66a441a0-e657-11f1-ab3d-fc39efbf74df")
_VERSION = UUID("66a441a1-e657-11f1-ab3d-fc39efbf74df")
_OLD_VERSION = UUID("00000000-0000-1000-8000-000000000001")
_TABLE = Table(
    keyspace="ks", name="t", id=_ID, version=_VERSION, regular_columns=(Column(name="b", type="int"),)
)
_OLD = Table(keyspace="ks", name="t", id=_ID, version=_OLD_VERSION)
_DROPPED = Table(keyspace="ks", name="gone", id=UUID(int=9))
_VIEW = Table(keyspace="ks", name="v", id=UUID(int=8), base="t")
_SCHEMA = Schema((_TABLE, _VIEW), (), (_OLD, _DROPPED))


def test_empty_schema_knows_built_in_tables() -> None:
    table = Schema().table("system", "batchlog")
    assert table is not None
    assert Schema().table_of(UUID("0290003c-977e-397c-ac3e-fdfdc01d626b")) is table
    assert Schema().tables == ()


def test_table_is_found_by_name_and_id() -> None:
    assert _SCHEMA.table("ks", "t") is _TABLE
    assert _SCHEMA.table_of(_ID) is _TABLE
    assert _SCHEMA.table("ks", "x") is None
    assert _SCHEMA.table_of(UUID(int=1)) is None


def test_old_version_is_found_and_unknown_versions_look_like_the_last() -> None:
    assert _SCHEMA.table_of(_ID, _OLD_VERSION) is _OLD
    assert _SCHEMA.table_of(_ID, UUID(int=5)) is _TABLE


def test_version_of_a_reversed_read_is_that_of_the_table() -> None:
    schema = Schema((_TABLE,), (), (_OLD,))
    assert schema.table_of(_ID, UUID("66a441a1-e657-11f1-94c2-fc39efbf74df")) is _TABLE


def test_dropped_table_is_known_by_id_alone() -> None:
    assert _SCHEMA.table_of(UUID(int=9)) is _DROPPED
    assert _SCHEMA.table("ks", "gone") is None


def test_views_are_found_by_their_base_table() -> None:
    assert _SCHEMA.views_of(_TABLE) == (_VIEW,)
    assert _SCHEMA.views_of(_VIEW) == ()


def _with_types(*types: UserType) -> Schema:
    replication = Replication(strategy="SimpleStrategy", factor=1)
    return Schema((), (Keyspace(name="ks", replication=replication, types=types),))


def test_types_of_a_keyspace_may_use_each_other_in_any_order() -> None:
    inner = UserType(keyspace="ks", name="inner", fields=(("x", "int"),))
    outer = UserType(keyspace="ks", name="outer", fields=(("i", "frozen<inner>"),))
    schema = _with_types(outer, inner)
    inner_type = CqlUserType("ks", "inner", (("x", ScalarType.INT),), is_frozen=True)
    assert schema.type_of("ks", "outer") == CqlUserType("ks", "outer", (("i", inner_type),))


def test_types_that_need_each_other_are_unknown() -> None:
    schema = _with_types(UserType(keyspace="ks", name="a", fields=(("x", "frozen<a>"),)))
    assert isinstance(schema.type_of("ks", "a"), CustomType)


def test_unknown_type_keeps_its_text() -> None:
    assert Schema().type_of("ks", "addr") == CustomType("addr")
    assert Schema().type_of("ks", "set<text>") == SetType(ScalarType.TEXT)
