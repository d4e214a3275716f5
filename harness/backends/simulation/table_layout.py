"""A table as storage and statements need it: types of columns, order of rows and of elements of collections."""

from functools import cached_property

from harness.backends.simulation.clustering_order import ClusteringOrder
from harness.backends.simulation.value_order import KeyFunction, order_of
from harness.codec.cql.types import CqlType, ListType, MapType, ScalarType, SetType, UserType
from harness.schema import Schema
from harness.table import Column, ColumnKind, Table

GC_GRACE_S = 864_000
"""How long deletions are kept unless a table says otherwise: ten days."""


class TableLayout:
    """One table at one version of its schema.

    Args:
        schema: tells user-defined types and, of a view, the base table.
        table: the table.
        gc_grace_s: how long its deletions are kept.
        default_ttl_s: for how long values are written that come without a TTL; 0: for ever.
    """

    def __init__(
        self, schema: Schema, table: Table, *, gc_grace_s: int = GC_GRACE_S, default_ttl_s: int = 0
    ) -> None:
        self.table = table
        self.gc_grace_s = gc_grace_s
        self.default_ttl_s = default_ttl_s
        self.columns = {column.name: column for column in table.columns}
        self.types = {column.name: schema.type_of(table.keyspace, column.type) for column in table.columns}
        self.static_names = tuple(column.name for column in table.static_columns)
        """By column id."""
        self.regular_names = tuple(column.name for column in table.regular_columns)
        """By column id."""
        self.static_ids = {name: number for number, name in enumerate(self.static_names)}
        self.regular_ids = {name: number for number, name in enumerate(self.regular_names)}
        self.order = ClusteringOrder(
            [(self.types[column.name], column.is_reversed) for column in table.clustering_key]
        )
        self.is_counter = any(
            self.types[name] is ScalarType.COUNTER for name in self.static_names + self.regular_names
        )
        self._element_orders: dict[str, KeyFunction] = {}
        self._column_orders: dict[str, KeyFunction] = {}
        base = schema.table(table.keyspace, table.base) if table.base is not None else None
        self._element_types = self.types
        if base is not None:
            # Columns that a view keeps without their values still have the elements of the base table's.
            base_types = {column.name: schema.type_of(base.keyspace, column.type) for column in base.columns}
            self._element_types = {**self.types, **base_types}
        self.base_regular_key = () if base is None else tuple(_base_regular_key(base, table))
        """Of a view: its key columns that are regular columns of the base table."""

    @property
    def needs_view_marker(self) -> bool:
        """Whether it is a view whose rows live and die by their markers alone, as a base value is in its key."""
        return bool(self.base_regular_key)

    @cached_property
    def select_order(self) -> tuple[Column, ...]:
        """The columns in the order of ``SELECT *``."""
        return self.table.columns

    @property
    def key_size(self) -> int:
        """How many clustering columns."""
        return len(self.table.clustering_key)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return self.columns.get(name)

    def is_multi_cell(self, name: str) -> bool:
        """Whether a column holds cells of its own for elements or fields: a collection or type that is not frozen."""
        return is_multi_cell(self.types[name]) and self.columns[name].kind in {
            ColumnKind.STATIC,
            ColumnKind.REGULAR,
        }

    def element_order(self, name: str) -> KeyFunction:
        """The order of the keys of elements in a column that is a collection; of others, any."""
        order = self._element_orders.get(name)
        if order is None:
            order = self._element_orders[name] = order_of(element_key_type(self._element_types.get(name)))
        return order

    def column_order(self, name: str) -> KeyFunction:
        """The order of the values of a column, upwards."""
        order = self._column_orders.get(name)
        if order is None:
            order = self._column_orders[name] = order_of(self.types[name])
        return order


def is_multi_cell(cql_type: CqlType) -> bool:
    """Whether values of a type, as a column, are held in cells of their own for elements or fields."""
    return isinstance(cql_type, ListType | SetType | MapType | UserType) and not cql_type.is_frozen


def element_key_type(cql_type: CqlType | None) -> CqlType:
    """The type of the keys of elements."""
    match cql_type:
        case ListType():
            return ScalarType.TIMEUUID
        case SetType():
            return cql_type.element
        case MapType():
            return cql_type.key
        case _:
            return ScalarType.BLOB


def _base_regular_key(base: Table, view: Table) -> list[str]:
    regular = {column.name for column in base.regular_columns}
    return [column.name for column in view.partition_key + view.clustering_key if column.name in regular]
