"""Terms to bytes: constants, bound values, calls and collections, as values of the type that is wanted.

Source:
    ScyllaDB docs, CQL reference, "Data Types"; Apache Cassandra documentation, "CQL" (which literals a type takes).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.backends.simulation.composite_values import collection_of, tuple_of
from harness.backends.simulation.cql.constants import constant_bytes
from harness.backends.simulation.cql.functions import Function, functions_named
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.backends.simulation.cql.terms import (
    Call,
    Constant,
    ConstantKind,
    ListTerm,
    MapTerm,
    Marker,
    SetTerm,
    Term,
    TupleTerm,
)
from harness.backends.simulation.value_order import order_of
from harness.codec.cql.notation import Unset, Value
from harness.codec.cql.types import (
    CqlType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
    VectorType,
)
from harness.codec.cql.values import decode_value
from harness.errors import DecodeError


class Slot(NamedTuple):
    """A term in its place: of which type it has to be, and what takes it."""

    term: Term
    type: CqlType
    name: str
    """Of the column, or what else takes the value; bound values are described by it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What terms mean in one run of a statement."""

    bound: Mapping[int, Value]
    """The bound values, by the place of their marker."""
    moment: Moment
    partition_key: tuple[CqlType, ...] = ()
    """Types of the table's partition key, for ``token``."""

    def value(self, term: Term, cql_type: CqlType, name: str) -> Value:
        """Give the bytes of a term; None for null, UNSET for a value that was not set.

        Args:
            term: what stands in the statement.
            cql_type: of what it is a value.
            name: of the column, or whatever takes it, for errors.

        Raises:
            RequestError: INVALID: it is no value of the type.
        """
        if isinstance(term, Marker):
            return self._bound(term, cql_type, name)
        if isinstance(term, Constant):
            return constant_bytes(term, cql_type, name)
        if isinstance(term, Call):
            return self._called(term, cql_type, name)
        return self._composite(term, cql_type, name)

    def bytes_or_null(self, term: Term, cql_type: CqlType, name: str) -> bytes | None:
        """Give the bytes of a term that has to be set.

        Raises:
            RequestError: INVALID: it is no value of the type, or is not set.
        """
        value = self.value(term, cql_type, name)
        if isinstance(value, Unset):
            raise invalid(f"Invalid unset value for {name}")
        return value

    def required(self, term: Term, cql_type: CqlType, name: str) -> bytes:
        """Give the bytes of a term that has to be there.

        Raises:
            RequestError: INVALID: it is no value of the type, or null, or not set.
        """
        value = self.bytes_or_null(term, cql_type, name)
        if value is None:
            raise invalid(f"Invalid null value for {name}")
        return value

    def _bound(self, marker: Marker, cql_type: CqlType, name: str) -> Value:
        if marker.offset not in self.bound:
            raise invalid("Invalid amount of bind variables")
        value = self.bound[marker.offset]
        if isinstance(value, bytes):
            checked(value, cql_type, name)
        return value

    def _called(self, call: Call, cql_type: CqlType, name: str) -> bytes | None:
        function = self._function(call)
        if not is_assignable(function.result, cql_type):
            raise invalid(
                f"Type error: cannot assign result of function {call.name} (type {function.result}) to {name}"
                f" (type {cql_type})"
            )
        arguments = [
            self.bytes_or_null(argument, wanted, f"an argument of {call.name}")
            for argument, wanted in zip(call.arguments, function.arguments, strict=True)
        ]
        return function.compute(arguments, self.moment)

    def _function(self, call: Call) -> Function:
        if call.keyspace not in {None, "system"}:
            raise invalid(f"Unknown function {call.keyspace}.{call.name} called")
        named = functions_named(call.name, self.partition_key)
        if not named:
            raise invalid(f"Unknown function {call.name} called")
        for function in named:
            if len(function.arguments) == len(call.arguments) and all(
                self._fits(argument, wanted)
                for argument, wanted in zip(call.arguments, function.arguments, strict=True)
            ):
                return function
        raise invalid(
            f"Invalid call to function {call.name}: none of its type signatures match {call} (known type signatures:"
            f" {'; '.join(_signature(function) for function in named)})"
        )

    def _fits(self, term: Term, cql_type: CqlType) -> bool:
        if isinstance(term, Marker):
            return True
        if isinstance(term, Call):
            return is_assignable(self._function(term).result, cql_type)
        try:
            self.value(term, cql_type, "")
        except RequestError:
            return False
        return True

    def _composite(
        self, term: ListTerm | SetTerm | MapTerm | TupleTerm, cql_type: CqlType, name: str
    ) -> bytes:
        match cql_type, term:
            case ListType(), ListTerm():
                return collection_of(self._elements(term.elements, cql_type.element, f"value({name})"))
            case VectorType(), ListTerm():
                return self._vector(term, cql_type, name)
            case SetType(), SetTerm():
                elements = self._elements(term.elements, cql_type.element, f"value({name})")
                return collection_of(sorted(set(elements), key=order_of(cql_type.element)))
            case MapType(), SetTerm(elements=()):
                return collection_of([])
            case MapType(), MapTerm():
                return self._map(term, cql_type, name)
            case UserType(), MapTerm():
                return self._user_type(term, cql_type, name)
            case TupleType(), TupleTerm():
                return self._tuple(term.elements, cql_type.components, name)
            case _, TupleTerm(elements=(element,)):
                # Parentheses around one value.
                value = self.value(element, cql_type, name)
                if isinstance(value, bytes):
                    return value
        kind = {ListTerm: "list", SetTerm: "set", MapTerm: "map", TupleTerm: "tuple"}[type(term)]
        raise invalid(f"Invalid {kind} literal for {name} of type {cql_type}: {term}")

    def _elements(self, terms: Sequence[Term], cql_type: CqlType, name: str) -> list[bytes]:
        elements = []
        for term in terms:
            value = self.bytes_or_null(term, cql_type, name)
            if value is None:
                raise invalid("null is not supported inside collections")
            elements.append(value)
        return elements

    def _map(self, term: MapTerm, cql_type: MapType, name: str) -> bytes:
        keys = self._elements([key for key, _ in term.entries], cql_type.key, f"key({name})")
        values = self._elements([value for _, value in term.entries], cql_type.value, f"value({name})")
        by_key = dict(zip(keys, values, strict=True))
        in_order = sorted(by_key, key=order_of(cql_type.key))
        return collection_of([part for key in in_order for part in (key, by_key[key])], parts_per_entry=2)

    def _user_type(self, term: MapTerm, cql_type: UserType, name: str) -> bytes:
        given: dict[str, Term] = {}
        for key, value in term.entries:
            if not isinstance(key, Constant) or key.kind is not ConstantKind.WORD:
                raise invalid(f"Invalid user type literal for {name} of type {cql_type}: {term}")
            given[key.text] = value
        unknown = [key for key in given if key not in dict(cql_type.fields)]
        if unknown:
            raise invalid(f"Unknown field '{unknown[0]}' in value of user defined type {cql_type.name}")
        return tuple_of(
            [
                self.bytes_or_null(given[field], field_type, f"{name}.{field}") if field in given else None
                for field, field_type in cql_type.fields
            ]
        )

    def _tuple(self, terms: Sequence[Term], types: Sequence[CqlType], name: str) -> bytes:
        if len(terms) > len(types):
            raise invalid(
                f"Invalid tuple literal for {name}: too many elements."
                f" Type {TupleType(tuple(types))} expects {len(types)} but got {len(terms)}"
            )
        return tuple_of(
            [
                self.bytes_or_null(term, cql_type, f"{name}[{index}]")
                for index, (term, cql_type) in enumerate(zip(terms, types, strict=False))
            ]
        )

    def _vector(self, term: ListTerm, cql_type: VectorType, name: str) -> bytes:
        elements = self._elements(term.elements, cql_type.element, name)
        data = b"".join(elements)
        if len(elements) != cql_type.dimension:
            raise invalid(f"Invalid vector literal for {name} of type {cql_type}: {term}")
        checked(data, cql_type, name)
        return data


