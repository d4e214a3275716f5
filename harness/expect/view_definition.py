"""What a view makes of a base row: its key, the columns it shows, and what a change of the row changes in it.

Source:
    ScyllaDB docs, "Materialized Views", "Secondary Indexes"; Scylla, db/view/view.cc (which changes of a base row
    change its view row, and with which timestamps); index/secondary_index_manager.cc (the token column).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from harness.codec.cql.values import encode_value
from harness.errors import EncodeError, ExpectationError
from harness.expect.row_state import UNKNOWN, Cell, CellId, RowImage, Unknown
from harness.partitioner import token_of
from harness.schema import Schema, Table

Key = tuple[bytes, ...]
_TOKEN_COLUMN = "idx_token"  # noqa: S105  (a ring token, not a password)
_TOKEN_TYPES = frozenset({"bigint", "blob"})
"""Eight bytes either way; 4.2 declares them as a blob."""
_VIRTUAL_TYPE = "empty"


class ViewKey(NamedTuple):
    """Where a row of a view stands."""

    partition: Key
    clustering: Key

    @property
    def token(self) -> int:
        """The ring token of its partition."""
        return token_of(self.partition)


@dataclass(frozen=True)
class ViewDefinition:
    """A view and its base table."""

    schema: Schema
    base: Table
    view: Table

    @classmethod
    def of(cls, schema: Schema, base: str, view: str) -> "ViewDefinition":
        """Look the two tables up by name, ``keyspace.table``; a view may be named by its index as well.

        Raises:
            ExpectationError: one is unknown, or the view is none of the base table.
        """
        base_table = _table(schema, base)
        known = schema.views_of(base_table)
        wanted = view if "." in view else f"{base_table.keyspace}.{view}"
        for table in known:
            if table.full_name in {wanted, f"{wanted}_index"}:
                return cls(schema, base_table, table)
        names = ", ".join(table.full_name for table in known)
        raise ExpectationError(
            f"{base} has no view or index {view}{f'; it has {names}' if names else ', nor any other'}"
        )

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The view's key, partition key first."""
        return tuple(column.name for column in (*self.view.partition_key, *self.view.clustering_key))

    @cached_property
    def valued_key_columns(self) -> tuple[str, ...]:
        """Regular columns of the base table that are in the view's key; mostly one, or none."""
        regular = {column.name for column in self.base.regular_columns}
        return tuple(name for name in self.key_columns if name in regular)

    @cached_property
    def shown_columns(self) -> frozenset[str]:
        """Regular columns of the view that hold values of the base table."""
        return frozenset(column.name for column in self.view.regular_columns if column.type != _VIRTUAL_TYPE)

    @cached_property
    def token_column(self) -> str | None:
        """The column of an index that holds the ring token of the base row."""
        base = {column.name for column in self.base.columns}
        for column in self.view.clustering_key:
            if (
                column.name not in base
                and column.name.startswith(_TOKEN_COLUMN)
                and column.type in _TOKEN_TYPES
            ):
                return column.name
        return None

    @cached_property
    def obstacle(self) -> str:
        """Why the view's rows cannot be told from the base rows; empty if they can."""
        if not (self.base.has_all_columns and self.base.partition_key):
            return f"the columns of {self.base.full_name} are not known"
        if not self.view.partition_key:
            return f"the columns of {self.view.full_name} are not known"
        if self.view.is_restricted:
            return f"the WHERE of {self.view.full_name} is not evaluated, so that it is not known which rows it shows"
        static = {column.name for column in self.base.static_columns}
        base = {column.name for column in self.base.columns}
        for name in self.key_columns:
            if name in static:
                return f"{self.view.full_name} has the static column {name} in its key"
            if name not in base and name != self.token_column:
                return f"how {self.view.full_name} computes its column {name} is not known"
        return ""

    def base_key_of(self, view_key: ViewKey) -> tuple[Key, Key] | None:
        """Partition key and clustering key of the base row behind a view row; None: the key is incomplete."""
        values = dict(zip(self.key_columns, (*view_key.partition, *view_key.clustering), strict=False))
        names = [column.name for column in (*self.base.partition_key, *self.base.clustering_key)]
        if any(name not in values for name in names):
            return None
        size = len(self.base.partition_key)
        components = [values[name] for name in names]
        return tuple(components[:size]), tuple(components[size:])

    def view_key_of(
        self, partition: Key, clustering: Key, image: RowImage, time_ns: int
    ) -> ViewKey | Unknown | None:
        """Where the view shows a base row.

        Args:
            partition: its partition key.
            clustering: its clustering key.
            image: what it holds.
            time_ns: when, as values may expire.

        Returns:
            None if the view does not show it.
        """
        if len(clustering) < len(self.base.clustering_key):
            return None
        values: dict[str, bytes] = dict(
            zip((column.name for column in self.base.partition_key), partition, strict=False)
        )
        values |= zip((column.name for column in self.base.clustering_key), clustering, strict=False)
        if self.token_column is not None:
            values[self.token_column] = token_of(partition).to_bytes(8, "big", signed=True)
        is_unknown = False
        for name in self.valued_key_columns:
            cell = image.cell(name)
            if isinstance(cell, Unknown):
                is_unknown = True
                continue
            if cell is None or not cell.is_live_at(time_ns):
                return None
            encoded = self._encoded(name, cell)
            if encoded is None:
                return UNKNOWN
            values[name] = encoded
        if is_unknown:
            return UNKNOWN
        if not self.valued_key_columns:
            is_live = image.is_live_at(time_ns)
            if isinstance(is_live, Unknown):
                return UNKNOWN
            if not is_live:
                return None
        return ViewKey(
            tuple(values[column.name] for column in self.view.partition_key),
            tuple(values[column.name] for column in self.view.clustering_key),
        )

    def assumed_cells(self, view_key: ViewKey) -> Mapping[CellId, Cell]:
        """Cells that a base row must have held for the view to show it there."""
        values = dict(zip(self.key_columns, (*view_key.partition, *view_key.clustering), strict=False))
        found: dict[CellId, Cell] = {}
        for name in self.valued_key_columns:
            column = self.base.column(name)
            if column is None or name not in values:
                continue
            # Only compared with itself, so that its bytes will do for its text.
            found[name, ""] = Cell(f"0x{values[name].hex()}", values[name], None)
        if not self.valued_key_columns:
            # Something in the row lived; what it was, nobody asks.
            found["", ""] = Cell("", None, None)
        return found

    def key_timestamp_us(self, image: RowImage) -> int | None:
        """Write timestamp of the newest value of the base row in the view's key; None: there is none, or unknown."""
        stamps = [
            cell.timestamp_us
            for name in self.valued_key_columns
            if isinstance(cell := image.cell(name), Cell) and cell.timestamp_us is not None
        ]
        return max(stamps) if len(stamps) == len(self.valued_key_columns) and stamps else None

    def _encoded(self, name: str, cell: Cell) -> bytes | None:
        if isinstance(cell.value, bytes) and cell.timestamp_us is None:
            return cell.value
        column = self.base.column(name)
        if column is None:
            return None
        try:
            return encode_value(self.schema.type_of(self.base.keyspace, column.type), cell.value)
        except EncodeError:
            return None


def _table(schema: Schema, name: str) -> Table:
    keyspace, _, short = name.rpartition(".")
    found = schema.table(keyspace, short)
    if found is None:
        known = sorted(table.full_name for table in schema.tables)
        there = f"; it knows {', '.join(known)}" if known else "; it knows none: give a context"
        raise ExpectationError(f"the trace knows no table {name}{there}")
    return found
