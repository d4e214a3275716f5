"""Statements as values: what the grammar makes of a text, before any table is looked up."""

from dataclasses import dataclass
from enum import Enum

from harness.backends.simulation.cql.terms import Term
from harness.ddl import Definition, FullName, Rename

# SELECT.


@dataclass(frozen=True, slots=True)
class ColumnSelector:
    """A column."""

    name: str


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A field of a user-defined type."""

    column: str
    field: str


@dataclass(frozen=True, slots=True)
class FunctionSelector:
    """A function of columns; an aggregate, writetime or ttl too."""

    name: str
    arguments: tuple["Selector | Term", ...]
    is_of_all: bool = False
    """Whether its argument is ``*``."""
    keyspace: str | None = None


Selector = ColumnSelector | FieldSelector | FunctionSelector


@dataclass(frozen=True, slots=True)
class Aliased:
    """A selector with the name that its column gets."""

    selector: Selector
    alias: str | None


class Operator(Enum):
    """How a column is compared."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    IN = "IN"
    CONTAINS = "CONTAINS"
    CONTAINS_KEY = "CONTAINS KEY"
    LIKE = "LIKE"
    IS_NOT_NULL = "IS NOT NULL"


class Subject(Enum):
    """What of a row a relation is about."""

    COLUMN = "column"
    TOKEN = "token"  # noqa: S105  (a ring token, not a password)
    """The ring token of columns."""
    TUPLE = "tuple"
    """Several columns at once."""
    ELEMENT = "element"
    """The value behind a key of a map, or at an index of a list."""
    FIELD = "field"
    """A field of a user-defined type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A part of WHERE, or of IF."""

    subject: Subject = Subject.COLUMN
    columns: tuple[str, ...]
    operator: Operator
    values: tuple[Term, ...] = ()
    """Of IN as many as there are between the parentheses; of others one, or none."""
    is_marker_in: bool = False
    """Whether the values of IN are bound as one list."""
    key: Term | None = None
    """Of an element: its key."""
    field: str | None = None

    def __str__(self) -> str:
        columns = ", ".join(self.columns)
        match self.subject:
            case Subject.TOKEN:
                columns = f"token({columns})"
            case Subject.TUPLE:
                columns = f"({columns})"
            case Subject.ELEMENT:
                columns = f"{columns}[{self.key}]"
            case Subject.FIELD:
                columns = f"{columns}.{self.field}"
            case Subject.COLUMN:
                pass
        values = ", ".join(map(str, self.values))
        if self.operator is Operator.IN and not self.is_marker_in:
            values = f"({values})"
        return f"{columns} {self.operator.value} {values}".strip()


@dataclass(frozen=True, slots=True)
class Ordering:
    """A column of ORDER BY, or of CLUSTERING ORDER BY."""

    column: str
    is_descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """SELECT."""

    table: FullName
    selectors: tuple[Aliased, ...]
    """Empty: all columns."""
    is_distinct: bool = False
    where: tuple[Relation, ...] = ()
    order_by: tuple[Ordering, ...] = ()
    per_partition_limit: Term | None = None
    limit: Term | None = None
    allows_filtering: bool = False
    bypasses_cache: bool = False
    timeout_ms: int | None = None
    """None: the node's."""


# Changes of data.


@dataclass(frozen=True, slots=True, kw_only=True)
class Using:
    """USING of a write."""

    ttl: Term | None = None
    timestamp: Term | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """IF of a write."""

    if_not_exists: bool = False
    if_exists: bool = False
    comparisons: tuple[Relation, ...] = ()