def markers_in(slot: Slot, partition_key: Sequence[CqlType]) -> Iterator[tuple[Marker, CqlType, str]]:
    """Give the markers in a slot with what they are bound to.

    Args:
        slot: a term in its place.
        partition_key: types of the table's partition key.
    """
    term, cql_type, name = slot
    inner: list[Slot] = []
    match term, cql_type:
        case Marker(), _:
            yield term, cql_type, name
        case Call(), _:
            for function in functions_named(term.name, partition_key):
                if len(function.arguments) == len(term.arguments):
                    inner = [
                        Slot(argument, wanted, f"arg{index}({term.name})")
                        for index, (argument, wanted) in enumerate(
                            zip(term.arguments, function.arguments, strict=True)
                        )
                    ]
                    break
        case ListTerm() | SetTerm(), ListType() | SetType() | VectorType():
            inner = [Slot(element, cql_type.element, f"value({name})") for element in term.elements]
        case MapTerm(), MapType():
            for key, value in term.entries:
                inner += [
                    Slot(key, cql_type.key, f"key({name})"),
                    Slot(value, cql_type.value, f"value({name})"),
                ]
        case MapTerm(), UserType():
            types = dict(cql_type.fields)
            inner = [
                Slot(value, types[key.text], f"{name}.{key.text}")
                for key, value in term.entries
                if isinstance(key, Constant) and key.text in types
            ]
        case TupleTerm(), TupleType():
            inner = [
                Slot(element, component, f"{name}[{index}]")
                for index, (element, component) in enumerate(
                    zip(term.elements, cql_type.components, strict=False)
                )
            ]
        case _:
            return
    for part in inner:
        yield from markers_in(part, partition_key)


def checked(value: bytes, cql_type: CqlType, name: str) -> bytes:
    """Return bytes that a client sent, if they are a value of a type.

    Raises:
        RequestError: INVALID: they are none.
    """
    try:
        decode_value(cql_type, value)
    except DecodeError as error:
        raise invalid(f"Exception while binding column {name}: marshaling error: {error.what}") from error
    return value


def is_assignable(given: CqlType, wanted: CqlType) -> bool:
    """Whether values of one type are values of another as they are."""
    return given == wanted or (given, wanted) in _SAME_BYTES


_SAME_BYTES = {(ScalarType.ASCII, ScalarType.TEXT), (ScalarType.TIMEUUID, ScalarType.UUID)}


def _signature(function: Function) -> str:
    return f"{function.name} : ({', '.join(map(str, function.arguments))}) -> {function.result}"
