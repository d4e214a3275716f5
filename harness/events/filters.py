"""Filters: which messages of a trace are meant, in the language that users of Wireshark type.

    writes = compile_filter("scylla.verb == MUTATION and table == demo3.map")
    trace.where(writes)

The same from Python, where ``&``, ``|`` and ``~`` stand for and, or and not:

    writes = (field("scylla.verb") == "MUTATION") & (field("table") == "demo3.map")

A field may have several values in a message, or none. As in Wireshark, ``==`` holds if any value is equal,
``!=`` if there are values and none is equal, and no comparison holds for a message that lacks the field.
A filter that asks only for what stands in headers (a verb, say) decodes no payloads.

Source:
    wireshark-filter(4) of Wireshark 4.0.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from harness.events.filter_fields import FIELDS, field_named
from harness.events.filter_grammar import (
    And,
    Comparison,
    Expression,
    FieldReference,
    Function,
    Literal,
    Membership,
    Not,
    Operator,
    Or,
    Presence,
    Xor,
    parse,
    refuse,
)
from harness.events.filter_values import (
    BYTES,
    IDS,
    NUMBERS,
    TABLE_IDS,
    Exactly,
    ValueKind,
    compare,
    needle_of,
    pattern_of,
)
from harness.events.message import Message
from harness.events.surroundings import Surroundings

Predicate = Callable[[Message], bool]
Values = Callable[[Message], Sequence[object]]
"""All values of a field in a message."""
Test = Callable[[object], bool]
"""Whether one value is as wanted."""


class Filter:
    """Says of a message whether it is meant; made by ``compile_filter`` and by ``field``.

    ``a & b``, ``a | b`` and ``~a`` are filters too.
    """

    __slots__ = ("_predicate", "expression", "surroundings", "text")

    def __init__(self, expression: Expression, text: str, surroundings: Surroundings | None = None) -> None:
        self.expression = expression
        self.text = text
        """As it was written; errors point into it."""
        self.surroundings = Surroundings() if surroundings is None else surroundings
        try:
            self._predicate = _Compiler(text, self.surroundings).predicate(expression)
        except RecursionError:
            refuse(text[:60], 0, "is nested too deeply")

    def __call__(self, message: Message) -> bool:
        """Whether the message is meant."""
        return self._predicate(message)

    def bound_to(self, surroundings: Surroundings) -> "Filter":
        """The same filter where the names of tables and the capture's start are known.

        Without them ``table`` and ``keyspace`` know built-in tables only, and ``frame.time_relative`` is 0.
        """
        return Filter(self.expression, self.text, surroundings)

    def __and__(self, other: "Filter") -> "Filter":
        return self._joined("and", other)

    def __or__(self, other: "Filter") -> "Filter":
        return self._joined("or", other)

    def __invert__(self) -> "Filter":
        return Filter(Not(inner=self.expression), f"not ({self.text})", self.surroundings)

    def _joined(self, word: str, other: "Filter") -> "Filter":
        join = And if word == "and" else Or
        return Filter(
            join(parts=(self.expression, other.expression)),
            f"({self.text}) {word} ({other.text})",
            self.surroundings,
        )

    def __repr__(self) -> str:
        return f"Filter({self.text!r})"


def compile_filter(text: str, surroundings: Surroundings | None = None) -> Filter:
    """Read a filter; an empty one lets everything pass.

    Args:
        text: such as ``scylla.verb == MUTATION and not sender == n1``.
        surroundings: where names of tables and the capture's start are known; what becomes known later counts
            as well. ``Trace.where`` gives its own to filters that have none.

    Raises:
        FilterError: it cannot be understood; the message points to the place, and says what was expected.
    """
    return Filter(parse(text), text, surroundings)


def field(name: str) -> "Field":
    """Name a field, to be compared in Python.

    Raises:
        FilterError: there is no such field; the message says which are near.
    """
    reference = FieldReference(name=name)
    _look_up(name, reference)
    return Field(reference)


class Field:
    """A field that waits for its comparison, such as ``field("scylla.len") > 1000``."""

    __slots__ = ("_reference",)
    __hash__ = None  # type: ignore[assignment]  # == makes a filter, so a field is no key

    def __init__(self, reference: FieldReference) -> None:
        self._reference = reference

    def __eq__(self, value: object) -> Filter:  # type: ignore[override]  # reads as the filter does
        return self._compared(Operator.ANY_EQUAL, value)

    def __ne__(self, value: object) -> Filter:  # type: ignore[override]  # as __eq__
        return self._compared(Operator.ALL_DIFFER, value)

    def __lt__(self, value: object) -> Filter:
        return self._compared(Operator.LESS, value)

    def __le__(self, value: object) -> Filter:
        return self._compared(Operator.LESS_OR_EQUAL, value)

    def __gt__(self, value: object) -> Filter:
        return self._compared(Operator.GREATER, value)

    def __ge__(self, value: object) -> Filter:
        return self._compared(Operator.GREATER_OR_EQUAL, value)

    def contains(self, value: object) -> Filter:
        """Text or bytes in which the value occurs."""
        return self._compared(Operator.CONTAINS, value)

    def matches(self, pattern: str) -> Filter:
        """Text or bytes in which a regular expression, which minds no case, is found."""
        return self._compared(Operator.MATCHES, pattern)

    def is_in(self, values: Iterable[object]) -> Filter:
        """One of several values."""
        written = [_written(value) for value in values]
        text = f"{self._reference.name} in {{{', '.join(_shown(literal) for literal in written)}}}"
        items = tuple((literal, literal) for literal in written)
        return Filter(Membership(field=self._reference, items=items), text)

    def exists(self) -> Filter:
        """Messages that have the field at all."""
        return Filter(Presence(field=self._reference), self._reference.name)

    def _compared(self, operator: Operator, value: object) -> Filter:
        literal = _written(value)
        text = f"{self._reference.name} {operator.value} {_shown(literal)}"
        return Filter(Comparison(field=self._reference, operator=operator, value=literal), text)


def _written(value: object) -> Literal:
    """A Python value as a filter would have it; text may be a name (a verb's, say), bytes are bytes."""
    if isinstance(value, bytes):
        return Literal(text=value.hex()) if value else Literal(text="", is_quoted=True)
    if isinstance(value, bool):
        return Literal(text="true" if value else "false")
    return Literal(text=str(value))


def _shown(literal: Literal) -> str:
    is_word = literal.text and not any(character in " \t\n()[]{},\"'=!<>&|~^" for character in literal.text)
    return literal.text if is_word else '"' + literal.text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _look_up(text: str, reference: FieldReference) -> "_Operand":
    try:
        found = field_named(reference.name)
    except KeyError as error:
        refuse(text, reference.position, str(error.args[0]))
    return _Operand(found.kind, found.values, found.value)


class _Operand:
    """What a comparison looks at: a field's values, cut and reckoned as the filter says."""

    __slots__ = ("kind", "value", "values")

    def __init__(
        self,
        kind: ValueKind,
        values: Callable[[Message, Surroundings], Sequence[object]],
        value: Callable[[Message], object | None] | None = None,
    ) -> None:
        self.kind = kind
        self.values = values
        self.value = value

    def cut(self, pieces: tuple[slice, ...]) -> "_Operand":
        values = self.values

        def cut_values(message: Message, surroundings: Surroundings) -> Sequence[object]:
            return [part for value in values(message, surroundings) if (part := _cut(value, pieces))]

        return _Operand(BYTES if self.kind in (TABLE_IDS, IDS) else self.kind, cut_values)

    def reckoned(self, function: Function) -> "_Operand":
        values = self.values
        match function:
            case Function.COUNT:
                return _Operand(NUMBERS, lambda message, around: (len(values(message, around)),))
            case Function.LENGTH:
                return _Operand(
                    NUMBERS, lambda message, around: [_length(v) for v in values(message, around)]
                )
            case Function.LOWER:
                return _Operand(
                    self.kind, lambda message, around: [str(v).lower() for v in values(message, around)]
                )
            case Function.UPPER:
                return _Operand(
                    self.kind, lambda message, around: [str(v).upper() for v in values(message, around)]
                )
            case _:
                assert_never(function)


def _cut(value: object, pieces: tuple[slice, ...]) -> str | bytes:
    if isinstance(value, str):
        return "".join(value[piece] for piece in pieces)
    if isinstance(value, bytes):
        return b"".join(value[piece] for piece in pieces)
    return ""


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | bytes) else len(str(value))


