"""The schema, learnt from captures of real clusters and from bodies made by hand."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.cql.types import marshal_name, type_from_cql
from harness.codec.cql.values import encode_value
from harness.codec.verbs.common import MISSING_TIMESTAMP, Key, Tombstone
from harness.codec.verbs.group0 import Group0Command, SchemaChange
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    Column,
    ColumnMapping,
    ColumnMappingEntry,
    DeadCell,
    DeletableRow,
    LiveCell,
    LiveMarker,
    MutationPartition,
    NoMarker,
    Row,
)
from harness.codec.verbs.raft import AddEntryRequest
from harness.codec.verbs.schema_verbs import (
    DefinitionsUpdate,
    FrozenSchemaFrame,
    GetSchemaVersionReply,
    MigrationReply,
    SchemaMutations,
)
from harness.codec.verbs.wire import encode_struct
from harness.context import Context
from harness.dissect.reading import read_context, read_trace
from harness.replication import Replication
from harness.schema import Schema, Table
from harness.schema_learning import SCHEMA_VERBS, SchemaLearner
from harness.system_tables import system_table_id

_NONE = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
_ID = UUID(int=7)
_VERSION = UUID(int=8)
_TYPES = {
    "base_table_name": "text",
    "clustering_order": "text",
    "field_names": "frozen<list<text>>",
    "field_types": "frozen<list<text>>",
    "id": "uuid",
    "initial_tablets": "int",
    "kind": "text",
    "position": "int",
    "replication": "frozen<map<text, text>>",
    "type": "text",
    "version": "uuid",
}


def _row(
    key: tuple[str, ...], at_us: int, deleted_at_us: int | None = None, **values: object
) -> DeletableRow:
    deleted_at = _NONE if deleted_at_us is None else Tombstone(timestamp=deleted_at_us, deletion_time=1)
    columns = []
    for index, name in enumerate(sorted(_TYPES)):
        if name in values:
            data = encode_value(type_from_cql(_TYPES[name]), values[name])
            cell = (
                DeadCell(tombstone=Tombstone(timestamp=at_us, deletion_time=1))
                if data is None
                else LiveCell(timestamp=at_us, value=data)
            )
            columns.append(Column(id=index, cell=cell))
    return DeletableRow(
        key=Key(components=tuple(part.encode() for part in key)),
        marker=LiveMarker(created_at=at_us) if values else NoMarker(),
        deleted_at=deleted_at,
        cells=Row(columns=tuple(columns)),
        shadowable_deleted_at=deleted_at,
    )


def _mutation(
    table: str, *rows: DeletableRow, keyspace: str = "ks", deleted_at_us: int | None = None
) -> CanonicalMutationFrame:
    tombstone = _NONE if deleted_at_us is None else Tombstone(timestamp=deleted_at_us, deletion_time=1)
    return CanonicalMutationFrame(
        table_id=system_table_id("system_schema", table),
        schema_version=UUID(int=1),
        key=Key(components=(keyspace.encode(),)),
        mapping=ColumnMapping(
            columns=tuple(
                ColumnMappingEntry(name=name.encode(), type_name=marshal_name(type_from_cql(_TYPES[name])))
                for name in sorted(_TYPES)
            ),
            static_count=0,
        ),
        partition=MutationPartition(
            tombstone=tombstone, static_row=Row(columns=()), range_tombstones=(), rows=rows
        ),
    )


def _column(
    name: str, at_us: int, kind: str = "regular", order: str = "NONE", of: str = "int"
) -> DeletableRow:
    return _row(("t", name), at_us, kind=kind, position=0, type=of, clustering_order=order)


def _created(at_us: int = 10) -> tuple[CanonicalMutationFrame, ...]:
    return (
        _mutation("tables", _row(("t",), at_us, id=_ID)),
        _mutation(
            "columns",
            _column("p", at_us, "partition_key"),
            _column("c", at_us, "clustering", "DESC"),
            _column("b", at_us),
            _column("s", at_us, "static"),
        ),
        _mutation("scylla_tables", _row(("t",), at_us, version=_VERSION)),
    )


def _learnt(*bodies: object) -> Schema:
    learner = SchemaLearner()
    for body in bodies:
        learner.learn_rpc(body)
    return learner.schema()


def _push(*mutations: CanonicalMutationFrame) -> DefinitionsUpdate:
    return DefinitionsUpdate(mutations=(), canonical_mutations=mutations)


def _pulled(*mutations: CanonicalMutationFrame) -> MigrationReply:
    return MigrationReply(mutations=(), canonical_mutations=mutations)


def _entry(*mutations: CanonicalMutationFrame) -> AddEntryRequest:
    command = Group0Command(
        change=SchemaChange(mutations=mutations),
        history_append=_mutation("tables"),
        previous_state_id=None,
        new_state_id=UUID(int=1),
        creator_address="10.0.0.1",
        creator_id=UUID(int=2),
    )
    return AddEntryRequest(
        group_id=UUID(int=1), from_id=UUID(int=2), to_id=UUID(int=3), command=encode_struct(command)
    )


def _table(schema: Schema, name: str = "t") -> Table:
    table = schema.table("ks", name)
    assert table is not None
    return table


def test_verbs_that_bear_schema_are_few() -> None:
    assert frozenset({11, 14, 21, 47, 55}) == SCHEMA_VERBS


@pytest.mark.parametrize("wrap", [_push, _pulled, _entry])
def test_table_is_learnt_whoever_tells_it(wrap: object) -> None:
    assert callable(wrap)
    table = _table(_learnt(wrap(*_created())))
    assert table.id == _ID
    assert [(column.name, column.is_reversed) for column in table.clustering_key] == [("c", True)]
    assert [column.name for column in table.columns] == ["p", "c", "s", "b"]


def test_version_is_that_of_the_log_but_not_of_a_push() -> None:
    assert _table(_learnt(_entry(*_created()))).version == _VERSION
    assert _table(_learnt(_push(*_created()))).version is None


def test_altered_table_keeps_its_old_version() -> None:
    later = _mutation("scylla_tables", _row(("t",), 20, version=UUID(int=9)))
    schema = _learnt(_entry(*_created()), _entry(_mutation("columns", _column("a", 20)), later))
    old, new = schema.table_of(_ID, _VERSION), schema.table_of(_ID, UUID(int=9))
    assert old is not None
    assert new is not None
    assert [column.name for column in old.regular_columns] == ["b"]
    assert [column.name for column in new.regular_columns] == ["a", "b"]


def test_dropped_column_is_gone() -> None:
    schema = _learnt(_push(*_created()), _push(_mutation("columns", _row(("t", "b"), 0, 20))))
    assert _table(schema).regular_columns == ()


def test_dropped_table_is_gone_but_known_by_its_id() -> None:
    schema = _learnt(_push(*_created()), _push(_mutation("tables", _row(("t",), 0, 20))))
    assert schema.table("ks", "t") is None
    assert schema.table_of(_ID) is not None


def test_table_that_replaces_a_deleted_row_is_alive() -> None:
    mutations = _mutation("tables", _row(("t",), 10, 9, id=_ID)), *_created()[1:]
    assert _table(_learnt(_push(*mutations))).id == _ID


def test_late_news_of_a_dropped_table_do_not_bring_it_back() -> None:
    drop = _mutation("tables", _row(("t",), 0, 20))
    assert _learnt(_push(*_created()), _push(drop), _pulled(*_created())).table("ks", "t") is None


def test_keyspaces_have_replication_and_tablets() -> None:
    options = {"class": "org.x.NetworkTopologyStrategy", "dc1": "2"}
    schema = _learnt(
        _push(_mutation("keyspaces", _row((), 5, replication=options))),
        _push(_mutation("scylla_keyspaces", _row((), 5, initial_tablets=0))),
    )
    keyspace = schema.keyspaces["ks"]
    assert keyspace.replication == Replication(strategy="NetworkTopologyStrategy", factors=(("dc1", 2),))
    assert keyspace.has_tablets is True


def test_dropped_keyspace_takes_its_tables_along() -> None:
    keyspace = _mutation("keyspaces", _row((), 5, replication={"class": "X"}))
    dropped = _mutation("keyspaces", deleted_at_us=20)
    schema = _learnt(_push(keyspace, *_created()), _push(dropped))
    assert (schema.keyspaces, schema.tables) == ({}, ())


def test_types_are_learnt_and_dropped() -> None:
    created = _mutation("types", _row(("addr",), 5, field_names=["street"], field_types=["text"]))
    keyspace = _mutation("keyspaces", _row((), 5, replication={"class": "X"}))
    schema = _learnt(_push(keyspace, created))
    assert schema.keyspaces["ks"].types[0].fields == (("street", "text"),)
    dropped = _push(_mutation("types", _row(("addr",), 0, 6)))
    assert _learnt(_push(keyspace, created), dropped).keyspaces["ks"].types == ()


def test_view_of_an_index_is_known_as_such() -> None:
    schema = _learnt(
        _push(
            _mutation("views", _row(("i_index",), 10, id=UUID(int=9), base_table_name="t")),
            _mutation("columns", _row(("i_index", "b"), 10, kind="partition_key", position=0, type="int")),
            _mutation("indexes", _row(("t", "i"), 10, kind="COMPOSITES")),
            _mutation("view_virtual_columns", _row(("i_index", "z"), 10, kind="regular", type="empty")),
        )
    )
    view = _table(schema, "i_index")
    assert (view.base, view.is_index) == ("t", True)
    assert [(column.name, column.type) for column in view.regular_columns] == [("z", "empty")]


def _frozen(version: UUID, order: str, *more: DeletableRow) -> GetSchemaVersionReply:
    rows = (_column("p", 10, "partition_key"), _column("c", 10, "clustering", order), *more)
    return GetSchemaVersionReply(
        schema=FrozenSchemaFrame(
            version=version,
            mutations=SchemaMutations(
                tables=_mutation("tables", _row(("t",), 10, id=_ID)), columns=_mutation("columns", *rows)
            ),
        )
    )


def test_definition_that_was_asked_for_is_that_of_its_version() -> None:
    table = _learnt(_frozen(UUID(int=50), "ASC")).table_of(_ID, UUID(int=50))
    assert table is not None
    assert table.version == UUID(int=50)


def test_definition_for_reversed_reads_is_not_that_of_the_table() -> None:
    schema = _learnt(_frozen(UUID(int=50), "ASC"), _frozen(UUID(int=51), "DESC"))
    reversed_table = schema.table_of(_ID, UUID(int=51))
    assert reversed_table is not None
    assert reversed_table.clustering_key[0].is_reversed
    assert not _table(schema).clustering_key[0].is_reversed


def test_what_is_no_command_of_group_0_teaches_nothing() -> None:
    other = AddEntryRequest(
        group_id=UUID(int=1), from_id=UUID(int=2), to_id=UUID(int=3), command=b"\x01\x02\x03"
    )
    assert _learnt(other, None, "x", 3) == Schema()


def test_rows_with_names_or_types_that_cannot_be_are_passed_over() -> None:
    nonsense = _mutation(
        "columns", _row(("t", "x"), 5, kind="odd", type="int"), _row((), 5, kind="regular", type="int")
    )
    nameless = replace(_mutation("tables", _row(("t",), 5, id=_ID)), key=Key(components=()))
    assert _learnt(_push(nonsense, nameless)).tables == ()


@settings(max_examples=150)
@given(
    st.sampled_from(
        [
            "keyspaces",
            "scylla_keyspaces",
            "tables",
            "views",
            "columns",
            "types",
            "indexes",
            "scylla_tables",
            "view_virtual_columns",
        ]
    ),
    st.lists(st.binary(max_size=3), max_size=3),
    st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=9)), max_size=6),
    st.booleans(),
)
def test_rows_of_garbage_are_no_error(
    table: str, key: list[bytes], cells: list[tuple[int, bytes]], is_deleted: bool
) -> None:
    row = replace(
        _row((), 5, 6 if is_deleted else None),
        key=Key(components=tuple(key)),
        cells=Row(columns=tuple(Column(id=i, cell=LiveCell(timestamp=5, value=data)) for i, data in cells)),
    )
    schema = _learnt(_push(_mutation(table, row)), _pulled(_mutation(table, row, deleted_at_us=4)))
    assert isinstance(schema, Schema)


# Statements and rows.


def test_statements_are_learnt_in_the_keyspace_in_use() -> None:
    learner = SchemaLearner()
    learner.learn_statement("CREATE TABLE t (p int PRIMARY KEY)", "ks")
    learner.learn_statement("ALTER TABLE ks.t ADD a int; ALTER TABLE ks.t ADD b int")
    learner.learn_statement("CREATE TABLE broken (", "ks")
    learner.learn_statement("SELECT * FROM t", "ks")
    assert [column.name for column in _table(learner.schema()).columns] == ["p", "a", "b"]
    assert len(learner.schema().tables) == 1


def test_rows_of_system_schema_are_learnt() -> None:
    learner = SchemaLearner()
    learner.learn_rows("system_schema", "tables", ("keyspace_name", "table_name", "id"), [("ks", "t", _ID)])
    learner.learn_rows(
        "system_schema",
        "columns",
        ("keyspace_name", "table_name", "column_name", "clustering_order", "kind", "position", "type"),
        [
            ("ks", "t", "p", "none", "partition_key", 0, "int"),
            ("ks", "t", "c", "desc", "clustering", 0, "text"),
            ("ks", "t", "v", "none", "regular", -1, "text"),
        ],
    )
    learner.learn_rows(
        "system_schema", "keyspaces", ("keyspace_name", "replication"), [("ks", {"class": "X"})]
    )
    table = _table(learner.schema())
    assert table.id == _ID
    assert [column.name for column in table.columns] == ["p", "c", "v"]
    assert table.clustering_key[0].is_reversed
    assert learner.schema().keyspaces["ks"].replication.strategy == "X"


@pytest.mark.parametrize(
    ("keyspace", "table", "row"),
    [
        ("ks", "tables", ("ks", "t", _ID)),
        ("system_schema", "functions", ("ks", "t", _ID)),
        ("system_schema", "tables", (None, "t", _ID)),
        ("system_schema", "tables", ("ks",)),
    ],
)
def test_other_rows_teach_nothing(keyspace: str, table: str, row: tuple[object, ...]) -> None:
    learner = SchemaLearner()
    learner.learn_rows(keyspace, table, ("keyspace_name", "table_name", "id"), [row])
    assert learner.schema() == Schema()


@pytest.mark.parametrize(
    ("where", "is_restricted"),
    [('a IS NOT null AND "P" IS NOT NULL', False), ("a IS NOT NULL AND a > 3", True), ("", False)],
)
def test_where_of_a_view_tells_whether_it_shows_every_row(where: str, is_restricted: bool) -> None:
    learner = SchemaLearner()
    names = ("keyspace_name", "view_name", "id", "base_table_name", "where_clause")
    learner.learn_rows("system_schema", "views", names, [("ks", "w", _ID, "t", where)])
    assert _table(learner.schema(), "w").is_restricted is is_restricted


def test_schema_is_the_same_value_until_something_is_learnt() -> None:
    learner = SchemaLearner()
    before = learner.schema()
    learner.learn_statement("SELECT 1")
    assert learner.schema() is before


def test_context_is_taken_over() -> None:
    schema = _learnt(_push(*_created()))
    learner = SchemaLearner()
    learner.learn_context(Context(schema=schema))
    assert learner.schema().tables == schema.tables


# Real clusters.


@pytest.mark.parametrize(
    ("capture", "table_count"),
    [
        ("scylla-4.2/base/schema", 3),
        ("scylla-4.2/base/materialized_view", 2),
        ("scylla-4.2/base/types_and_large", 1),
        ("scylla-2025.1/base/schema", 3),
        ("scylla-2025.1/base/index_create", 2),
        ("scylla-2025.1/base/materialized_view", 2),
        ("scylla-2025.1/base/types_and_large", 1),
        ("scylla-2025.1/tablets/schema", 3),
    ],
)
def test_what_is_learnt_is_what_the_driver_told(reference: Path, capture: str, table_count: int) -> None:
    """Ids, keys, columns, types and base tables; from the capture alone."""
    path = reference / f"{capture}.pcapng"
    learnt = read_trace(path, context=Context()).schema
    told = read_context(path.with_suffix(".json")).schema
    common = [table for table in told.tables if learnt.table(table.keyspace, table.name) is not None]
    assert len(common) == table_count
    for table in common:
        known = learnt.table(table.keyspace, table.name)
        assert known is not None
        assert replace(known, version=None) == table
        keyspace = learnt.keyspaces[table.keyspace]
        assert replace(keyspace, has_tablets=None, types=()) == replace(
            told.keyspaces[table.keyspace], types=()
        )
    has_tablets = {keyspace.has_tablets for name, keyspace in learnt.keyspaces.items() if "demo" in name}
    if capture.endswith("base/schema"):
        assert has_tablets == ({None} if "4.2" in capture else {False})
    elif "tablets/" in capture:
        assert has_tablets == {True}


def test_writes_carry_versions_that_were_learnt(reference: Path) -> None:
    trace = read_trace(reference / "scylla-2025.1" / "errors" / "alter_under_load.pcapng", context=Context())
    table = trace.schema.table("demo3", "map")
    assert table is not None
    assert table.id is not None
    assert [column.name for column in table.regular_columns] == ["capital", "country", "extra0"]
    assert trace.schema.table_of(table.id, UUID("31c3d9c0-e65a-11f1-b4df-87479a1d6a9a")) == table
