"""A table that every node brings along."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from harness.backends.simulation.table_properties import TableProperties
from harness.system_tables import system_table_id
from harness.table import Column, ColumnKind, Table


@dataclass(frozen=True, slots=True)
class BuiltinTable:
    """A built-in table; a column is its name and type, with DESC behind for descending order."""

    name: str
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...] = field(default=(), kw_only=True)
    static: tuple[str, ...] = field(default=(), kw_only=True)
    regular: tuple[str, ...] = field(default=(), kw_only=True)
    version: str | None = field(default=None, kw_only=True)
    """UUID, where real nodes told it; None: it follows from the columns."""
    gc_grace_seconds: int = field(default=864_000, kw_only=True)
    default_time_to_live: int = field(default=0, kw_only=True)
    flags: tuple[str, ...] = field(default=("compound",), kw_only=True)
    """What system_schema.tables says of the table's form."""

    def table(self, keyspace: str) -> Table:
        """The table as one of a keyspace."""
        return Table(
            keyspace=keyspace,
            name=self.name,
            id=system_table_id(keyspace, self.name),
            version=self._version(keyspace),
            partition_key=tuple(_columns(self.partition_key, ColumnKind.PARTITION_KEY)),
            clustering_key=tuple(_columns(self.clustering_key, ColumnKind.CLUSTERING)),
            static_columns=tuple(_columns(self.static, ColumnKind.STATIC)),
            regular_columns=tuple(_columns(self.regular, ColumnKind.REGULAR)),
        )

    @property
    def properties(self) -> TableProperties:
        """What is not in the columns."""
        return TableProperties(
            gc_grace_seconds=self.gc_grace_seconds, default_time_to_live=self.default_time_to_live
        )

    def _version(self, keyspace: str) -> UUID:
        if self.version is not None:
            return UUID(self.version)
        parts = (keyspace, self.name, self.partition_key, self.clustering_key, self.static, self.regular)
        digest = hashlib.md5(repr(parts).encode(), usedforsecurity=False).digest()
        return UUID(bytes=digest, version=3)


def _columns(texts: tuple[str, ...], kind: ColumnKind) -> Iterator[Column]:
    in_key = kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}
    for position, text in enumerate(texts):
        name, _, type_text = text.partition(" ")
        yield Column(
            name=name,
            type=type_text.removesuffix(" DESC"),
            kind=kind,
            position=position if in_key else 0,
            is_reversed=text.endswith(" DESC"),
        )
