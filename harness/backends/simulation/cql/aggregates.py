"""Functions of all rows: count, min, max, sum, avg.

Source:
    ScyllaDB docs, CQL reference, "Functions", "Aggregate functions".
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.value_order import order_of
from harness.codec.cql.types import CqlType, ScalarType
from harness.codec.cql.values import decode_value, encode_value

_NUMBERS = frozenset(
    {
        ScalarType.BIGINT,
        ScalarType.DECIMAL,
        ScalarType.DOUBLE,
        ScalarType.FLOAT,
        ScalarType.INT,
        ScalarType.SMALLINT,
        ScalarType.TINYINT,
        ScalarType.VARINT,
    }
)
_BITS = {ScalarType.BIGINT: 64, ScalarType.INT: 32, ScalarType.SMALLINT: 16, ScalarType.TINYINT: 8}

AGGREGATES = frozenset({"avg", "count", "countrows", "max", "min", "sum"})


class Aggregate(NamedTuple):
    """A function of the values of all rows, nulls left out."""

    name: str
    result: CqlType
    compute: Callable[[list[bytes]], bytes | None]


def aggregate_of(name: str, argument: CqlType | None) -> Aggregate:
    """Give an aggregate for a type; None: of rows.

    Raises:
        RequestError: INVALID: it does not take such values.
    """
    if argument is None or name in {"count", "countrows"}:
        if name not in {"count", "countrows"}:
            raise invalid(f"Invalid call to function {name}: it takes one column")
        return Aggregate(name, ScalarType.BIGINT, lambda values: len(values).to_bytes(8, "big"))
    if name in {"max", "min"}:
        key = order_of(argument)
        choose = max if name == "max" else min
        return Aggregate(name, argument, lambda values: choose(values, key=key) if values else None)
    # Counters are added up as the numbers that they show.
    number = ScalarType.BIGINT if argument is ScalarType.COUNTER else argument
    if number not in _NUMBERS:
        raise invalid(
            f"Invalid call to function {name}, none of its type signatures match (argument of type {argument})"
        )
    assert isinstance(number, ScalarType)
    compute = _sum if name == "sum" else _average
    return Aggregate(name, number, lambda values: encode_value(number, compute(number, values)))


def _sum(number: ScalarType, values: list[bytes]) -> object:
    total = _total(number, values)
    bits = _BITS.get(number)
    if bits is not None and isinstance(total, int):
        return (total + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
    return total


def _average(number: ScalarType, values: list[bytes]) -> object:
    total = _total(number, values)
    count = max(len(values), 1)
    if isinstance(total, int):
        # Integers are divided as processors do it, towards zero.
        return abs(total) // count * (1 if total >= 0 else -1)
    return total / count


def _total(number: ScalarType, values: list[bytes]) -> int | float | Decimal:
    start: int | float | Decimal = 0
    if number is ScalarType.DECIMAL:
        start = Decimal(0)
    elif number in {ScalarType.DOUBLE, ScalarType.FLOAT}:
        start = 0.0
    # All are of one type, which adds up with itself.
    numbers: list[Any] = [decode_value(number, value) for value in values]
    total: int | float | Decimal = sum(numbers, start)
    return total
