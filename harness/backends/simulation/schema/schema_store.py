"""The schema of one node: rows of system_schema in its storage, and the catalog that follows from them.

Source:
    Scylla (branch 4.2), db/schema_tables.cc (do_merge_schema, delete_schema_version, convert_schema_to_mutations),
    schema_registry.cc.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.journal import Journal, NoJournal, RecordKind
from harness.backends.simulation.schema.builtin_schema import (
    LOCAL_KEYSPACES,
    local_catalog,
    schema_layout,
    schema_table_of,
    shared_keyspace,
)
from harness.backends.simulation.schema.schema_changes import definition_mutations
from harness.backends.simulation.schema.schema_mutations import SchemaRows, canonical_of, stored_form
from harness.backends.simulation.schema.schema_reading import (
    SCHEMA_TABLES_TOLD,
    keyspaces_of,
    read_keyspace,
    rows_of,
    schema_version_of,
)
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.common import MISSING_TIMESTAMP, Tombstone
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    Column,
    DeadCell,
    DeletableRow,
    LiveCell,
    Mutation,
    MutationPartition,
    Row,
)
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.schema_verbs import (
    FrozenSchemaFrame,
    GetSchemaVersionReply,
    MigrationReply,
    SchemaMutations,
)
from harness.codec.verbs.wire import decode_struct
from harness.schema import Schema
from harness.table import Table

BUILTIN_TIMESTAMP_US = MISSING_TIMESTAMP + 1
"""Of definitions that nodes bring along: older than anything."""

EMPTY_VERSION = UUID("59adb24e-f3cd-3e02-97f0-5b395827453f")
"""The version of a schema without any keyspace that peers are told of."""


_ROWS, _FORM = b"\0", b"\1"
"""What a record of the journal begins with: of rows that were merged, of one definition."""
_NO_TABLE = ""
"""The name of no table."""


class SchemaStore:
    """Keeps the schema.

    Args:
        storage: holds the rows; its catalog is set from now on.
        journal: gets what is merged.
    """

    def __init__(self, storage: Storage, journal: Journal | None = None) -> None:
        self._storage = storage
        self._journal: Journal = NoJournal() if journal is None else journal
        self._forms: dict[UUID, FrozenSchemaFrame] = {}
        self._version: UUID | None = None
        local = local_catalog()
        storage.use(local)
        for keyspace in LOCAL_KEYSPACES:
            tables = [table for table in local.schema.tables if table.keyspace == keyspace]
            self._write(definition_mutations(local, keyspace, BUILTIN_TIMESTAMP_US, tables))

    @property
    def version(self) -> UUID:
        """Of the whole schema: equal on nodes that have the same one."""
        if self._version is None:
            self._version = schema_version_of(self._storage)
        return self._version

    def merge(self, mutations: Iterable[CanonicalMutationFrame], *, now_us: int) -> bool:
        """Take definitions; of what contradicts, the newer counts.

        Args:
            mutations: of tables of system_schema.
            now_us: microseconds since 1970.

        Returns:
            Whether anything of it was news.

        Raises:
            DecodeError: they are not what they should be.
        """
        taken = tuple(_without_versions(mutation, now_us) for mutation in mutations)
        before = self.version
        self._write(taken)
        self._journal.append(
            RecordKind.SCHEMA,
            _ROWS + encode_payload(MigrationReply(mutations=(), canonical_mutations=taken)),
        )
        self._read_again(_touched(taken))
        return self.version != before

    def restore(self, data: bytes) -> None:
        """Take a record of the journal.

        Raises:
            DecodeError: it is none of the schema's.
        """
        kind, told = data[:1], data[1:]
        if kind == _FORM:
            form, _ = decode_struct(GetSchemaVersionReply, told)
            self._know_form(form.schema)
            return
        reply, _ = decode_struct(MigrationReply, told)
        assert isinstance(reply.canonical_mutations, tuple)
        self._write(reply.canonical_mutations)
        self._read_again(_touched(reply.canonical_mutations))

    def everything(self) -> tuple[CanonicalMutationFrame, ...]:
        """All that peers are told."""
        return tuple(
            canonical_of(table, keyspace, partition)
            for table in SCHEMA_TABLES_TOLD
            for keyspace in keyspaces_of(self._storage)
            if (partition := self._partition(table, keyspace)) is not None
        )

    def builtin(self, keyspace: str) -> tuple[CanonicalMutationFrame, ...]:
        """What this node lacks of a keyspace that the first node of a cluster makes; often nothing."""
        catalog = shared_keyspace(keyspace)
        known = self._storage.catalog.schema
        missing = [
            table for table in catalog.schema.tables if table.id not in {own.id for own in known.tables}
        ]
        if not missing and keyspace in known.keyspaces:
            return ()
        return definition_mutations(catalog, keyspace, BUILTIN_TIMESTAMP_US, missing)

    def form_of(self, version: UUID) -> FrozenSchemaFrame | None:
        """The definition of a table at a version, as it is sent; None: it is not known."""
        return self._forms.get(version)

    def take_form(self, form: FrozenSchemaFrame) -> None:
        """Know a table at a version that a peer has, before or without it being the table's last one.

        Raises:
            DecodeError: it is none of a table.
        """
        if self._know_form(form):
            # Writes of that version may come, and have to be understood when the node starts again.
            self._journal.append(
                RecordKind.SCHEMA, _FORM + encode_payload(GetSchemaVersionReply(schema=form))
            )

    def _know_form(self, form: FrozenSchemaFrame) -> bool:
        """Know a definition; whether that was news."""
        alone = Storage(local_catalog())
        parts = form.mutations
        whole = [
            part
            for part in (
                parts.tables,
                parts.columns,
                parts.indexes,
                parts.dropped_columns,
                parts.scylla_tables,
                parts.view_virtual_columns,
                parts.computed_columns,
            )
            if isinstance(part, CanonicalMutationFrame)
        ]
        for mutation in whole:
            stored = stored_form(mutation)
            if stored is not None:
                alone.apply_unkept(stored)
        (name,) = {mutation.key.components[0].decode() for mutation in whole}
        if self._storage.catalog.keyspace(name) is None:
            return False
        # A definition is read as a keyspace that has nothing else.
        alone.apply_unkept(
            _stored(SchemaRows("keyspaces", name, BUILTIN_TIMESTAMP_US).set((), {"durable_writes": True}))
        )
        read = read_keyspace(alone, name)
        if read is None:
            return False
        self._forms[form.version] = form
        return self._know([replace(table, version=form.version) for table in read.tables])

    # What follows from rows.

    def _read_again(self, touched: Mapping[str, Collection[str]]) -> None:
        """Make the catalog anew where rows have changed.

        Args:
            touched: tables by keyspace; none: all that are there.
        """
        before = self._storage.catalog
        schema = before.schema
        tables = [table for table in schema.tables if not _is_touched(touched, table.keyspace, table.name)]
        known = [keyspace for keyspace in schema.known_keyspaces if keyspace.name not in touched]
        properties = {
            key: value for key, value in before.properties.items() if not _is_touched(touched, *key)
        }
        new: list[Table] = []
        for name in sorted(touched.keys() - set(LOCAL_KEYSPACES)):
            read = read_keyspace(self._storage, name, touched[name])
            if read is not None:
                known.append(read.keyspace)
                new += read.tables
                properties |= read.properties
        tables += new
        old = {(table.id, table.version): table for table in (*schema.old_tables, *schema.tables)}
        now = {(table.id, table.version) for table in tables}
        left = tuple(table for key, table in old.items() if key not in now)
        self._storage.use(
            Catalog(
                Schema(
                    tuple(sorted(tables, key=lambda table: (table.keyspace, table.name))),
                    tuple(sorted(known, key=lambda keyspace: keyspace.name)),
                    left,
                ),
                properties,
            )
        )
        self._version = None
        self._note_dropped(new)
        for table in new:
            if table.version is not None and table.version not in self._forms:
                self._forms[table.version] = self._form(table, table.version)

    def _note_dropped(self, tables: Iterable[Table]) -> None:
        for table in tables:
            rows = rows_of(self._storage, "dropped_columns", table.keyspace, (table.name,))
            if rows and table.id is not None:
                at_us = {
                    row.key[1]: int.from_bytes(row.cells["dropped_time"].value, "big") * 1000 for row in rows
                }
                self._storage.note_dropped(table.id, at_us)

    def _know(self, tables: list[Table]) -> bool:
        catalog = self._storage.catalog
        schema = catalog.schema
        known = {(table.id, table.version) for table in (*schema.tables, *schema.old_tables)}
        new = tuple(table for table in tables if (table.id, table.version) not in known)
        if new:
            self._storage.use(
                Catalog(
                    Schema(schema.tables, schema.known_keyspaces, (*schema.old_tables, *new)),
                    catalog.properties,
                )
            )
        return bool(new)

    def _form(self, table: Table, version: UUID) -> FrozenSchemaFrame:
        is_view = table.base is not None
        virtual = self._part("view_virtual_columns", table)
        return FrozenSchemaFrame(
            version=version,
            mutations=SchemaMutations(
                tables=self._part("views" if is_view else "tables", table),
                columns=self._part("columns", table),
                is_view=is_view,
                indexes=self._part("indexes", table),
                dropped_columns=self._part("dropped_columns", table),
                scylla_tables=self._version_part(table, version),
                view_virtual_columns=virtual if virtual.partition.rows else None,
                computed_columns=self._part("computed_columns", table),
            ),
        )

    def _part(self, part: str, table: Table) -> CanonicalMutationFrame:
        """The rows of one table of system_schema about one table."""
        made = Partition(schema_layout(part).order)
        for row in rows_of(self._storage, part, table.keyspace, (table.name,)):
            made.rows.make(tuple(name.encode() for name in row.key)).cells.update(row.cells)
        return canonical_of(part, table.keyspace, made)

    def _version_part(self, table: Table, version: UUID) -> CanonicalMutationFrame:
        written = [
            cell.timestamp
            for part in ("tables", "views")
            for row in rows_of(self._storage, part, table.keyspace, (table.name,))
            for cell in row.cells.values()
        ]
        rows = SchemaRows("scylla_tables", table.keyspace, max(written, default=BUILTIN_TIMESTAMP_US))
        values = {"cdc": None, "partitioner": None, "version": version}
        return rows.set((table.name,), values).canonical(as_stored=True)

    def _partition(self, table: str, keyspace: str) -> Partition | None:
        table_id = schema_layout(table).table.id
        assert table_id is not None
        return self._storage.partition(table_id, (keyspace.encode(),))

    def _write(self, mutations: Iterable[CanonicalMutationFrame]) -> None:
        for mutation in mutations:
            stored = stored_form(mutation)
            if stored is not None:
                self._storage.apply_unkept(stored)


def _touched(mutations: Iterable[CanonicalMutationFrame]) -> dict[str, Collection[str]]:
    """The tables that mutations tell of, by keyspace; none: maybe all."""
    found: dict[str, set[str]] = {}
    whole: set[str] = set()
    for mutation in mutations:
        keyspace = mutation.key.components[0].decode()
        names = found.setdefault(keyspace, set())
        if mutation.partition.tombstone.exists or mutation.partition.range_tombstones:
            whole.add(keyspace)
        if schema_table_of(mutation.table_id) not in {"keyspaces", "types"}:
            names |= {row.key.components[0].decode() for row in mutation.partition.rows}
    return {keyspace: () if keyspace in whole else names or (_NO_TABLE,) for keyspace, names in found.items()}


def _is_touched(touched: Mapping[str, Collection[str]], keyspace: str, table: str) -> bool:
    return keyspace in touched and (not touched[keyspace] or table in touched[keyspace])


def _stored(rows: SchemaRows) -> Mutation:
    stored = stored_form(rows.canonical())
    assert stored is not None
    return stored


def _without_versions(mutation: CanonicalMutationFrame, now_us: int) -> CanonicalMutationFrame:
    """Delete the versions of tables, as what they become here may be a mixture with what was known."""
    if schema_table_of(mutation.table_id) != "scylla_tables":
        return mutation
    names = [entry.name for entry in mutation.mapping.columns]
    number = names.index(b"version") - mutation.mapping.static_count
    partition = mutation.partition
    rows = tuple(_without_version(row, number, now_us) for row in partition.rows)
    return CanonicalMutationFrame(
        table_id=mutation.table_id,
        schema_version=mutation.schema_version,
        key=mutation.key,
        mapping=mutation.mapping,
        partition=MutationPartition(
            tombstone=partition.tombstone,
            static_row=partition.static_row,
            range_tombstones=partition.range_tombstones,
            rows=rows,
        ),
    )


def _without_version(row: DeletableRow, number: int, now_us: int) -> DeletableRow:
    if row.deleted_at.exists:
        return row
    told = [
        column.cell.timestamp
        for column in row.cells.columns
        if column.id == number and isinstance(column.cell, LiveCell)
    ]
    tombstone = Tombstone(timestamp=max(*told, now_us, 0), deletion_time=now_us // 1_000_000)
    dead = Column(id=number, cell=DeadCell(tombstone=tombstone))
    others = (column for column in row.cells.columns if column.id != number)
    return DeletableRow(
        key=row.key,
        marker=row.marker,
        deleted_at=row.deleted_at,
        cells=Row(columns=tuple(sorted((*others, dead), key=lambda column: column.id))),
        shadowable_deleted_at=row.shadowable_deleted_at,
    )
