"""Changes of rows and cells as values, and in one line.

Source:
    Scylla, mutation/mutation_partition.hh, mutation/atomic_cell.hh, mutation/tombstone.hh (what there is to
    say); the words of the one-line form are our own.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from harness.codec.verbs.mutation import CounterShard
from harness.events.typed_value import CHARACTERS_MAX, Value, key_text
from harness.schema import Table

ROWS_MAX = 8
"""How many rows the one-line form of a change names."""


class CellKind(Enum):
    """What is written to a cell."""

    LIVE = "live"
    EXPIRING = "expiring"
    """A value with a TTL."""
    DEAD = "dead"
    """Nothing: the value is deleted."""
    COLLECTION = "collection"
    """Elements of a collection, or fields of a type, that are not frozen."""
    COUNTER = "counter"
    """A counter as its replicas hold it; the value is the sum."""
    COUNTER_UPDATE = "counter update"
    """What is to be added to a counter."""


class MarkerKind(Enum):
    """Whether a change says that the row exists, cells or not."""

    NONE = "none"
    """It does not (UPDATE)."""
    LIVE = "live"
    """It does (INSERT)."""
    EXPIRING = "expiring"
    DEAD = "dead"


class ElementChange(NamedTuple):
    """What is written to one element of a collection, or one field of a type."""

    key: Value
    """Element of a set, key of a map, time UUID of an element of a list, name of a field."""
    value: Value | None
    """None: it is deleted; or it is an element of a set, which has no other value than its key."""
    is_dead: bool
    timestamp_us: int
    ttl_s: int | None = None


class CellChange(NamedTuple):
    """What is written to one cell."""

    column: str
    """Name of the column; ``#3`` where only the id is known."""
    kind: CellKind
    value: object
    """None if it is deleted. Of a collection: what is written of it, as list, set or dict."""
    text: str
    """The CQL literal of the value."""
    timestamp_us: int
    """Write timestamp; of a collection, the newest of its elements and its deletion."""
    ttl_s: int | None = None
    elements: tuple[ElementChange, ...] = ()
    deleted_before_us: int | None = None
    """Of a collection: the timestamp up to which older elements are deleted; None: none are."""
    shards: tuple[CounterShard, ...] = ()
    """Of a counter: what each replica has counted."""
    is_virtual: bool = False
    """A column of a view that only says whether a cell of the base table lives."""


class RowChange(NamedTuple):
    """What changes in one row."""

    key: tuple[Value, ...]
    """The clustering key; empty where the table has none."""
    marker: MarkerKind
    marker_timestamp_us: int | None
    marker_ttl_s: int | None
    deleted_at_us: int | None
    """Write timestamp of the deletion of the row; None: it is not deleted."""
    is_shadowable: bool
    """The deletion counts only until the row is written again: rows of materialized views."""
    cells: tuple[CellChange, ...]


class RowBound(NamedTuple):
    """One end of a range of rows."""

    key: tuple[Value, ...]
    """The beginning of a clustering key."""
    is_inclusive: bool


class RangeDeletion(NamedTuple):
    """A deletion of a range of rows."""

    start: RowBound
    end: RowBound
    timestamp_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionChange:
    """What changes in one partition."""

    table: Table | None
    """None: the id is unknown."""
    table_id: UUID
    schema_version: UUID
    key: tuple[Value, ...]
    """The partition key."""
    deleted_at_us: int | None = None
    """Write timestamp of the deletion of the whole partition; None: it is not deleted."""
    static_cells: tuple[CellChange, ...] = ()
    rows: tuple[RowChange, ...] = ()
    range_deletions: tuple[RangeDeletion, ...] = ()
    batched: tuple["PartitionChange", ...] = ()
    """Of a mutation of the batchlog: what the batch changes."""

    @property
    def partition_deleted(self) -> bool:
        """Whether the whole partition is deleted."""
        return self.deleted_at_us is not None

    @property
    def table_name(self) -> str:
        """Keyspace and table; the id where they are unknown."""
        return str(self.table_id) if self.table is None else self.table.full_name

    @property
    def text(self) -> str:
        """The change in one line: ``demo3.buildings('Burj Khalifa') city='Dubai' height=828``."""
        return self.text_of()

    def text_of(self, *, characters_max: int = CHARACTERS_MAX, rows_max: int = ROWS_MAX) -> str:
        """The change in one line, with values and rows no longer and no more than that."""
        parts = []
        if self.deleted_at_us is not None:
            parts.append("deleted")
        parts += [_range_text(deletion, characters_max) for deletion in self.range_deletions[:rows_max]]
        if self.static_cells:
            parts.append(_cells_text(self.static_cells, None, characters_max))
        if self.batched:
            some = [change.text_of(characters_max=characters_max) for change in self.batched[:rows_max]]
            parts.append(f"batch {{{'; '.join(some)}}}")
        else:
            parts += [_row_text(row, characters_max) for row in self.rows[:rows_max]]
        left = sum(max(0, len(some) - rows_max) for some in (self.range_deletions, self.batched or self.rows))
        if left:
            parts.append(f"{left} more")
        head = f"{self.table_name}({key_text(self.key, characters_max)})"
        if not (parts or self.rows):
            return f"{head} unchanged"
        return f"{head} {'; '.join(part for part in parts if part)}".rstrip()


