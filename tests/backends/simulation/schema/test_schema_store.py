from pathlib import Path

from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.write_plan import WritePlan
from harness.backends.simulation.journal import RecordKind
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.schema.schema_mutations import SchemaRows
from harness.backends.simulation.schema.schema_reading import rows_of
from harness.backends.simulation.schema.schema_store import EMPTY_VERSION
from harness.codec.verbs.mutation import CanonicalMutationFrame
from harness.codec.verbs.schema_verbs import FrozenSchemaFrame, GetSchemaVersionReply, MigrationReply
from harness.codec.verbs.wire import field_names
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.cql.node import LocalNode
from tests.backends.simulation.memory_journal import MemoryJournal
from tests.backends.simulation.schema.captured_changes import readable
from tests.backends.simulation.schema.local_schema import LocalSchema
from tests.backends.simulation.schema.test_schema_changes import KEYSPACE, schema_of

TABLE = "CREATE TABLE t (p int PRIMARY KEY, v text)"


def restarted(journal: MemoryJournal) -> LocalSchema:
    """The node with what its journal has."""
    schema = LocalSchema(journal)
    for kind, data in journal.records():
        if kind is RecordKind.SCHEMA:
            schema.store.restore(data)
        else:
            schema.storage.restore(kind, data)
    return schema


def node_of(schema: LocalSchema) -> LocalNode:
    node = LocalNode(schema.storage.catalog, keyspace="k", now_us=schema.now_us)
    node.storage = schema.storage
    return node


def test_a_node_without_shared_keyspaces_has_the_empty_version() -> None:
    schema = LocalSchema()
    assert schema.store.version == EMPTY_VERSION
    schema.run(KEYSPACE)
    assert schema.store.version != EMPTY_VERSION


def test_nodes_that_hear_the_same_have_the_same_versions_whatever_the_order() -> None:
    one, other = LocalSchema(), LocalSchema()
    told = [one.run(KEYSPACE), one.run(TABLE, "k"), one.run("ALTER TABLE t ADD w int", "k")]
    for mutations in reversed(told):
        other.store.merge(mutations, now_us=other.now_us)
    assert other.store.version == one.store.version
    assert other.version_of("k", "t") == one.version_of("k", "t")
    assert other.storage.catalog.schema.table("k", "t") == one.storage.catalog.schema.table("k", "t")


def test_what_is_heard_twice_is_no_news() -> None:
    one, other = LocalSchema(), LocalSchema()
    mutations = one.run(KEYSPACE)
    assert other.store.merge(mutations, now_us=1)
    assert not other.store.merge(mutations, now_us=2)


def test_everything_that_peers_are_told_makes_the_same_schema() -> None:
    one = schema_of(
        "CREATE TYPE a (x int)",
        "CREATE TABLE t (p int PRIMARY KEY, v text, u frozen<a>)",
        "CREATE INDEX i ON t (v)",
        "CREATE MATERIALIZED VIEW m AS SELECT p, v FROM t WHERE v IS NOT NULL AND p IS NOT NULL PRIMARY KEY (v, p)",
        "CREATE TABLE gone (p int PRIMARY KEY)",
        "DROP TABLE gone",
        "ALTER TABLE t ADD w int",
    )
    one.add_shared_keyspaces()
    other = LocalSchema()
    other.store.merge(one.store.everything(), now_us=other.now_us)
    assert other.store.version == one.store.version
    assert other.storage.catalog.schema.tables == one.storage.catalog.schema.tables
    assert other.storage.catalog.schema.keyspaces == one.storage.catalog.schema.keyspaces
    assert other.storage.catalog.properties == one.storage.catalog.properties


def test_the_versions_that_a_change_names_do_not_stay() -> None:
    schema = schema_of(TABLE)
    assert rows_of(schema.storage, "scylla_tables", "k") == [], "all cells are deleted"
    version = schema.version_of("k", "t")
    assert version is not None
    assert version.version == 3


def test_a_new_cluster_is_told_as_real_nodes_tell_theirs(reference: Path) -> None:
    schema = LocalSchema()
    schema.add_shared_keyspaces()
    told = next(
        message.body.canonical_mutations
        for message in trace_of(reference / "scylla-4.2/base/whole_base.pcapng").rpc
        if isinstance(message.body, MigrationReply)
    )
    assert isinstance(told, tuple)
    assert readable(schema.store.everything()) == readable(told)


def test_a_definition_is_sent_alone_as_real_nodes_send_it(reference: Path) -> None:
    told = next(
        message.body.schema
        for message in trace_of(reference / "scylla-4.2/errors/alter_under_load.pcapng").rpc
        if isinstance(message.body, GetSchemaVersionReply)
    )
    schema = LocalSchema()
    schema.run(
        "CREATE KEYSPACE demo3 WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
    )
    schema.run("CREATE TABLE demo3.map (id int PRIMARY KEY, country text, capital text)")
    schema.run("ALTER TABLE demo3.map ADD extra0 int")
    version = schema.version_of("demo3", "map")
    assert version is not None
    form = schema.store.form_of(version)
    assert form is not None
    assert parts_of(form) == parts_of(told)


