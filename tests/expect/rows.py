"""Mutations of rows made by hand, and a table with views to apply them to."""

from collections.abc import Mapping
from uuid import UUID

from harness.codec.verbs.common import BoundKind, Key, Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CollectionElement,
    Column,
    DeadCell,
    DeadMarker,
    DeletableRow,
    ExpiringCell,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    NoMarker,
    RangeTombstone,
    Row,
)
from harness.replication import Replication
from harness.schema import Column as TableColumn
from harness.schema import Keyspace, Schema, Table

NEVER = Tombstone(timestamp=-(2**63), deletion_time=0)
CellValue = str | int | None | tuple[str | int, int] | frozenset[str]
"""Text or number; None: deleted; with a TTL in seconds; elements of a set."""

BASE = Table(
    keyspace="ks",
    name="base",
    id=UUID("01234567-89ab-11e0-8123-456789abcdef"),
    partition_key=(TableColumn(name="p", type="int"),),
    clustering_key=(TableColumn(name="c", type="int"),),
    regular_columns=(
        TableColumn(name="a", type="text"),
        TableColumn(name="b", type="text"),
        TableColumn(name="s", type="set<text>"),
    ),
)
BY_A = Table(
    keyspace="ks",
    name="by_a",
    id=UUID(int=2),
    partition_key=(TableColumn(name="a", type="text"),),
    clustering_key=(TableColumn(name="p", type="int"), TableColumn(name="c", type="int")),
    regular_columns=(TableColumn(name="b", type="text"),),
    base="base",
)
BY_C = Table(
    keyspace="ks",
    name="by_c",
    id=UUID(int=3),
    partition_key=(TableColumn(name="c", type="int"),),
    clustering_key=(TableColumn(name="p", type="int"),),
    regular_columns=(
        TableColumn(name="a", type="text"),
        TableColumn(name="b", type="empty"),
        TableColumn(name="s", type="empty"),
    ),
    base="base",
)
INDEX = Table(
    keyspace="ks",
    name="i_index",
    id=UUID(int=4),
    partition_key=(TableColumn(name="b", type="text"),),
    clustering_key=(
        TableColumn(name="idx_token", type="bigint"),
        TableColumn(name="p", type="int"),
        TableColumn(name="c", type="int"),
    ),
    base="base",
    is_index=True,
)
SCHEMA = Schema(
    (BASE, BY_A, BY_C, INDEX),
    (Keyspace(name="ks", replication=Replication(strategy="SimpleStrategy", factor=2)),),
)


def number(value: int) -> bytes:
    """An int as a cell holds it."""
    return value.to_bytes(4, "big", signed=True)


def row(
    clustering: int = 0,
    cells: Mapping[str, CellValue] | None = None,
    *,
    at_us: int = 1,
    marker: bool | None = None,
    deleted: bool = False,
) -> DeletableRow:
    """A row of the base table.

    Args:
        clustering: its clustering key.
        cells: values by column.
        at_us: the write timestamp of all of it.
        marker: True: the row exists by itself; False: no longer; None: nothing is said.
        deleted: the row is deleted, one microsecond before.
    """
    names = [column.name for column in BASE.regular_columns]
    tombstone = Tombstone(timestamp=at_us, deletion_time=0)
    markers: dict[bool | None, LiveMarker | DeadMarker | NoMarker] = {
        True: LiveMarker(created_at=at_us),
        False: DeadMarker(tombstone=tombstone),
        None: NoMarker(),
    }
    columns = sorted(
        (Column(id=names.index(name), cell=_cell(value, at_us)) for name, value in (cells or {}).items()),
        key=lambda column: column.id,
    )
    return DeletableRow(
        key=Key(components=(number(clustering),)),
        marker=markers[marker],
        deleted_at=Tombstone(timestamp=at_us, deletion_time=0) if deleted else NEVER,
        cells=Row(columns=tuple(columns)),
    )


def mutation(
    *rows: DeletableRow,
    key: int = 1,
    table: Table = BASE,
    deleted_at_us: int | None = None,
    ranges: tuple[RangeTombstone, ...] = (),
) -> Mutation:
    """A change of one partition of the base table."""
    assert table.id is not None
    deletion = NEVER if deleted_at_us is None else Tombstone(timestamp=deleted_at_us, deletion_time=0)
    return Mutation(
        table_id=table.id,
        schema_version=UUID(int=9),
        key=Key(components=(number(key),)),
        partition=MutationPartition(
            tombstone=deletion, static_row=Row(columns=()), range_tombstones=ranges, rows=rows
        ),
    )


def range_deletion(
    start: int | None, end: int | None, *, at_us: int, inclusive: bool = True
) -> RangeTombstone:
    """A deletion of the rows between two clustering keys."""

    def key(value: int | None) -> Key:
        return Key(components=() if value is None else (number(value),))

    return RangeTombstone(
        start=key(start),
        tombstone=Tombstone(timestamp=at_us, deletion_time=0),
        start_kind=BoundKind.INCLUSIVE_START if inclusive else BoundKind.EXCLUSIVE_START,
        end=key(end),
        end_kind=BoundKind.INCLUSIVE_END if inclusive else BoundKind.EXCLUSIVE_END,
    )


def _cell(value: CellValue, at_us: int) -> LiveCell | ExpiringCell | DeadCell | CollectionCell:
    match value:
        case None:
            return DeadCell(tombstone=Tombstone(timestamp=at_us, deletion_time=0))
        case str():
            return LiveCell(timestamp=at_us, value=value.encode())
        case int():
            return LiveCell(timestamp=at_us, value=number(value))
        case frozenset():
            elements = tuple(
                CollectionElement(key=element.encode(), cell=LiveCell(timestamp=at_us, value=b""))
                for element in sorted(value)
            )
            return CollectionCell(tombstone=NEVER, elements=elements)
        case (inner, ttl_s):
            live = _cell(inner, at_us)
            assert isinstance(live, LiveCell)
            return ExpiringCell(ttl_s=ttl_s, expiry=0, cell=live)
