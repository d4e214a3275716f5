"""A schema in the making: definitions come one by one, from statements, rows and told tables.

Source:
    Scylla, db/view/view.cc and schema/schema_builder.cc (which columns a view has),
    index/secondary_index_manager.cc (the view behind an index).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from harness import ddl
from harness.replication import Replication
from harness.schema import Keyspace, Schema, UserType
from harness.table import Column, ColumnKind, Table

INDEX_VIEW_SUFFIX = "_index"
"""The view behind an index has the index's name with this behind it."""
VIRTUAL_COLUMN_TYPE = "empty"
"""Type of the columns that a view keeps only to know whether the row of its base table lives."""
INDEX_TOKEN_COLUMN = "idx_token"  # noqa: S105  (a ring token, not a password)
"""The first clustering column of an index's view: the token of the base table's partition key."""


@dataclass(slots=True)
class _Draft:
    """A table as far as it is known."""

    keyspace: str
    name: str
    id: UUID | None = None
    version: UUID | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    """Empty: nobody has told them, or the view derives them from its base table."""
    base: str | None = None
    is_restricted: bool = False
    is_synchronous: bool = False
    view: ddl.CreateView | None = None
    """Of a view that only a statement has told of: what its columns are derived from."""
    changed_at: int | None = None
    """Write timestamp of the last change, in microseconds."""