def parts_of(form: FrozenSchemaFrame) -> dict[str, object]:
    """A definition, readable, by part."""
    parts = form.mutations
    return {
        name: readable((part,)) if isinstance(part, CanonicalMutationFrame) else part
        for name in field_names(parts)
        if (part := getattr(parts, name)) is not None
    }


def test_the_older_of_two_definitions_does_not_count() -> None:
    schema = schema_of(TABLE)
    old = SchemaRows("tables", "k", schema.now_us - 10_000_000).set(("t",), {"comment": "old"})
    assert not schema.store.merge([old.canonical()], now_us=schema.now_us)
    new = SchemaRows("tables", "k", schema.now_us + 1).set(("t",), {"comment": "new"})
    assert schema.store.merge([new.canonical()], now_us=schema.now_us)
    assert schema.storage.catalog.properties_of("k", "t").comment == "new"


def test_a_definition_that_is_sent_alone_gives_the_same_table() -> None:
    one = schema_of("CREATE TYPE a (x int)", TABLE)
    other = LocalSchema()
    other.store.merge(one.store.everything(), now_us=other.now_us)
    one.run("ALTER TABLE t ADD w frozen<a>", "k")
    version = one.version_of("k", "t")
    assert version is not None
    form = one.store.form_of(version)
    assert form is not None
    other.store.take_form(form)
    table = one.storage.catalog.schema.table("k", "t")
    assert table is not None
    assert table.id is not None
    assert other.storage.catalog.schema.table_of(table.id, version) == table
    known = other.storage.catalog.table_of(table.id, version)
    assert known is not None
    assert known.regular_names == ("v", "w")


def test_a_restarted_node_has_its_schema_and_its_rows() -> None:
    journal = MemoryJournal()
    schema = LocalSchema(journal)
    schema.add_shared_keyspaces()
    schema.run(KEYSPACE)
    schema.run(TABLE, "k")
    node = node_of(schema)
    node.run("INSERT INTO t (p, v) VALUES (1, 'a')")
    schema.run("ALTER TABLE t ADD w int", "k")
    node = node_of(schema)
    node.run("INSERT INTO t (p, v, w) VALUES (2, 'b', 3)")
    again = restarted(journal)
    assert again.store.version == schema.store.version
    assert again.storage.catalog.schema.tables == schema.storage.catalog.schema.tables
    assert node_of(again).rows("SELECT p, v, w FROM t") == [(1, "a", None), (2, "b", 3)]


def test_what_was_truncated_forgotten_or_dropped_stays_so_after_a_restart() -> None:
    journal = MemoryJournal()
    schema = LocalSchema(journal)
    schema.run(KEYSPACE)
    for name in ("truncated", "forgotten", "dropped", "kept"):
        schema.run(f"CREATE TABLE {name} (p int PRIMARY KEY)", "k")
        node_of(schema).run(f"INSERT INTO {name} (p) VALUES (1)")
    catalog = schema.storage.catalog
    node_of(schema).run("TRUNCATE truncated")
    forgotten = catalog.schema.table("k", "forgotten")
    assert forgotten is not None
    assert forgotten.id is not None
    schema.storage.forget(forgotten.id, WHOLE_RING)
    schema.run("DROP TABLE dropped", "k")
    again = node_of(restarted(journal))
    assert again.rows("SELECT p FROM truncated") == []
    assert again.rows("SELECT p FROM forgotten") == []
    assert again.rows("SELECT p FROM kept") == [(1,)]
    assert again.catalog.table("k", "dropped") is None


def test_a_version_that_only_a_peer_had_is_known_after_a_restart() -> None:
    one = schema_of(TABLE)
    journal = MemoryJournal()
    other = LocalSchema(journal)
    other.store.merge(one.store.everything(), now_us=other.now_us)
    one.run("ALTER TABLE t ADD w int", "k")
    table = one.storage.catalog.schema.table("k", "t")
    assert table is not None
    assert table.id is not None
    assert table.version is not None
    form = one.store.form_of(table.version)
    assert form is not None
    other.store.take_form(form)
    write = plan(
        one.storage.catalog, "INSERT INTO t (p, w) VALUES (1, 2)", "k", (), LocalNode(keyspace="k").moment
    )
    assert isinstance(write, WritePlan)
    for _, _, mutation in write.mutations(one.now_us, []):
        other.storage.apply(mutation)
    again = restarted(journal)
    assert again.storage.catalog.table_of(table.id, table.version) is not None
    assert len(again.storage.keys(table.id)) == 1


def test_a_write_makes_one_record() -> None:
    journal = MemoryJournal()
    schema = LocalSchema(journal)
    schema.run(KEYSPACE)
    schema.run(TABLE, "k")
    before = len(journal.kept)
    node = node_of(schema)
    write = plan(node.catalog, "INSERT INTO t (p, v) VALUES (1, 'a')", "k", (), node.moment)
    assert isinstance(write, WritePlan)
    node.carry_out(write)
    assert [kind for kind, _ in journal.kept[before:]] == [RecordKind.MUTATION]
