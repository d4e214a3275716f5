"""CQL texts that change the schema, read into values.

Source:
    ScyllaDB docs, CQL reference, "Data Definition", "Materialized Views", "Secondary Indexes".
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple
from uuid import UUID

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput

from harness.errors import DecodeError
from harness.grammar import parser_of
from harness.replication import Replication

_LAYER = "ddl"


class FullName(NamedTuple):
    """A table, view, index or type as a statement names it."""

    keyspace: str | None
    """None: the one in use."""
    name: str


class Definition(NamedTuple):
    """A column, or a field of a type, as a statement defines it."""

    name: str
    type: str
    is_static: bool = False


class Rename(NamedTuple):
    """A new name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeyspace:
    """CREATE KEYSPACE or ALTER KEYSPACE."""

    name: str
    replication: Replication | None
    has_tablets: bool | None
    creates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DropKeyspace:
    """DROP KEYSPACE."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable:
    """CREATE TABLE."""

    name: FullName
    columns: tuple[Definition, ...]
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]
    descending: tuple[str, ...]
    """Clustering columns in descending order."""
    id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumns:
    """ALTER TABLE ADD."""

    name: FullName
    columns: tuple[Definition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropColumns:
    """ALTER TABLE DROP."""

    name: FullName
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameColumns:
    """ALTER TABLE RENAME."""

    name: FullName
    renames: tuple[Rename, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterColumn:
    """ALTER TABLE ALTER: a column gets another type."""

    name: FullName
    column: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTable:
    """DROP TABLE, or DROP MATERIALIZED VIEW."""

    name: FullName


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateView:
    """CREATE MATERIALIZED VIEW."""

    name: FullName
    base: FullName
    columns: tuple[str, ...] | None
    """None: all columns of the base table."""
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]
    descending: tuple[str, ...]
    id: UUID | None
    is_restricted: bool = False
    """WHERE asks for more than values that are not null."""
    is_synchronous: bool = False
    """``synchronous_updates``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIndex:
    """CREATE INDEX."""

    name: str | None
    """None: Scylla makes one of table and column."""
    base: FullName
    partition_key: tuple[str, ...]
    """Of a local index: the partition key of the base table."""
    column: str
    elements: str | None
    """Of an index on a collection: ``keys``, ``values``, ``entries`` or ``full``."""
    is_custom: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIndex:
    """DROP INDEX."""

    name: FullName


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateType:
    """CREATE TYPE."""

    name: FullName
    fields: tuple[Definition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddField:
    """ALTER TYPE ADD."""

    name: FullName
    field: Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFields:
    """ALTER TYPE RENAME."""

    name: FullName
    renames: tuple[Rename, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropType:
    """DROP TYPE."""

    name: FullName


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChange:
    """A change of properties that no id on the wire depends on."""

    name: FullName


Ddl = (
    SetKeyspace
    | DropKeyspace
    | CreateTable
    | AddColumns
    | DropColumns
    | RenameColumns
    | AlterColumn
    | DropTable
    | CreateView
    | CreateIndex
    | DropIndex
    | CreateType
    | AddField
    | RenameFields
    | DropType
    | OtherChange
)

_DDL_START = re.compile(
    r"(?:\s|/\*.*?\*/|(?:--|//)[^\n]*\n)*(?:CREATE|ALTER|DROP)\s+"
    r"(?:KEYSPACE|SCHEMA|TABLE|COLUMNFAMILY|MATERIALIZED|CUSTOM|INDEX|TYPE)\b",
    re.IGNORECASE | re.DOTALL,
)
_STATEMENT_PART = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ | /\*.*?\*/ | (?:--|//)[^\n]* | ; | [^'"$/;-]+ | .""",
    re.DOTALL | re.VERBOSE,
)
_STATEMENT_CHARACTERS_MAX = 1 << 20


def is_ddl(text: str) -> bool:
    """Whether a CQL text begins like one that ``parse_ddl`` takes; quick."""
    return _DDL_START.match(text) is not None


def parse_ddl(text: str) -> Ddl:
    """Read one statement.

    Raises:
        DecodeError: it is none, or not of the kinds that ``Ddl`` lists.
    """
    if len(text) > _STATEMENT_CHARACTERS_MAX:
        raise DecodeError(f"statement of {len(text)} characters", layer=_LAYER, offset_bytes=0)
    try:
        tree = _parser().parse(text)
        return _READERS[tree.data](tree)
    except UnexpectedInput as error:
        offset = error.pos_in_stream or 0
        what = f"cannot read {text[offset : offset + 40]!r} in {' '.join(text.split())[:120]!r}"
        raise DecodeError(what, layer=_LAYER, offset_bytes=offset) from None
    except RecursionError:
        raise DecodeError("statement nested too deeply", layer=_LAYER, offset_bytes=0) from None


def load_parser() -> None:
    """Load the parser, if that was not done yet: it takes a while, which may be free elsewhere."""
    _parser()


def statements_of(text: str) -> Iterator[str]:
    """Cut a text at the semicolons between its statements; those in strings and comments do not count."""
    parts: list[str] = []
    for match in _STATEMENT_PART.finditer(text):
        part = match.group()
        if part != ";":
            parts.append(part)
            continue
        if statement := "".join(parts).strip():
            yield statement
        parts.clear()
    if statement := "".join(parts).strip():
        yield statement


@cache
def _parser() -> Lark:
    return parser_of("harness", "ddl.lark", maybe_placeholders=False)


_Node = Tree[Token]


def _trees(node: _Node, rule: str) -> list[_Node]:
    """Give the children that a rule of the grammar made."""
    return [child for child in node.children if isinstance(child, Tree) and child.data == rule]


def _tree(node: _Node, rule: str) -> _Node:
    return _trees(node, rule)[0]


def _has_token(node: _Node, kind: str) -> bool:
    return any(isinstance(child, Token) and child.type == kind for child in node.children)


def _name(token: Token) -> str:
    return token[1:-1].replace('""', '"') if token.type == "QUOTED" else token.lower()


def _names(node: _Node) -> tuple[str, ...]:
    """Give the names that stand directly in a node."""
    tokens = [child for child in node.children if isinstance(child, Token)]
    return tuple(_name(token) for token in tokens if token.type in {"NAME", "QUOTED"})


def _full_name(node: _Node) -> FullName:
    names = _names(_tree(node, "full_name"))
    return FullName(names[0], names[1]) if len(names) == 2 else FullName(None, names[0])


def _type(node: _Node) -> str:
    """Write a type as Scylla does in system_schema."""
    names = _names(node)
    if not names:
        return str(node.children[0])
    # A user-defined type can only be of the keyspace of its table.
    name = {"varchar": "text"}.get(names[-1], names[-1])
    if re.fullmatch("[a-z][a-z0-9_]*", name) is None:
        name = '"' + name.replace('"', '""') + '"'
    arguments = [
        _type(child) if isinstance(child, Tree) else str(child)
        for child in node.children
        if isinstance(child, Tree) or child.type == "NUMBER"
    ]
    return f"{name}<{', '.join(arguments)}>" if arguments else name


def _definition(node: _Node) -> Definition:
    return Definition(_names(node)[0], _type(_tree(node, "type")), _has_token(node, "STATIC"))


def _renames(node: _Node) -> tuple[Rename, ...]:
    return tuple(Rename(*_names(rename)) for rename in _trees(node, "rename"))


def _value(item: _Node | Token) -> object:
    """Turn an option's value into text, or a dict of them; what else there is, nobody asks for."""
    if isinstance(item, Token):
        return item[1:-1].replace("''", "'") if item.type == "STRING" else str(item)
    if item.data == "map":
        pairs = [[_value(part) for part in entry.children] for entry in _trees(item, "entry")]
        return {str(pair[0]): pair[1] for pair in pairs if len(pair) == 2}
    if item.data == "word":
        return _names(item)[0]
    return None


def _options(node: _Node) -> dict[str, object]:
    """Give the named options behind WITH."""
    return {
        _names(option)[0]: _value(option.children[-1])
        for options in _trees(node, "with_options")
        for option in _trees(options, "named_option")
    }


def _descending(node: _Node) -> tuple[str, ...]:
    orderings = [
        ordering
        for options in _trees(node, "with_options")
        for order in _trees(options, "clustering_order")
        for ordering in _trees(order, "ordering")
    ]
    return tuple(_names(ordering)[0] for ordering in orderings if _has_token(ordering, "DESC"))


def _id(node: _Node) -> UUID | None:
    text = _options(node).get("id")
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _key_parts(primary_key: _Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parts = _tree(primary_key, "key_parts")
    partition = next(child for child in parts.children if isinstance(child, Tree))
    return _names(partition), _names(parts)


def _keyspace(node: _Node) -> SetKeyspace:
    options = _options(node)
    replication = options.get("replication")
    tablets = options.get("tablets")
    enabled = tablets.get("enabled", "true") if isinstance(tablets, dict) else None
    return SetKeyspace(
        name=_names(node)[0],
        replication=Replication.of((str(name), str(value)) for name, value in replication.items())
        if isinstance(replication, dict)
        else None,
        has_tablets=None if enabled is None else enabled == "true",
        creates=node.data == "create_keyspace",
    )


def _create_table(node: _Node) -> CreateTable:
    definitions = _trees(node, "column_definition")
    partition_key: tuple[str, ...] = ()
    clustering_key: tuple[str, ...] = ()
    for definition in definitions:
        if _has_token(definition, "PRIMARY"):
            partition_key = _names(definition)
    for primary_key in _trees(node, "primary_key"):
        partition_key, clustering_key = _key_parts(primary_key)
    columns = tuple(_definition(definition) for definition in definitions)
    defined = {column.name for column in columns}
    missing = [name for name in partition_key + clustering_key if name not in defined]
    if missing or not partition_key:
        what = f"key column {missing[0]} is not defined" if missing else "table without a primary key"
        raise DecodeError(what, layer=_LAYER, offset_bytes=0)
    return CreateTable(
        name=_full_name(node),
        columns=columns,
        partition_key=partition_key,
        clustering_key=clustering_key,
        descending=_descending(node),
        id=_id(node),
    )


def _create_view(node: _Node) -> CreateView:
    select = _tree(node, "select")
    some = _trees(select, "some_columns")
    partition_key, clustering_key = _key_parts(_tree(node, "primary_key"))
    return CreateView(
        name=_full_name(node),
        base=_full_name(select),
        columns=_names(some[0]) if some else None,
        partition_key=partition_key,
        clustering_key=clustering_key,
        descending=_descending(node),
        id=_id(node),
        is_restricted=bool(_trees(select, "relation")),
        is_synchronous=str(_options(node).get("synchronous_updates")).lower() == "true",
    )


def _create_index(node: _Node) -> CreateIndex:
    names = _names(node)
    partition_key: tuple[str, ...] = ()
    for part in _trees(node, "index_partition"):
        partition_key = _names(part)
    column, elements = "", None
    for part in _trees(node, "index_column"):
        column = _names(part)[0]
    for part in _trees(node, "index_elements"):
        elements, column = _names(part)
    return CreateIndex(
        name=names[0] if names else None,
        base=_full_name(node),
        partition_key=partition_key,
        column=column,
        elements=elements,
        is_custom=_has_token(node, "CUSTOM"),
    )


def _alter_table(node: _Node) -> Ddl:
    name = _full_name(node)
    change = node.children[-1]
    assert isinstance(change, Tree)
    match str(change.data):
        case "add_columns":
            columns = tuple(_definition(column) for column in _trees(change, "added"))
            return AddColumns(name=name, columns=columns)
        case "drop_columns":
            return DropColumns(name=name, columns=_names(change))
        case "rename_columns":
            return RenameColumns(name=name, renames=_renames(change))
        case "alter_column":
            return AlterColumn(name=name, column=_names(change)[0], type=_type(_tree(change, "type")))
        case _:
            return OtherChange(name=name)


def _alter_type(node: _Node) -> Ddl:
    name = _full_name(node)
    change = node.children[-1]
    assert isinstance(change, Tree)
    match str(change.data):
        case "add_field":
            return AddField(name=name, field=_definition(_tree(change, "field")))
        case "rename_fields":
            return RenameFields(name=name, renames=_renames(change))
        case _:
            return OtherChange(name=name)


def _create_type(node: _Node) -> CreateType:
    fields = tuple(_definition(field) for field in _trees(node, "field"))
    return CreateType(name=_full_name(node), fields=fields)


_READERS: dict[str, Callable[[_Node], Ddl]] = {
    "create_keyspace": _keyspace,
    "alter_keyspace": _keyspace,
    "drop_keyspace": lambda node: DropKeyspace(name=_names(node)[0]),
    "create_table": _create_table,
    "alter_table": _alter_table,
    "drop_table": lambda node: DropTable(name=_full_name(node)),
    "create_view": _create_view,
    "alter_view": lambda node: OtherChange(name=_full_name(node)),
    "drop_view": lambda node: DropTable(name=_full_name(node)),
    "create_index": _create_index,
    "drop_index": lambda node: DropIndex(name=_full_name(node)),
    "create_type": _create_type,
    "alter_type": _alter_type,
    "drop_type": lambda node: DropType(name=_full_name(node)),
}