# One line.


def _row_text(row: RowChange, characters_max: int) -> str:
    parts = []
    if row.key:
        parts.append(f"[{key_text(row.key, characters_max)}]")
    if row.deleted_at_us is not None:
        parts.append("deleted (shadowable)" if row.is_shadowable else "deleted")
    cells = _cells_text(row.cells, row.marker_ttl_s, characters_max)
    if cells:
        parts.append(cells)
    return " ".join(parts)


def _cells_text(cells: tuple[CellChange, ...], marker_ttl_s: int | None, characters_max: int) -> str:
    """Write cells; a TTL that all of them have stands once, behind them."""
    shown = [cell for cell in cells if not cell.is_virtual]
    ttls = {cell.ttl_s for cell in shown if cell.kind is not CellKind.DEAD}
    common = marker_ttl_s if not shown else ttls.pop() if len(ttls) == 1 else None
    parts = [_cell_text(cell, characters_max) for cell in shown]
    if common is None:
        parts = [
            part if cell.ttl_s is None else f"{part} ttl={cell.ttl_s}s"
            for cell, part in zip(shown, parts, strict=True)
        ]
    else:
        parts.append(f"ttl={common}s")
    return " ".join(parts)


def _cell_text(cell: CellChange, characters_max: int) -> str:
    match cell.kind:
        case CellKind.DEAD:
            return f"-{cell.column}"
        case CellKind.COUNTER_UPDATE:
            sign = "-=" if isinstance(cell.value, int) and cell.value < 0 else "+="
            return f"{cell.column}{sign}{cell.text.removeprefix('-')}"
        case CellKind.COLLECTION:
            return _collection_change_text(cell, characters_max)
        case _:
            return f"{cell.column}={Value(cell.value, cell.text).shortened(characters_max)}"


def _collection_change_text(cell: CellChange, characters_max: int) -> str:
    dead = [element.key for element in cell.elements if element.is_dead]
    is_alive = len(dead) < len(cell.elements)
    text = Value(cell.value, cell.text).shortened(characters_max)
    if cell.deleted_before_us is not None:
        # Overwritten as a whole: what was there before is deleted.
        return f"{cell.column}={text}" if is_alive else f"-{cell.column}"
    parts = []
    if is_alive:
        parts.append(f"{cell.column}+={text}")
    if dead:
        parts.append(f"{cell.column}-={{{key_text(dead, characters_max)}}}")
    return " ".join(parts)


def _range_text(deletion: RangeDeletion, characters_max: int) -> str:
    start, end = deletion.start, deletion.end
    start_text, end_text = key_text(start.key, characters_max), key_text(end.key, characters_max)
    if start == end and start.is_inclusive:
        return f"[{start_text}, *] deleted" if start.key else "[*] deleted"
    bounds = []
    if start.key:
        bounds.append(f"{'>=' if start.is_inclusive else '>'} [{start_text}]")
    if end.key:
        bounds.append(f"{'<=' if end.is_inclusive else '<'} [{end_text}]")
    return f"{' and '.join(bounds) or '[*]'} deleted"
