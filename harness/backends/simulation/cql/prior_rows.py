"""Rows as they were before a write that depends on them: for conditions, and for changes by index of a list.

Source:
    Scylla (branch 4.2), cql3/update_parameters.hh (what is read of a row), cql3/statements/cas_request.cc.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.backends.simulation.composite_values import collection_of, collection_parts
from harness.backends.simulation.cql.result_rows import rows_of
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import CqlType, ListType, SetType
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import PartitionSlice, SliceOption

PRIOR_OPTIONS = (
    SliceOption.SEND_PARTITION_KEY | SliceOption.SEND_CLUSTERING_KEY | SliceOption.COLLECTIONS_AS_MAPS
)
"""How such rows are read: collections with the keys of their elements."""

Values = Mapping[str, bytes | None]


@dataclass(slots=True)
class PriorRows:
    """Rows by key, with collections as maps of element keys."""

    layout: TableLayout
    rows: list[Values] = field(default_factory=list)
    """All of them, in the order in which they were read."""
    _rows: dict[tuple[PartitionKey, tuple[bytes, ...]], Values] = field(default_factory=dict)
    _partitions: dict[PartitionKey, Values] = field(default_factory=dict)
    """Of each partition that is there, its first row, which shows the static columns."""

    @classmethod
    def of(
        cls, layout: TableLayout, partition_slice: PartitionSlice, result: QueryResult | None
    ) -> "PriorRows":
        """Take the answer to a read with ``PRIOR_OPTIONS``."""
        prior = cls(layout)
        for row in () if result is None else rows_of(layout, partition_slice, result):
            prior.rows.append(row.values)
            prior._partitions.setdefault(row.partition_key, row.values)
            if row.clustering_key is not None:
                prior._rows[row.partition_key, row.clustering_key] = row.values
            elif not layout.key_size:
                prior._rows[row.partition_key, ()] = row.values
        return prior

    def row(self, key: PartitionKey, row_key: tuple[bytes, ...]) -> Values | None:
        """The row of that key; None: there is none."""
        return self._rows.get((key, row_key))

    def partition(self, key: PartitionKey) -> Values | None:
        """Static columns and key of a partition; None: there is none."""
        values = self._partitions.get(key)
        if values is None:
            return None
        shown = {*self.layout.static_names, *(column.name for column in self.layout.table.partition_key)}
        return {name: value for name, value in values.items() if name in shown}

    def elements(self, key: PartitionKey, row_key: tuple[bytes, ...], name: str) -> list[tuple[bytes, bytes]]:
        """Keys and values of the elements of a collection."""
        is_static = name in self.layout.static_ids
        values = self._partitions.get(key) if is_static else self._rows.get((key, row_key))
        value = None if values is None else values.get(name)
        return [] if value is None else _pairs(value)

    def shown(self, values: Values) -> dict[str, bytes | None]:
        """A row with collections as clients see them."""
        return {
            name: value
            if value is None or not self.layout.is_multi_cell(name)
            else _shown(self.layout.types[name], value)
            for name, value in values.items()
        }


def _pairs(value: bytes) -> list[tuple[bytes, bytes]]:
    parts = collection_parts(value, parts_per_entry=2)
    return list(zip(parts[::2], parts[1::2], strict=True))


def _shown(cql_type: CqlType, value: bytes) -> bytes:
    match cql_type:
        case ListType():
            return collection_of([element for _, element in _pairs(value)])
        case SetType():
            return collection_of([key for key, _ in _pairs(value)])
        case _:
            return value