class SchemaBuilder:
    """Collects definitions; what comes later counts, unless its timestamp says that it is older."""

    def __init__(self) -> None:
        self._keyspaces: dict[str, Keyspace] = {}
        self._types: dict[tuple[str, str], UserType] = {}
        self._drafts: dict[tuple[str, str], _Draft] = {}
        self._index_names: set[tuple[str, str]] = set()
        self._dropped_at: dict[tuple[str, str], int] = {}
        self._old_tables: dict[tuple[UUID, UUID | None], Table] = {}
        self._schema: Schema | None = None

    def schema(self) -> Schema:
        """What is known so far; the same value until something new comes."""
        if self._schema is None:
            self._schema = Schema(
                tuple(self._table(draft) for _, draft in sorted(self._drafts.items())),
                tuple(self._keyspace(name) for name in sorted(self._keyspaces)),
                tuple(self._old_tables.values()),
            )
        return self._schema

    def add(self, schema: Schema) -> None:
        """Take all definitions of another schema."""
        for table in schema.tables:
            self.add_table(table)
        for keyspace in schema.known_keyspaces:
            self._keyspaces[keyspace.name] = replace(keyspace, types=())
            for user_type in keyspace.types:
                self._types[keyspace.name, user_type.name] = user_type
        for table in schema.old_tables:
            self.keep(table)
        self._schema = None

    def add_table(self, table: Table) -> None:
        """Take a table that is known as a whole."""
        self._drafts[table.keyspace, table.name] = _Draft(
            keyspace=table.keyspace,
            name=table.name,
            id=table.id,
            version=table.version,
            columns={column.name: column for column in table.columns},
            base=table.base,
            is_restricted=table.is_restricted,
            is_synchronous=table.is_synchronous,
        )
        if table.is_index:
            self._index_names.add((table.keyspace, table.name.removesuffix(INDEX_VIEW_SUFFIX)))
        self._schema = None

    def keep(self, table: Table) -> None:
        """Remember a table as it looked at one version, besides the last one."""
        if table.id is not None:
            self._old_tables[table.id, table.version] = table
            self._schema = None

    # Rows of system_schema.

    def set_keyspace(
        self, name: str, *, replication: Replication | None = None, has_tablets: bool | None = None
    ) -> None:
        """Define or change a keyspace; None leaves what is known."""
        known = self._keyspaces.get(name, Keyspace(name=name, replication=Replication(strategy="")))
        self._keyspaces[name] = replace(
            known,
            replication=known.replication if replication is None else replication,
            has_tablets=known.has_tablets if has_tablets is None else has_tablets,
        )
        self._schema = None

    def drop_keyspace(self, name: str, changed_at: int | None = None) -> None:
        """Forget a keyspace with everything in it; its tables stay known by their ids."""
        self._keyspaces.pop(name, None)
        for keyspace, table in [key for key in self._drafts if key[0] == name]:
            self.drop_table(keyspace, table, changed_at)
        for key in [key for key in self._types if key[0] == name]:
            del self._types[key]
        self._schema = None

    def set_table(
        self,
        keyspace: str,
        name: str,
        *,
        id: UUID | None = None,  # noqa: A002  (the field's name)
        base: str | None = None,
        is_restricted: bool | None = None,
        changed_at: int | None = None,
    ) -> bool:
        """Define or change what is not in the columns; None leaves what is known.

        Returns:
            Whether this is news; False if the table has changed, or was dropped, since.
        """
        if self._is_late(keyspace, name, changed_at):
            return False
        draft = self._drafts.get((keyspace, name))
        if draft is not None and id is not None and draft.id not in {None, id}:
            # Another table of the same name: the old one must have been dropped.
            self.drop_table(keyspace, name)
            draft = None
        if draft is None:
            draft = self._drafts[keyspace, name] = _Draft(keyspace=keyspace, name=name)
        draft.id = draft.id if id is None else id
        draft.base = draft.base if base is None else base
        draft.is_restricted = draft.is_restricted if is_restricted is None else is_restricted
        draft.changed_at = draft.changed_at if changed_at is None else changed_at
        self._schema = None
        return True

    def set_version(self, keyspace: str, name: str, version: UUID) -> None:
        """Give the table, as it is defined now, a schema version."""
        draft = self._drafts.get((keyspace, name))
        if draft is not None and draft.version != version:
            draft.version = version
            self.keep(self._table(draft))

    def set_columns(
        self,
        keyspace: str,
        table: str,
        columns: Iterable[Column],
        *,
        is_whole: bool,
        changed_at: int | None = None,
    ) -> None:
        """Define columns of a table, or, if they are the whole of them, define it anew."""
        if self._is_late(keyspace, table, changed_at):
            return
        draft = self._drafts.setdefault((keyspace, table), _Draft(keyspace=keyspace, name=table))
        self._make_explicit(draft)
        before = draft.columns
        draft.columns = dict(before)
        if is_whole:
            virtual = [column for column in before.values() if column.type == VIRTUAL_COLUMN_TYPE]
            draft.columns = {column.name: column for column in virtual}
        draft.columns.update((column.name, column) for column in columns)
        draft.changed_at = draft.changed_at if changed_at is None else changed_at
        if draft.columns != before:
            draft.version = None
        self._schema = None

    def drop_column(self, keyspace: str, table: str, column: str, changed_at: int | None = None) -> None:
        """Forget a column."""
        draft = self._drafts.get((keyspace, table))
        if draft is None or self._is_late(keyspace, table, changed_at):
            return
        self._make_explicit(draft)
        if draft.columns.pop(column, None) is not None:
            draft.version = None
        self._schema = None

    def drop_table(self, keyspace: str, name: str, changed_at: int | None = None) -> None:
        """Forget a table or view; it stays known by its id."""
        if self._is_late(keyspace, name, changed_at):
            return
        draft = self._drafts.pop((keyspace, name), None)
        if draft is not None:
            self.keep(self._table(draft))
        if changed_at is not None:
            self._dropped_at[keyspace, name] = changed_at
        self._schema = None

    def set_type(self, user_type: UserType) -> None:
        """Define a user-defined type."""
        self._types[user_type.keyspace, user_type.name] = user_type
        self._schema = None

    def drop_type(self, keyspace: str, name: str) -> None:
        """Forget a user-defined type."""
        self._types.pop((keyspace, name), None)
        self._schema = None

    def set_index(self, keyspace: str, name: str) -> None:
        """Say that the view of that name, with the suffix, is that of an index."""
        self._index_names.add((keyspace, name))
        self._schema = None

    # Statements.

    def apply(self, statement: ddl.Ddl, keyspace: str | None = None) -> None:
        """Do to the schema what a statement does.

        Names without a keyspace are of the one in use; if that is None, they mean nothing.
        """
        if isinstance(statement, ddl.SetKeyspace):
            if statement.creates and statement.name in self._keyspaces and statement.replication is None:
                return
            self.set_keyspace(
                statement.name, replication=statement.replication, has_tablets=statement.has_tablets
            )
            return
        if isinstance(statement, ddl.DropKeyspace):
            self.drop_keyspace(statement.name)
            return
        named = statement.base if isinstance(statement, ddl.CreateIndex) else statement.name
        of = named.keyspace or keyspace
        if of is None:
            return
        match statement:
            case ddl.CreateTable():
                self._create_table(of, statement)
            case ddl.CreateView():
                self._create_view(of, statement)
            case ddl.CreateIndex():
                self._create_index(of, statement)
            case ddl.DropTable():
                self.drop_table(of, statement.name.name)
            case ddl.DropIndex():
                self.drop_table(of, statement.name.name + INDEX_VIEW_SUFFIX)
            case ddl.CreateType():
                fields = tuple((item.name, item.type) for item in statement.fields)
                self.set_type(UserType(keyspace=of, name=statement.name.name, fields=fields))
            case ddl.AddField() | ddl.RenameFields():
                self._alter_type(of, statement)
            case ddl.DropType():
                self.drop_type(of, statement.name.name)
            case ddl.AddColumns() | ddl.DropColumns() | ddl.RenameColumns() | ddl.AlterColumn():
                self._alter_table(of, statement)
            case ddl.OtherChange():
                return

    def _create_table(self, keyspace: str, statement: ddl.CreateTable) -> None:
        name = statement.name.name
        known = self._drafts.get((keyspace, name))
        if known is None or not known.columns:
            self.set_table(keyspace, name, id=statement.id)
            self.set_columns(keyspace, name, _columns_of(statement), is_whole=True)

    def _create_view(self, keyspace: str, statement: ddl.CreateView) -> None:
        name = statement.name.name
        known = self._drafts.get((keyspace, name))
        # A view that CREATE INDEX brought about may follow in full: as the driver writes schemas.
        if known is None or not known.columns:
            self.set_table(keyspace, name, id=statement.id, base=statement.base.name)
            self._drafts[keyspace, name].view = statement
        draft = self._drafts[keyspace, name]
        draft.is_restricted |= statement.is_restricted
        draft.is_synchronous |= statement.is_synchronous
        self._schema = None

    def _create_index(self, keyspace: str, statement: ddl.CreateIndex) -> None:
        base = self._drafts.get((keyspace, statement.base.name))
        name = statement.name or f"{statement.base.name}_{statement.column}_idx"
        if statement.is_custom or statement.elements is not None:
            # What column such a view has for elements of collections, no statement tells.
            return
        self.set_index(keyspace, name)
        if base is None or (keyspace, name + INDEX_VIEW_SUFFIX) in self._drafts:
            return
        partition, clustering = _key_of(base)
        key = (statement.column, *((INDEX_TOKEN_COLUMN, *partition) if not statement.partition_key else ()))
        rest = [column for column in clustering if column != statement.column]
        if statement.partition_key:
            partition_key, clustering_key = partition, (statement.column, *rest)
        else:
            columns = list(dict.fromkeys((*key, *rest)))
            partition_key, clustering_key = (columns[0],), tuple(columns[1:])
        self._create_view(
            keyspace,
            ddl.CreateView(
                name=ddl.FullName(keyspace, name + INDEX_VIEW_SUFFIX),
                base=statement.base,
                columns=(*partition_key, *clustering_key),
                partition_key=partition_key,
                clustering_key=clustering_key,
                descending=(),
                id=None,
            ),
        )

    def _alter_table(
        self,
        keyspace: str,
        statement: ddl.AddColumns | ddl.DropColumns | ddl.RenameColumns | ddl.AlterColumn,
    ) -> None:
        table = statement.name.name
        draft = self._drafts.get((keyspace, table))
        if draft is None or not draft.columns:
            return
        match statement:
            case ddl.AddColumns():
                new = [
                    Column(name=item.name, type=item.type, kind=_kind(item))
                    for item in statement.columns
                    if item.name not in draft.columns
                ]
                if new:
                    self.set_columns(keyspace, table, new, is_whole=False)
            case ddl.DropColumns():
                for name in statement.columns:
                    self.drop_column(keyspace, table, name)
            case ddl.RenameColumns():
                for rename in statement.renames:
                    self._rename_column(keyspace, table, rename)
            case ddl.AlterColumn():
                column = draft.columns.get(statement.column)
                if column is not None:
                    changed = replace(column, type=statement.type)
                    self.set_columns(keyspace, table, [changed], is_whole=False)

    def _rename_column(self, keyspace: str, table: str, rename: ddl.Rename) -> None:
        for draft in self._drafts.values():
            if draft.keyspace == keyspace and table in {draft.name, draft.base}:
                self._make_explicit(draft)
                column = draft.columns.pop(rename.old, None)
                if column is not None:
                    draft.columns[rename.new] = replace(column, name=rename.new)
                    draft.version = None
        self._schema = None

    def _alter_type(self, keyspace: str, statement: ddl.AddField | ddl.RenameFields) -> None:
        known = self._types.get((keyspace, statement.name.name))
        if known is None:
            return
        if isinstance(statement, ddl.AddField):
            fields = known.fields
            if statement.field.name not in dict(fields):
                fields = (*fields, (statement.field.name, statement.field.type))
        else:
            new_names = {rename.old: rename.new for rename in statement.renames}
            fields = tuple((new_names.get(name, name), type_text) for name, type_text in known.fields)
        self.set_type(replace(known, fields=fields))

    # Values.

    def _is_late(self, keyspace: str, name: str, changed_at: int | None) -> bool:
        if changed_at is None:
            return False
        dropped_at = self._dropped_at.get((keyspace, name))
        if dropped_at is not None and changed_at <= dropped_at:
            return True
        draft = self._drafts.get((keyspace, name))
        return draft is not None and draft.changed_at is not None and changed_at < draft.changed_at

    def _keyspace(self, name: str) -> Keyspace:
        types = tuple(user_type for key, user_type in sorted(self._types.items()) if key[0] == name)
        return replace(self._keyspaces[name], types=types)

    def _make_explicit(self, draft: _Draft) -> None:
        """Give a view that was derived from its base table columns of its own."""
        if draft.view is not None:
            draft.columns = {column.name: column for column in self._derived_columns(draft, draft.view)}
            draft.view = None

    def _table(self, draft: _Draft) -> Table:
        columns = draft.columns.values()
        if draft.view is not None:
            columns = {column.name: column for column in self._derived_columns(draft, draft.view)}.values()
        by_kind: dict[ColumnKind, list[Column]] = {kind: [] for kind in ColumnKind}
        for column in columns:
            by_kind[column.kind].append(column)
        for kind in (ColumnKind.STATIC, ColumnKind.REGULAR):
            by_kind[kind].sort(key=lambda column: column.name.encode())
        for kind in (ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING):
            by_kind[kind].sort(key=lambda column: column.position)
        index_name = draft.name.removesuffix(INDEX_VIEW_SUFFIX)
        return Table(
            keyspace=draft.keyspace,
            name=draft.name,
            id=draft.id,
            version=draft.version,
            partition_key=tuple(by_kind[ColumnKind.PARTITION_KEY]),
            clustering_key=tuple(by_kind[ColumnKind.CLUSTERING]),
            static_columns=tuple(by_kind[ColumnKind.STATIC]),
            regular_columns=tuple(by_kind[ColumnKind.REGULAR]),
            base=draft.base,
            is_restricted=draft.is_restricted,
            is_synchronous=draft.is_synchronous,
            is_index=index_name != draft.name and (draft.keyspace, index_name) in self._index_names,
            has_all_columns=bool(by_kind[ColumnKind.PARTITION_KEY]),
        )

    def _derived_columns(self, draft: _Draft, view: ddl.CreateView) -> list[Column]:
        base = self._drafts.get((draft.keyspace, view.base.name))
        if base is None:
            return []
        key = (*view.partition_key, *view.clustering_key)
        columns = [
            Column(
                name=name,
                type=_key_type(base, name),
                kind=ColumnKind.PARTITION_KEY if position < 0 else ColumnKind.CLUSTERING,
                position=position + len(view.partition_key) if position < 0 else position,
                is_reversed=name in view.descending,
            )
            for position, name in enumerate(key, -len(view.partition_key))
        ]
        has_virtual = all(name == INDEX_TOKEN_COLUMN or _is_key(base.columns.get(name)) for name in key)
        for column in base.columns.values():
            if column.name in key or column.kind is not ColumnKind.REGULAR:
                continue
            if view.columns is None or column.name in view.columns:
                columns.append(replace(column, position=0))
            elif has_virtual:
                # Unselected columns still decide whether a row lives, where no key column of the view does.
                columns.append(Column(name=column.name, type=VIRTUAL_COLUMN_TYPE))
        return columns


