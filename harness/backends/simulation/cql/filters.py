"""Rows against conditions: what ALLOW FILTERING leaves, and whether IF is met.

Source:
    Scylla (branch 4.2), cql3/restrictions/ (is_satisfied_by); cql3/column_condition.cc.
"""

from collections.abc import Mapping

from harness.backends.simulation.composite_values import collection_parts, tuple_parts
from harness.backends.simulation.cql.evaluation import Evaluation
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.restrictions import Restriction
from harness.backends.simulation.cql.statements import Operator, Subject
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.value_order import order_of
from harness.codec.cql.types import CqlType, ListType, MapType, UserType
from harness.partitioner import token_of

Values = Mapping[str, bytes | None]
"""The values of a row, by column."""


def matches(layout: TableLayout, restriction: Restriction, values: Values, evaluation: Evaluation) -> bool:
    """Whether a row fulfils a restriction of WHERE; nothing is true of null.

    Raises:
        RequestError: INVALID: a value in the statement is none of its type.
    """
    match restriction.relation.subject:
        case Subject.TOKEN:
            key = [values.get(column.name) or b"" for column in layout.table.partition_key]
            token = token_of(key).to_bytes(8, "big", signed=True)
            return _compares(restriction, restriction.slots[0].type, token, evaluation)
        case Subject.TUPLE:
            return _matches_tuple(layout, restriction, values, evaluation)
        case Subject.ELEMENT:
            value = _element(layout, restriction, values, evaluation)
            return value is not None and _compares(restriction, restriction.slots[1].type, value, evaluation)
        case Subject.FIELD:
            value = _field(layout, restriction, values)
            return value is not None and _compares(restriction, restriction.slots[0].type, value, evaluation)
        case Subject.COLUMN:
            name = restriction.columns[0].name
            value = values.get(name)
            return value is not None and _compares(restriction, layout.types[name], value, evaluation)


def is_met(layout: TableLayout, restriction: Restriction, values: Values, evaluation: Evaluation) -> bool:
    """Whether a row, or what is there instead of one, meets a condition of IF; null equals null.

    Raises:
        RequestError: INVALID: a value in the statement is none of its type.
    """
    name = restriction.columns[0].name
    match restriction.relation.subject:
        case Subject.ELEMENT:
            value = _element(layout, restriction, values, evaluation)
        case Subject.FIELD:
            value = _field(layout, restriction, values)
        case _:
            value = values.get(name)
    wanted = _wanted(restriction, evaluation)
    operator = restriction.operator
    if operator is Operator.IN:
        return any(_is_same(value, one) for one in wanted)
    (one,) = wanted
    if operator is Operator.EQUAL:
        return _is_same(value, one)
    if operator is Operator.NOT_EQUAL:
        return not _is_same(value, one)
    if one is None:
        raise invalid(f'Invalid comparison with null for operator "{operator.value}"')
    return value is not None and _in_order(operator, _value_type(layout, restriction), value, one)


def _is_same(left: bytes | None, right: bytes | None) -> bool:
    # A collection without elements is no collection at all.
    return (left or None) == (right or None) if _EMPTY in {left, right} else left == right


_EMPTY = bytes(4)


def _wanted(restriction: Restriction, evaluation: Evaluation) -> list[bytes | None]:
    values = restriction.values(evaluation)
    return values[1:] if restriction.relation.subject is Subject.ELEMENT else values


def _value_type(layout: TableLayout, restriction: Restriction) -> CqlType:
    if restriction.relation.subject is Subject.COLUMN:
        return layout.types[restriction.columns[0].name]
    return restriction.slots[-1].type


def _compares(restriction: Restriction, cql_type: CqlType, value: bytes, evaluation: Evaluation) -> bool:
    wanted = [one for one in _wanted(restriction, evaluation) if one is not None]
    match restriction.operator:
        case Operator.IN:
            return any(_in_order(Operator.EQUAL, cql_type, value, one) for one in wanted)
        case Operator.CONTAINS:
            parts = collection_parts(value, parts_per_entry=2 if isinstance(cql_type, MapType) else 1)
            return any(one in (parts[1::2] if isinstance(cql_type, MapType) else parts) for one in wanted)
        case Operator.CONTAINS_KEY:
            return any(one in collection_parts(value, parts_per_entry=2)[::2] for one in wanted)
        case operator:
            return bool(wanted) and _in_order(operator, cql_type, value, wanted[0])


def _in_order(operator: Operator, cql_type: CqlType, left: bytes, right: bytes) -> bool:
    order = order_of(cql_type)
    left_key, right_key = order(left), order(right)
    match operator:
        case Operator.EQUAL:
            return left_key == right_key
        case Operator.NOT_EQUAL:
            return left_key != right_key
        case Operator.LESS:
            return left_key < right_key
        case Operator.LESS_OR_EQUAL:
            return left_key <= right_key
        case Operator.GREATER:
            return left_key > right_key
        case Operator.GREATER_OR_EQUAL:
            return left_key >= right_key
        case _:
            raise invalid(f"{operator.value} cannot be filtered by")


def _matches_tuple(
    layout: TableLayout, restriction: Restriction, values: Values, evaluation: Evaluation
) -> bool:
    parts = [values.get(column.name) for column in restriction.columns]
    if any(part is None for part in parts):
        return False
    orders = [order_of(layout.types[column.name]) for column in restriction.columns]

    def key(tuple_parts_of_value: list[bytes]) -> list[object]:
        return [order(part) for order, part in zip(orders, tuple_parts_of_value, strict=True)]

    found = key([part for part in parts if part is not None])
    wanted = [key(list(one)) for one in restriction.tuples(evaluation)]
    if restriction.operator in {Operator.EQUAL, Operator.IN}:
        return found in wanted
    raise invalid(f"{restriction} cannot be filtered by")


def _element(
    layout: TableLayout, restriction: Restriction, values: Values, evaluation: Evaluation
) -> bytes | None:
    name = restriction.columns[0].name
    value = values.get(name)
    key = evaluation.required(*restriction.slots[0])
    if not value:
        return None
    if isinstance(layout.types[name], ListType):
        parts = collection_parts(value)
        index = int.from_bytes(key, "big", signed=True)
        return parts[index] if 0 <= index < len(parts) else None
    parts = collection_parts(value, parts_per_entry=2)
    return dict(zip(parts[::2], parts[1::2], strict=True)).get(key)


def _field(layout: TableLayout, restriction: Restriction, values: Values) -> bytes | None:
    name = restriction.columns[0].name
    value, cql_type = values.get(name), layout.types[name]
    assert isinstance(cql_type, UserType)
    index = [field for field, _ in cql_type.fields].index(restriction.relation.field or "")
    parts = [] if value is None else tuple_parts(value)
    return parts[index] if index < len(parts) else None
