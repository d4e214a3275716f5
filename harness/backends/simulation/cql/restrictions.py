"""WHERE: which partitions and rows it names, and what is left to be filtered.

Source:
    Scylla (branch 4.2), cql3/restrictions/ (bounds of keys and rows, errors); ScyllaDB docs, CQL reference, "SELECT".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from harness.backends.simulation.composite_values import collection_parts, tuple_parts
from harness.backends.simulation.cql.evaluation import Evaluation, Slot, checked
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.statements import Operator, Relation, Subject
from harness.backends.simulation.cql.terms import Marker, TupleTerm
from harness.backends.simulation.ring_ranges import (
    FIRST_TOKEN,
    LAST_TOKEN,
    WHOLE_RING,
    place_of_key,
    ring_token,
    token_edge,
)
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.types import CqlType, ListType, MapType, ScalarType, SetType, TupleType, UserType
from harness.codec.verbs.common import ClusteringBound, ClusteringRange, Key, PartitionRange, RingBound
from harness.partitioner import MINIMUM_TOKEN
from harness.table import Column, ColumnKind

KEYS_MAX = 10_000
"""A statement whose IN lists multiply to more partitions or rows is refused."""

_SLICES = frozenset({Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL})
_LOWER = frozenset({Operator.GREATER, Operator.GREATER_OR_EQUAL})
_INCLUSIVE = frozenset({Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL})

NEEDS_FILTERING = (
    "Cannot execute this query as it might involve data filtering and thus may have unpredictable performance."
    " If you want to execute this query despite the performance unpredictability, use ALLOW FILTERING"
)


@dataclass(frozen=True, slots=True)
class Restriction:
    """A relation whose columns and types are known."""

    relation: Relation
    columns: tuple[Column, ...]
    slots: tuple[Slot, ...]
    """Its values, and before them the key of an element."""

    @property
    def operator(self) -> Operator:
        """How it compares."""
        return self.relation.operator

    def values(self, evaluation: Evaluation) -> list[bytes | None]:
        """Give the values that it compares with: of IN several, of others one.

        Raises:
            RequestError: INVALID: a value is none of its type.
        """
        if not self.relation.is_marker_in:
            return [evaluation.bytes_or_null(*slot) for slot in self.slots]
        (slot,) = self.slots
        assert isinstance(slot.type, ListType)
        data = evaluation.required(*slot)
        return [checked(part, slot.type.element, slot.name) for part in collection_parts(data)]

    def keys(self, evaluation: Evaluation) -> list[bytes]:
        """Give the values of columns of a key, which are never null.

        Raises:
            RequestError: INVALID: a value is none of its type, or null.
        """
        found = []
        for value in self.values(evaluation):
            if value is None:
                raise invalid(f"Invalid null value in condition for column {self.columns[0].name}")
            found.append(value)
        return found

    def tuples(self, evaluation: Evaluation) -> list[tuple[bytes, ...]]:
        """Give the values of several columns of a key at once.

        Raises:
            RequestError: INVALID: a value is none of its type, or null.
        """
        found = []
        for value in self.keys(evaluation):
            parts = [part for part in tuple_parts(value) if part is not None]
            if len(parts) != len(self.columns):
                raise invalid(
                    f"Expected {len(self.columns)} elements in value for tuple, but got {len(parts)}: {self}"
                )
            found.append(tuple(parts))
        return found

    def __str__(self) -> str:
        return str(self.relation)


def restriction_of(layout: TableLayout, relation: Relation, clause: str = "where clause") -> Restriction:
    """Look up the columns of a relation.

    Raises:
        RequestError: INVALID: there is no such column, or it cannot be compared like this.
    """
    columns = []
    for name in relation.columns:
        column = layout.column(name)
        if column is None:
            raise invalid(f"Undefined name {name} in {clause} ('{relation}')")
        columns.append(column)
    match relation.subject:
        case Subject.COLUMN:
            slots = _column_slots(layout, relation, columns[0])
        case Subject.TOKEN:
            slots = _token_slots(layout, relation)
        case Subject.TUPLE:
            slots = _tuple_slots(layout, relation, columns)
        case Subject.ELEMENT:
            slots = _element_slots(layout, relation, columns[0])
        case Subject.FIELD:
            slots = _field_slots(layout, relation, columns[0])
    return Restriction(relation, tuple(columns), slots)


def _column_slots(layout: TableLayout, relation: Relation, column: Column) -> tuple[Slot, ...]:
    name, cql_type = column.name, layout.types[column.name]
    match relation.operator:
        case Operator.LIKE:
            raise invalid(
                f"LIKE restriction is only supported on properly indexed columns. {relation} is not valid."
            )
        case Operator.IS_NOT_NULL:
            raise invalid(f"restriction '{relation}' is only supported in materialized view creation")
        case Operator.CONTAINS | Operator.CONTAINS_KEY:
            return (Slot(relation.values[0], _contained_type(relation, cql_type), f"value({name})"),)
        case _:
            is_unordered = cql_type is ScalarType.DURATION or cql_type is ScalarType.COUNTER
            if is_unordered and relation.operator in _SLICES:
                raise invalid(f"Slice restrictions are not supported on {cql_type} columns")
            return _values_slots(relation, cql_type, name)


def _values_slots(relation: Relation, cql_type: CqlType, name: str) -> tuple[Slot, ...]:
    if relation.is_marker_in:
        return (Slot(relation.values[0], ListType(cql_type, is_frozen=True), f"in({name})"),)
    return tuple(Slot(value, cql_type, name) for value in relation.values)


def _contained_type(relation: Relation, cql_type: CqlType) -> CqlType:
    by_key = relation.operator is Operator.CONTAINS_KEY
    match cql_type:
        case MapType():
            return cql_type.key if by_key else cql_type.value
        case ListType() | SetType() if not by_key:
            return cql_type.element
        case _:
            raise invalid(
                f"Cannot use {relation.operator.value} on non-collection column {relation.columns[0]}"
            )


def _token_slots(layout: TableLayout, relation: Relation) -> tuple[Slot, ...]:
    names = tuple(column.name for column in layout.table.partition_key)
    if set(relation.columns) != set(names):
        raise invalid("The token() function must be applied to all partition key components or none of them")
    if relation.columns != names:
        raise invalid(f"The token function arguments must be in the partition key order: {', '.join(names)}")
    if relation.operator is not Operator.EQUAL and relation.operator not in _SLICES:
        raise invalid(f"{relation.operator.value} cannot be used with the token function")
    return tuple(Slot(value, ScalarType.BIGINT, "partition key token") for value in relation.values)


def _tuple_slots(layout: TableLayout, relation: Relation, columns: Sequence[Column]) -> tuple[Slot, ...]:
    for index, column in enumerate(columns):
        if column.kind is not ColumnKind.CLUSTERING:
            raise invalid(
                f"Multi-column relations can only be applied to clustering columns but was applied to: {column.name}"
            )
        if column.position != columns[0].position + index:
            raise invalid(
                f"Clustering columns must appear in the PRIMARY KEY order in multi-column relations: {relation}"
            )
    if relation.operator is Operator.NOT_EQUAL:
        raise invalid(f"Unsupported operator in multi-column relation: {relation}")
    cql_type = TupleType(tuple(layout.types[column.name] for column in columns))
    name = f"({','.join(column.name for column in columns)})"
    for value in relation.values:
        if not isinstance(value, Marker | TupleTerm):
            raise invalid(f"Invalid value for tuple {name}: {value}")
        if isinstance(value, TupleTerm) and len(value.elements) != len(columns):
            raise invalid(
                f"Expected {len(columns)} elements in value for tuple {name}, but got {len(value.elements)}: {value}"
            )
    return _values_slots(relation, cql_type, name)


def _element_slots(layout: TableLayout, relation: Relation, column: Column) -> tuple[Slot, ...]:
    name, cql_type = column.name, layout.types[column.name]
    assert relation.key is not None
    match cql_type:
        case MapType():
            key = Slot(relation.key, cql_type.key, f"key({name})")
            return key, *_values_slots(relation, cql_type.value, f"value({name})")
        case ListType():
            key = Slot(relation.key, ScalarType.INT, f"idx({name})")
            return key, *_values_slots(relation, cql_type.element, f"value({name})")
        case _:
            raise invalid(f"Column {name} cannot be used as a map")


def _field_slots(layout: TableLayout, relation: Relation, column: Column) -> tuple[Slot, ...]:
    cql_type = layout.types[column.name]
    types = dict(cql_type.fields) if isinstance(cql_type, UserType) else {}
    field_type = types.get(relation.field or "")
    if field_type is None:
        raise invalid(f"Column {column.name} has no field {relation.field}")
    return _values_slots(relation, field_type, f"{column.name}.{relation.field}")


class Where:
    """The restrictions of a statement, sorted by what they restrict.

    Raises:
        RequestError: INVALID: they name no columns of the table, or contradict each other in form.
    """

    def __init__(self, layout: TableLayout, relations: Iterable[Relation]) -> None:
        self._layout = layout
        self.restrictions = tuple(restriction_of(layout, relation) for relation in relations)
        self.tokens: list[Restriction] = []
        self._tuples: list[Restriction] = []
        self.others: list[Restriction] = []
        """What can only be looked up in an index or filtered."""
        self._by_column: dict[str, list[Restriction]] = {}
        for restriction in self.restrictions:
            self._sort_in(restriction)
        partition_key = layout.table.partition_key
        self.is_partition_known = all(self._is_point(column) for column in partition_key)
        """Whether it names every partition that can have a row."""
        if self.is_partition_known and self.tokens:
            raise invalid(
                "Columns restricted by the token function and by their values: "
                + ", ".join(column.name for column in partition_key)
            )
        self.clustering: tuple[Restriction, ...] = ()
        """What makes up the ranges of rows."""
        self._find_clustering()
        used = {id(restriction) for restriction in (*self.clustering, *self.tokens)}
        if self.is_partition_known:
            used |= {
                id(restriction) for column in partition_key for restriction in self._by_column[column.name]
            }
        self.unused = tuple(restriction for restriction in self.restrictions if id(restriction) not in used)
        """What neither the partitions nor the ranges of rows take into account."""

    def _sort_in(self, restriction: Restriction) -> None:
        relation = restriction.relation
        if relation.subject is Subject.TOKEN:
            self.tokens.append(restriction)
        elif relation.subject is Subject.TUPLE:
            self._tuples.append(restriction)
        elif relation.subject is Subject.COLUMN and (
            relation.operator in _SLICES or relation.operator in {Operator.EQUAL, Operator.IN}
        ):
            name = relation.columns[0]
            same = self._by_column.setdefault(name, [])
            if same and not (relation.operator in _SLICES and same[0].operator in _SLICES):
                raise invalid(
                    f"{name} cannot be restricted by more than one relation if it includes an Equal"
                )
            if any((one.operator in _LOWER) == (relation.operator in _LOWER) for one in same):
                raise invalid(f"More than one restriction was found for the same bound on {name}")
            same.append(restriction)
        else:
            self.others.append(restriction)

    def _is_point(self, column: Column) -> bool:
        found = self._by_column.get(column.name)
        return found is not None and found[0].operator not in _SLICES

    def _find_clustering(self) -> None:
        """Take the longest beginning of the clustering key that makes ranges."""
        if self._tuples:
            self._find_clustering_tuples()
            return
        used: list[Restriction] = []
        for column in self._layout.table.clustering_key:
            found = self._by_column.get(column.name)
            if found is None:
                break
            used += found
            if not self._is_point(column):
                break
        self.clustering = tuple(used)

    def _find_clustering_tuples(self) -> None:
        names = {column.name for column in self._layout.table.clustering_key}
        first = self._tuples[0]
        if names & self._by_column.keys() or any(
            restriction.operator not in _SLICES for restriction in self._tuples[1:]
        ):
            raise invalid(
                "Mixing single column relations and multi column relations on clustering columns is not allowed"
            )
        if first.columns[0].position != 0:
            raise invalid(
                f'PRIMARY KEY column "{first.columns[0].name}" cannot be restricted as preceding column'
                f' "{self._layout.table.clustering_key[0].name}" is not restricted'
            )
        directions = {column.is_reversed for one in self._tuples for column in one.columns}
        if first.operator in _SLICES and len(directions) > 1:
            raise invalid(f"{first}: ranges over clustering columns of different orders are not simulated")
        self.clustering = tuple(self._tuples)

    def equal_to(self, name: str) -> Restriction | None:
        """The restriction of a column to one value, if there is one."""
        found = self._by_column.get(name)
        return found[0] if found is not None and found[0].operator is Operator.EQUAL else None

    @property
    def is_one_partition(self) -> bool:
        """Whether it names exactly one partition."""
        return self.is_partition_known and all(
            self._by_column[column.name][0].operator is Operator.EQUAL
            for column in self._layout.table.partition_key
        )

    def refuse_gap(self) -> None:
        """Refuse clustering columns that are restricted although one before them is not.

        Raises:
            RequestError: INVALID: there is one.
        """
        clustering = self._layout.table.clustering_key
        in_ranges = {id(restriction) for restriction in self.clustering}
        for column in clustering:
            found = self._by_column.get(column.name)
            if found is None or id(found[0]) in in_ranges:
                continue
            before = clustering[column.position - 1]
            reason = (
                "is not restricted"
                if before.name not in self._by_column
                else "is restricted by a non-EQ relation"
            )
            raise invalid(
                f'PRIMARY KEY column "{column.name}" cannot be restricted as preceding column "{before.name}" {reason}'
            )

    # What it means for bound values.

    def partition_keys(self, evaluation: Evaluation) -> tuple[PartitionKey, ...]:
        """Give the partitions that it names, in the order of the ring, each once.

        Raises:
            RequestError: INVALID: a value is none of its type, or null.
        """
        parts = [
            self._by_column[column.name][0].keys(evaluation) for column in self._layout.table.partition_key
        ]
        keys = dict.fromkeys(_product(parts))
        for key in keys:
            if key == (b"",):
                raise invalid("Key may not be empty")
        return tuple(sorted(keys, key=place_of_key))

    def ring_range(self, evaluation: Evaluation) -> PartitionRange | None:
        """Give the part of the ring that restrictions of the token leave; None if nothing is left.

        Raises:
            RequestError: INVALID: a value is no token.
        """
        if not self.tokens:
            return WHOLE_RING
        lower, upper = (MINIMUM_TOKEN, True), (2**63, True)
        has_lower = has_upper = False
        for restriction in self.tokens:
            (data,) = restriction.keys(evaluation)
            token = int.from_bytes(data, "big", signed=True)
            inclusive = restriction.operator in _INCLUSIVE or restriction.operator is Operator.EQUAL
            if restriction.operator in _LOWER or restriction.operator is Operator.EQUAL:
                lower, has_lower = (token, inclusive), True
            if restriction.operator not in _LOWER:
                upper, has_upper = (token, inclusive), True
        if lower[0] > upper[0] or (lower[0] == upper[0] and not (lower[1] and upper[1])):
            return None
        start = (
            token_edge(ring_token(lower[0]), -1 if lower[1] else 1)
            if has_lower
            else token_edge(FIRST_TOKEN, -1)
        )
        end = (
            token_edge(ring_token(upper[0]), 1 if upper[1] else -1)
            if has_upper
            else token_edge(LAST_TOKEN, 1)
        )
        return PartitionRange(
            start=RingBound(value=start, inclusive=True),
            end=RingBound(value=end, inclusive=True),
            singular=False,
        )

    def row_ranges(self, evaluation: Evaluation) -> tuple[ClusteringRange, ...]:
        """Give the ranges of rows that it names, in their order, each once.

        Raises:
            RequestError: INVALID: a value is none of its type, or null.
        """
        if not self.clustering:
            return (ClusteringRange(start=None, end=None, singular=False),)
        if self.clustering[0].relation.subject is Subject.TUPLE:
            ranges = self._tuple_ranges(evaluation)
        else:
            ranges = self._column_ranges(evaluation)
        return self.in_order(ranges)

    def in_order(self, ranges: Iterable[ClusteringRange]) -> tuple[ClusteringRange, ...]:
        """Sort ranges as the rows are sorted, each once."""
        order = self._layout.order
        return tuple(
            sorted(dict.fromkeys(ranges), key=lambda row_range: order.interval(row_range).start.position)
        )

    def _column_ranges(self, evaluation: Evaluation) -> list[ClusteringRange]:
        points = [one for one in self.clustering if one.operator not in _SLICES]
        slices = [one for one in self.clustering if one.operator in _SLICES]
        prefixes = _product([one.keys(evaluation) for one in points])
        if not slices:
            return [_singular(prefix) for prefix in prefixes]
        bounds = {one.operator: one.keys(evaluation)[0] for one in slices}
        is_reversed = slices[0].columns[0].is_reversed
        return [
            _slice(
                prefix, {operator: (value,) for operator, value in bounds.items()}, is_reversed=is_reversed
            )
            for prefix in prefixes
        ]

    def _tuple_ranges(self, evaluation: Evaluation) -> list[ClusteringRange]:
        first = self.clustering[0]
        if first.operator not in _SLICES:
            return [_singular(prefix) for prefix in first.tuples(evaluation)]
        bounds = {one.operator: one.tuples(evaluation)[0] for one in self.clustering}
        return [_slice((), bounds, is_reversed=first.columns[0].is_reversed)]


def _product(parts: Sequence[Sequence[bytes]]) -> list[tuple[bytes, ...]]:
    count = 1
    for some in parts:
        count *= len(some)
    if count > KEYS_MAX:
        raise invalid(f"{count} keys are named by IN, {KEYS_MAX} at most are simulated")
    return list(product(*parts))


def _singular(prefix: tuple[bytes, ...]) -> ClusteringRange:
    bound = ClusteringBound(value=Key(components=prefix), inclusive=True)
    return ClusteringRange(start=bound, end=bound, singular=True)


def _slice(
    prefix: tuple[bytes, ...], bounds: dict[Operator, tuple[bytes, ...]], *, is_reversed: bool
) -> ClusteringRange:
    """A range of rows that begin with a prefix; where it has no bound, the prefix itself is one."""
    open_bound = ClusteringBound(value=Key(components=prefix), inclusive=True)
    start = end = open_bound
    for operator, values in bounds.items():
        bound = ClusteringBound(value=Key(components=(*prefix, *values)), inclusive=operator in _INCLUSIVE)
        if operator in _LOWER:
            start = bound
        else:
            end = bound
    if is_reversed:
        start, end = end, start
    return ClusteringRange(start=start, end=end, singular=False)
