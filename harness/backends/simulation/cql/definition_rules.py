"""Rules of the grammar about what changes the schema: keyspaces, tables, views, indexes, types; and their options."""

from typing import NamedTuple

from lark import Token, Transformer, v_args

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.request_error import invalid, syntax_error
from harness.backends.simulation.cql.rule_parts import (
    IfExists,
    IfNotExists,
    Orderings,
    Selectors,
    all_named,
    first_of,
    has_token,
    named,
    of_kind,
    those_present,
)
from harness.backends.simulation.cql.terms import Constant
from harness.codec.cql.types import identifier as quoted_if_needed
from harness.ddl import Definition, FullName, Rename


class _Key(NamedTuple):
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]


class _Column(NamedTuple):
    definition: Definition
    is_key: bool


class _Target(NamedTuple):
    columns: tuple[str, ...]
    is_partition: bool = False
    elements: str | None = None


class _Option(NamedTuple):
    name: str
    value: s.OptionValue


class _OptionMap(NamedTuple):
    entries: tuple[tuple[str, str], ...]


class _IndexName(NamedTuple):
    name: str


class _CustomClass(NamedTuple):
    name: str


class _Compact:
    pass


@v_args(inline=True)
class DefinitionRules(Transformer[Token, s.Statement]):
    """Statements that change the schema."""

    # Types, options.

    def type(self, name: FullName, *parts: str | None) -> str:
        present = those_present(parts)
        plain = "text" if name.name == "varchar" else name.name
        text = (
            plain if plain in {"map", "set", "list", "tuple", "frozen", "vector"} else quoted_if_needed(plain)
        )
        return f"{text}<{', '.join(present)}>" if present else text

    def type_name(self, first: str, second: str | None) -> FullName:
        return FullName(None, str(first)) if second is None else FullName(str(first), str(second))

    def type_number(self, token: Token) -> str:
        return str(token)

    def custom_type(self, token: Token) -> str:
        return str(token)

    def options(self, *children: object) -> s.Options:
        chosen = of_kind(_Option, children)
        orderings = of_kind(Orderings, children)
        return s.Options(
            named=tuple((option.name, option.value) for option in chosen),
            orderings=tuple(ordering for some in orderings for ordering in some),
            is_compact=first_of(_Compact, children) is not None,
        )

    def named_option(self, name: str, value: Constant | _OptionMap) -> _Option:
        return _Option(named(name), value.entries if isinstance(value, _OptionMap) else value.text)

    def compact_storage(self, _token: Token) -> _Compact:
        return _Compact()

    def clustering_order(self, _token: Token, *orderings: s.Ordering) -> Orderings:
        return Orderings(orderings)

    def options_map(self, *entries: tuple[str, str] | None) -> _OptionMap:
        return _OptionMap(those_present(entries))

    def option_entry(self, key: Constant | _OptionMap, value: Constant | _OptionMap) -> tuple[str, str]:
        if not isinstance(key, Constant) or not isinstance(value, Constant):
            raise syntax_error("map in a map of options")
        return key.text, value.text

    def if_not_exists(self, _exists: Token) -> IfNotExists:
        return IfNotExists()

    def if_exists(self, _exists: Token) -> IfExists:
        return IfExists()

    # Keyspaces.

    def create_keyspace(
        self, condition: IfNotExists | None, name: str, options: s.Options
    ) -> s.CreateKeyspace:
        return s.CreateKeyspace(name=named(name), options=options, if_not_exists=condition is not None)

    def alter_keyspace(self, name: str, options: s.Options) -> s.AlterKeyspace:
        return s.AlterKeyspace(name=named(name), options=options)

    def drop_keyspace(self, condition: IfExists | None, name: str) -> s.DropKeyspace:
        return s.DropKeyspace(name=named(name), if_exists=condition is not None)

    # Tables.

    def create_table(self, condition: IfNotExists | None, name: FullName, *parts: object) -> s.CreateTable:
        columns = of_kind(_Column, parts)
        keys = of_kind(_Key, parts)
        single = [_Key((column.definition.name,), ()) for column in columns if column.is_key]
        if len(keys) + len(single) > 1:
            raise invalid("Multiple PRIMARY KEYs specifed (exactly one required)")
        if not keys and not single:
            raise invalid("No PRIMARY KEY specifed (exactly one required)")
        (key,) = (*keys, *single)
        return s.CreateTable(
            name=name,
            columns=tuple(column.definition for column in columns),
            partition_key=key.partition_key,
            clustering_key=key.clustering_key,
            options=first_of(s.Options, parts) or s.Options(),
            if_not_exists=condition is not None,
        )

    def column_definition(
        self, name: str, type_text: str, static: Token | None, primary: Token | None
    ) -> _Column:
        return _Column(Definition(named(name), type_text, static is not None), is_key=primary is not None)

    def primary_key(self, _token: Token, partition: tuple[str, ...], *clustering: str) -> _Key:
        return _Key(partition, all_named(clustering))

    def partition_part(self, *names: str) -> tuple[str, ...]:
        return all_named(names)

    def alter_table(
        self,
        name: FullName,
        change: s.AddColumns | s.DropColumns | s.RenameColumns | s.AlterColumn | s.Options,
    ) -> s.AlterTable:
        return s.AlterTable(name=name, change=change)

    def add_columns(self, *columns: Definition) -> s.AddColumns:
        return s.AddColumns(columns)

    def added_column(self, name: str, type_text: str, static: Token | None) -> Definition:
        return Definition(named(name), type_text, static is not None)

    def drop_columns(self, *children: str | s.Using | None) -> s.DropColumns:
        return s.DropColumns(all_named(children), first_of(s.Using, children) or s.Using())

    def rename_columns(self, *renames: Rename) -> s.RenameColumns:
        return s.RenameColumns(renames)

    def rename(self, old: str, new: str) -> Rename:
        return Rename(named(old), named(new))

    def alter_column(self, column: str, type_text: str) -> s.AlterColumn:
        return s.AlterColumn(named(column), type_text)

    def change_options(self, options: s.Options) -> s.Options:
        return options

    def drop_table(self, condition: IfExists | None, name: FullName) -> s.DropTable:
        return s.DropTable(name=name, if_exists=condition is not None)

    # Views and indexes.

    def create_view(self, condition: IfNotExists | None, name: FullName, *parts: object) -> s.CreateView:
        base, where, key = first_of(FullName, parts), first_of(s.Condition, parts), first_of(_Key, parts)
        assert base is not None
        assert where is not None
        assert key is not None
        return s.CreateView(
            name=name,
            base=base,
            selectors=first_of(Selectors, parts) or (),
            where=where.comparisons,
            partition_key=key.partition_key,
            clustering_key=key.clustering_key,
            options=first_of(s.Options, parts) or s.Options(),
            if_not_exists=condition is not None,
        )

    def alter_view(self, name: FullName, options: s.Options) -> s.AlterView:
        return s.AlterView(name=name, options=options)

    def drop_view(self, condition: IfExists | None, name: FullName) -> s.DropView:
        return s.DropView(name=name, if_exists=condition is not None)

    def create_index(self, *children: object) -> s.CreateIndex:
        base, custom_class = first_of(FullName, children), first_of(_CustomClass, children)
        name = first_of(_IndexName, children)
        assert base is not None
        targets = of_kind(_Target, children)
        if has_token("CUSTOM", children) != (custom_class is not None):
            raise invalid("CUSTOM index requires specifying the index class, and no other does")
        return s.CreateIndex(
            name=None if name is None else name.name,
            base=base,
            partition_key=tuple(
                column for target in targets if target.is_partition for column in target.columns
            ),
            columns=tuple(
                column for target in targets if not target.is_partition for column in target.columns
            ),
            elements=next((target.elements for target in targets if target.elements), None),
            custom_class=None if custom_class is None else custom_class.name,
            options=first_of(s.Options, children) or s.Options(),
            if_not_exists=first_of(IfNotExists, children) is not None,
        )

    def index_name(self, name: str) -> _IndexName:
        return _IndexName(named(name))

    def index_column(self, name: str) -> _Target:
        return _Target((named(name),))

    def index_partition(self, *names: str) -> _Target:
        return _Target(all_named(names), is_partition=True)

    def index_elements(self, elements: str, name: str) -> _Target:
        return _Target((named(name),), elements=str(elements))

    def index_class(self, name: Constant) -> _CustomClass:
        return _CustomClass(name.text)

    def drop_index(self, condition: IfExists | None, name: FullName) -> s.DropIndex:
        return s.DropIndex(name=name, if_exists=condition is not None)

    # Types.

    def create_type(self, condition: IfNotExists | None, name: FullName, *fields: Definition) -> s.CreateType:
        return s.CreateType(name=name, fields=fields, if_not_exists=condition is not None)

    def field(self, name: str, type_text: str) -> Definition:
        return Definition(named(name), type_text)

    def alter_type(
        self, name: FullName, change: s.AddColumns | s.RenameColumns | s.AlterColumn
    ) -> s.AlterType:
        return s.AlterType(name=name, change=change)

    def add_field(self, field: Definition) -> s.AddColumns:
        return s.AddColumns((field,))

    def drop_type(self, condition: IfExists | None, name: FullName) -> s.DropType:
        return s.DropType(name=name, if_exists=condition is not None)

    rename_fields = rename_columns
    alter_field = alter_column