_ORDERS: dict[Operator, Callable[[int | None], bool]] = {
    Operator.ANY_EQUAL: lambda order: order == 0,
    Operator.ALL_EQUAL: lambda order: order == 0,
    Operator.ALL_DIFFER: lambda order: order != 0,
    Operator.ANY_DIFFERS: lambda order: order != 0,
    Operator.LESS: lambda order: order is not None and order < 0,
    Operator.LESS_OR_EQUAL: lambda order: order is not None and order <= 0,
    Operator.GREATER: lambda order: order is not None and order > 0,
    Operator.GREATER_OR_EQUAL: lambda order: order is not None and order >= 0,
}
_FOR_ALL = frozenset({Operator.ALL_EQUAL, Operator.ALL_DIFFER})


class _Compiler:
    """Turns an expression into a function; what is wrong is found now, not at the first message."""

    def __init__(self, text: str, surroundings: Surroundings) -> None:
        self._text = text
        self._surroundings = surroundings

    def predicate(self, expression: Expression) -> Predicate:
        match expression:
            case And(parts=parts):
                return _all([self.predicate(part) for part in parts])
            case Or(parts=parts):
                return _any([self.predicate(part) for part in parts])
            case Xor(parts=parts):
                inner = [self.predicate(part) for part in parts]
                return lambda message: sum(part(message) for part in inner) % 2 == 1
            case Not(inner=one):
                negated = self.predicate(one)
                return lambda message: not negated(message)
            case Presence(field=reference):
                return self._presence(reference)
            case Comparison():
                return self._comparison(expression)
            case Membership():
                return self._membership(expression)
            case _:
                assert_never(expression)

    def _operand(self, reference: FieldReference) -> _Operand:
        operand = _look_up(self._text, reference)
        if reference.pieces:
            if not operand.kind.has_parts:
                refuse(self._text, reference.position, f"{reference.name} is no text and no bytes to be cut")
            operand = operand.cut(reference.pieces)
        return operand if reference.function is None else operand.reckoned(reference.function)

    def _presence(self, reference: FieldReference) -> Predicate:
        operand = self._operand(reference)
        if operand.value is not None:
            value = operand.value
            return lambda message: value(message) is not None
        values, surroundings = operand.values, self._surroundings
        return lambda message: len(values(message, surroundings)) > 0

    def _comparison(self, comparison: Comparison) -> Predicate:
        operand = self._operand(comparison.field)
        right = comparison.value
        if isinstance(right, Literal) and not right.is_quoted and right.text in FIELDS:
            right = FieldReference(name=right.text, position=right.position)
        if isinstance(right, FieldReference):
            return self._between_fields(comparison, operand, self._operand(right))
        operator = comparison.operator
        for_all = comparison.for_all or operator in _FOR_ALL
        try:
            if operator in {Operator.CONTAINS, Operator.MATCHES}:
                if not operand.kind.has_parts:
                    refuse(
                        self._text,
                        comparison.field.position,
                        f"{comparison.field.name} is no text and no bytes; compare it with {operand.kind.example}",
                    )
                test = needle_of(operand.kind, right) if operator is Operator.CONTAINS else pattern_of(right)
            else:
                wanted = operand.kind.wanted(right, self._surroundings)
                if (
                    operator is Operator.ANY_EQUAL
                    and operand.value is not None
                    and isinstance(wanted, Exactly)
                ):
                    return _equals(operand.value, wanted.values)
                fits, order = _ORDERS[operator], wanted.order
                test = lambda value: fits(order(value))  # noqa: E731  (the branch above gives functions as well)
        except ValueError as error:
            refuse(self._text, right.position, str(error))
        return self._tested(operand, test, for_all=for_all)

    def _membership(self, membership: Membership) -> Predicate:
        operand = self._operand(membership.field)
        orders = []
        for first, last in membership.items:
            literal = first
            try:
                low = operand.kind.wanted(first, self._surroundings)
                literal = last
                high = low if last is first else operand.kind.wanted(last, self._surroundings)
            except ValueError as error:
                refuse(self._text, literal.position, str(error))
            orders.append((low.order, high.order))

        def is_member(value: object) -> bool:
            for low_order, high_order in orders:
                if low_order is high_order or low_order == high_order:
                    if low_order(value) == 0:
                        return True
                    continue
                low, high = low_order(value), high_order(value)
                if low is not None and high is not None and low >= 0 >= high:
                    return True
            return False

        found = self._tested(operand, is_member, for_all=False)
        if not membership.is_negated:
            return found
        present = self._tested(operand, lambda _: True, for_all=False)
        return lambda message: present(message) and not found(message)

    def _tested(self, operand: _Operand, test: Test, *, for_all: bool) -> Predicate:
        if operand.value is not None:
            value = operand.value
            return lambda message: (found := value(message)) is not None and test(found)
        values, surroundings = operand.values, self._surroundings
        if for_all:

            def holds_for_all(message: Message) -> bool:
                found = values(message, surroundings)
                return len(found) > 0 and all(test(one) for one in found)

            return holds_for_all
        return lambda message: any(test(one) for one in values(message, surroundings))

    def _between_fields(self, comparison: Comparison, left: _Operand, right: _Operand) -> Predicate:
        operator, surroundings = comparison.operator, self._surroundings
        for_all = comparison.for_all or operator in _FOR_ALL
        test: Callable[[object, object], bool]
        if operator is Operator.CONTAINS:
            test = _contains
        elif operator is Operator.MATCHES:
            refuse(
                self._text,
                comparison.field.position,
                "matches wants a pattern in quotation marks, not a field",
            )
        else:
            fits = _ORDERS[operator]
            test = lambda one, other: fits(compare(one, other))  # noqa: E731  (as in _comparison)

        def holds(message: Message) -> bool:
            pairs = [
                (one, other)
                for one in left.values(message, surroundings)
                for other in right.values(message, surroundings)
            ]
            if for_all:
                return bool(pairs) and all(test(*pair) for pair in pairs)
            return any(test(*pair) for pair in pairs)

        return holds


def _contains(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return other in one
    return isinstance(one, bytes) and isinstance(other, bytes) and other in one


def _equals(value: Callable[[Message], object | None], wanted: tuple[object, ...]) -> Predicate:
    # What most filters ask for each message: is it this verb?
    if len(wanted) == 1:
        only = wanted[0]
        return lambda message: value(message) == only
    return lambda message: value(message) in wanted


def _all(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda message: first(message) and second(message)
    return lambda message: all(part(message) for part in parts)


def _any(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda message: first(message) or second(message)
    return lambda message: any(part(message) for part in parts)
