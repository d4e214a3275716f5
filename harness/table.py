"""A table with its columns, as the wire counts them."""

from dataclasses import dataclass
from enum import Enum
from uuid import UUID


class ColumnKind(Enum):
    """What a column is in its table; the values are those of ``system_schema.columns.kind``."""

    PARTITION_KEY = "partition_key"
    CLUSTERING = "clustering"
    STATIC = "static"
    REGULAR = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    name: str
    type: str
    """The CQL type, such as ``frozen<list<int>>``; names of user-defined types are those of the keyspace."""
    kind: ColumnKind = ColumnKind.REGULAR
    position: int = 0
    """Index within its part of the key; 0 for columns outside the key."""
    is_reversed: bool = False
    """Whether the rows are sorted by it in descending order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, or a materialized view, at one version of its schema."""

    keyspace: str
    name: str
    id: UUID | None = None
    """None: known by name alone."""
    version: UUID | None = None
    """The schema version in which it looks like this; None: the last one known."""
    partition_key: tuple[Column, ...] = ()
    clustering_key: tuple[Column, ...] = ()
    static_columns: tuple[Column, ...] = ()
    """Sorted by name, so that the column ids of the wire are their indices."""
    regular_columns: tuple[Column, ...] = ()
    """Sorted by name, as ``static_columns``."""
    base: str | None = None
    """Of a view: the table that it is a view of, in the same keyspace."""
    is_restricted: bool = False
    """Of a view: it does not show all rows whose key has no nulls, for its WHERE asks for more."""
    is_synchronous: bool = False
    """Of a view: base replicas wait for its updates."""
    is_index: bool = False
    """Whether it is the view behind a secondary index."""
    has_all_columns: bool = True
    """False: only the key is known, and column ids mean nothing."""

    @property
    def full_name(self) -> str:
        """Keyspace and table, joined by a dot."""
        return f"{self.keyspace}.{self.name}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns: key first, then static, then regular ones."""
        return self.partition_key + self.clustering_key + self.static_columns + self.regular_columns

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)