def _is_key(column: Column | None) -> bool:
    return column is not None and column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}


def _key_type(base: _Draft, name: str) -> str:
    column = base.columns.get(name)
    if column is not None:
        return column.type
    return "bigint" if name == INDEX_TOKEN_COLUMN else "blob"


def _key_of(draft: _Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ordered = sorted(draft.columns.values(), key=lambda column: column.position)
    return (
        tuple(column.name for column in ordered if column.kind is ColumnKind.PARTITION_KEY),
        tuple(column.name for column in ordered if column.kind is ColumnKind.CLUSTERING),
    )


def _kind(definition: ddl.Definition) -> ColumnKind:
    return ColumnKind.STATIC if definition.is_static else ColumnKind.REGULAR


def _columns_of(statement: ddl.CreateTable) -> list[Column]:
    columns = []
    for item in statement.columns:
        if item.name in statement.partition_key:
            kind, position = ColumnKind.PARTITION_KEY, statement.partition_key.index(item.name)
        elif item.name in statement.clustering_key:
            kind, position = ColumnKind.CLUSTERING, statement.clustering_key.index(item.name)
        else:
            kind, position = _kind(item), 0
        columns.append(
            Column(
                name=item.name,
                type=item.type,
                kind=kind,
                position=position,
                is_reversed=item.name in statement.descending,
            )
        )
    return columns