class Change(Enum):
    """What SET does with a column."""

    SET = "="
    ADD = "+"
    PREPEND = "+ column"
    SUBTRACT = "-"
    SET_ELEMENT = "[]"
    SET_FIELD = "."
    DELETE = "DELETE"
    DELETE_ELEMENT = "DELETE []"
    DELETE_FIELD = "DELETE ."


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a write does with one column."""

    column: str
    change: Change
    value: Term | None = None
    """None: of deletions."""
    key: Term | None = None
    """Of an element: its key or index."""
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """INSERT."""

    table: FullName
    columns: tuple[str, ...]
    values: tuple[Term, ...]
    condition: Condition | None = None
    using: Using = Using()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """UPDATE."""

    table: FullName
    assignments: tuple[Assignment, ...]
    where: tuple[Relation, ...]
    condition: Condition | None = None
    using: Using = Using()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """DELETE."""

    table: FullName
    deletions: tuple[Assignment, ...]
    """Empty: rows as a whole."""
    where: tuple[Relation, ...]
    condition: Condition | None = None
    using: Using = Using()


Modification = Insert | Update | Delete


class BatchKind(Enum):
    """What a batch promises."""

    LOGGED = "LOGGED"
    UNLOGGED = "UNLOGGED"
    COUNTER = "COUNTER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """BEGIN BATCH ... APPLY BATCH."""

    kind: BatchKind
    statements: tuple[Modification, ...]
    using: Using = Using()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """USE."""

    keyspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """TRUNCATE."""

    table: FullName


# Changes of the schema.

OptionValue = str | tuple[tuple[str, str], ...]
"""Text, or the entries of a map."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What stands behind WITH."""

    named: tuple[tuple[str, OptionValue], ...] = ()
    orderings: tuple[Ordering, ...] = ()
    is_compact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeyspace:
    """CREATE KEYSPACE."""

    name: str
    options: Options
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterKeyspace:
    """ALTER KEYSPACE."""

    name: str
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class DropKeyspace:
    """DROP KEYSPACE."""

    name: str
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable:
    """CREATE TABLE."""

    name: FullName
    columns: tuple[Definition, ...]
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]
    options: Options = Options()
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True)
class AddColumns:
    """ALTER TABLE ADD."""

    columns: tuple[Definition, ...]


@dataclass(frozen=True, slots=True)
class DropColumns:
    """ALTER TABLE DROP."""

    columns: tuple[str, ...]
    using: Using


@dataclass(frozen=True, slots=True)
class RenameColumns:
    """ALTER TABLE RENAME."""

    renames: tuple[Rename, ...]


@dataclass(frozen=True, slots=True)
class AlterColumn:
    """ALTER TABLE ALTER."""

    column: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterTable:
    """ALTER TABLE."""

    name: FullName
    change: AddColumns | DropColumns | RenameColumns | AlterColumn | Options


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTable:
    """DROP TABLE."""

    name: FullName
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateView:
    """CREATE MATERIALIZED VIEW."""

    name: FullName
    base: FullName
    selectors: tuple[Aliased, ...]
    """Empty: all columns of the base table."""
    where: tuple[Relation, ...]
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]
    options: Options = Options()
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterView:
    """ALTER MATERIALIZED VIEW."""

    name: FullName
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class DropView:
    """DROP MATERIALIZED VIEW."""

    name: FullName
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIndex:
    """CREATE INDEX."""

    name: str | None
    base: FullName
    partition_key: tuple[str, ...]
    """Of a local index: the partition key of the base table."""
    columns: tuple[str, ...]
    elements: str | None = None
    """``keys``, ``values``, ``entries`` or ``full`` of a collection."""
    custom_class: str | None = None
    options: Options = Options()
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIndex:
    """DROP INDEX."""

    name: FullName
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateType:
    """CREATE TYPE."""

    name: FullName
    fields: tuple[Definition, ...]
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterType:
    """ALTER TYPE; of AlterColumn, the column is a field."""

    name: FullName
    change: AddColumns | RenameColumns | AlterColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class DropType:
    """DROP TYPE."""

    name: FullName
    if_exists: bool = False


SchemaStatement = (
    CreateKeyspace
    | AlterKeyspace
    | DropKeyspace
    | CreateTable
    | AlterTable
    | DropTable
    | CreateView
    | AlterView
    | DropView
    | CreateIndex
    | DropIndex
    | CreateType
    | AlterType
    | DropType
)

Statement = Select | Modification | Batch | Use | Truncate | SchemaStatement
