"""The order of the rows of a partition: places of rows, and between rows, that Python can compare.

Source:
    Scylla, position_in_partition.hh, clustering_bounds_comparator.hh, keys.hh (comparison of prefixes).
"""

from collections.abc import Sequence
from typing import NamedTuple

from harness.backends.simulation.value_order import OrderKey, order_of
from harness.codec.cql.types import CqlType
from harness.codec.verbs.common import BoundKind, ClusteringRange

ClusteringKey = tuple[bytes, ...]
"""The clustering columns of a row as CQL values; or the first of them, a prefix."""

BEFORE = -1
AFTER = 1

_ENDS: dict[int, tuple[int]] = {BEFORE: (0,), 0: (1,), AFTER: (2,)}
"""What a position ends with: a row lies between the edges of every prefix of its key."""


class Bound(NamedTuple):
    """An edge between rows: before, or behind, all rows whose key begins with a prefix."""

    position: OrderKey
    prefix: ClusteringKey
    weight: int
    """``BEFORE`` or ``AFTER``."""

    @property
    def start_kind(self) -> BoundKind:
        """How the wire names it where a range begins."""
        return BoundKind.INCLUSIVE_START if self.weight == BEFORE else BoundKind.EXCLUSIVE_START

    @property
    def end_kind(self) -> BoundKind:
        """How the wire names it where a range ends."""
        return BoundKind.INCLUSIVE_END if self.weight == AFTER else BoundKind.EXCLUSIVE_END


class RowInterval(NamedTuple):
    """Rows between two edges."""

    start: Bound
    end: Bound

    @property
    def is_empty(self) -> bool:
        """Whether no row can lie in it."""
        return self.end.position <= self.start.position


class ClusteringOrder:
    """Compares the rows of one table.

    Args:
        columns: type of each clustering column, and whether it is in descending order.
    """

    def __init__(self, columns: Sequence[tuple[CqlType, bool]]) -> None:
        self._orders = tuple(order_of(cql_type, is_reversed=is_reversed) for cql_type, is_reversed in columns)
        self.whole = RowInterval(self.before(()), self.after(()))
        """All rows."""

    def position(self, key: ClusteringKey, weight: int = 0) -> OrderKey:
        """The place of a row (weight 0), or of an edge of the rows that begin with a prefix.

        Raises:
            DecodeError: a component has not the form of its column's type.
        """
        parts: list[tuple[object, ...]] = [
            (1, order(part)) for order, part in zip(self._orders, key, strict=False)
        ]
        parts.append(_ENDS[weight])
        return tuple(parts)

    def before(self, prefix: ClusteringKey) -> Bound:
        """The edge before the rows that begin with a prefix."""
        return Bound(self.position(prefix, BEFORE), prefix, BEFORE)

    def after(self, prefix: ClusteringKey) -> Bound:
        """The edge behind the rows that begin with a prefix."""
        return Bound(self.position(prefix, AFTER), prefix, AFTER)

    def bound(self, prefix: ClusteringKey, kind: int) -> Bound:
        """The edge that the wire names by a kind of bound."""
        is_before = kind in {BoundKind.INCLUSIVE_START, BoundKind.EXCLUSIVE_END}
        return self.before(prefix) if is_before else self.after(prefix)

    def interval(self, clustering_range: ClusteringRange) -> RowInterval:
        """The rows that a range of a read command means."""
        start, end = clustering_range.start, clustering_range.end
        if clustering_range.singular:
            end = start
        first, last = self.whole
        if start is not None:
            prefix = start.value.components
            first = self.before(prefix) if start.inclusive else self.after(prefix)
        if end is not None:
            prefix = end.value.components
            last = self.after(prefix) if end.inclusive else self.before(prefix)
        return RowInterval(first, last)
