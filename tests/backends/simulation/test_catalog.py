"""The schema as a node knows it."""

from dataclasses import replace
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.cql.types import ScalarType
from harness.replication import Replication
from harness.schema import Keyspace, Schema
from tests.backends.simulation.tables import catalog_of

CATALOG = catalog_of(
    "CREATE TABLE t (p int, c text, s int static, v text, m map<int, text>, PRIMARY KEY (p, c))"
    " WITH CLUSTERING ORDER BY (c DESC); CREATE INDEX i ON t (v)"
)


def test_table_is_found_by_name_and_by_id_and_version() -> None:
    layout = CATALOG.table("ks", "t")
    assert layout is not None
    assert layout.table.id is not None
    assert layout.table.version is not None
    assert CATALOG.table_of(layout.table.id, layout.table.version) is layout
    assert CATALOG.last_table_of(layout.table.id) is layout
    assert CATALOG.table_of(layout.table.id, UUID(int=9)) is None
    assert CATALOG.table_of(UUID(int=9), layout.table.version) is None


def test_built_in_table_is_known_at_any_version() -> None:
    batchlog = UUID("0290003c-977e-397c-ac3e-fdfdc01d626b")
    layout = CATALOG.table_of(batchlog, UUID(int=9))
    assert layout is not None
    assert layout.regular_names == ("data", "version", "written_at")


def test_column_ids_count_by_name_static_ones_apart() -> None:
    layout = CATALOG.table("ks", "t")
    assert layout is not None
    assert (layout.static_names, layout.regular_names) == (("s",), ("m", "v"))
    assert layout.types["s"] is ScalarType.INT
    assert layout.is_multi_cell("m")
    assert not layout.is_multi_cell("v")
    assert not layout.is_counter


def test_views_of_a_table_are_those_behind_indexes_too() -> None:
    layout = CATALOG.table("ks", "t")
    assert layout is not None
    (view,) = CATALOG.views_of(layout.table)
    assert view.table.name == "i_index"
    assert view.base_regular_key == ("v",)
    assert not layout.needs_view_marker


def test_properties_reach_the_layout() -> None:
    properties = {("ks", "t"): TableProperties(gc_grace_seconds=7, default_time_to_live=60)}
    layout = Catalog(CATALOG.schema, properties).table("ks", "t")
    assert layout is not None
    assert (layout.gc_grace_s, layout.default_ttl_s) == (7, 60)


def test_keyspaces_are_those_that_were_made() -> None:
    assert CATALOG.has_keyspace("ks")
    assert not CATALOG.has_keyspace("other")
    assert CATALOG.keyspace("ks") is not None
    assert Catalog(replace(CATALOG.schema, known_keyspaces=())).keyspace("ks") is None


def test_a_keyspace_of_local_strategy_is_each_node_s_own() -> None:
    local = Keyspace(name="system", replication=Replication(strategy="LocalStrategy"))
    shared = Keyspace(name="ks", replication=Replication(strategy="SimpleStrategy", factor=1))
    catalog = Catalog(Schema(known_keyspaces=(local, shared)))
    assert [catalog.is_local(name) for name in ("system", "ks", "absent")] == [True, False, False]
