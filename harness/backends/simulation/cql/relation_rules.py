"""Rules of the grammar about relations: those of WHERE and IF alike."""

from typing import NamedTuple

from lark import Token, Transformer, v_args

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.request_error import syntax_error
from harness.backends.simulation.cql.rule_parts import all_named, named, those_present
from harness.backends.simulation.cql.terms import Marker, Term


class _Values(NamedTuple):
    values: tuple[Term, ...]
    is_marker: bool


@v_args(inline=True)
class RelationRules(Transformer[Token, s.Statement]):
    """WHERE, IF, and what they compare."""

    def where(self, *relations: s.Relation) -> s.Condition:
        return s.Condition(comparisons=relations)

    def operator(self, token: Token | None = None) -> s.Operator:
        return s.Operator.EQUAL if token is None else s.Operator(str(token))

    def values(self, *values: Term | None) -> _Values:
        return _Values(those_present(values), is_marker=False)

    def marker_values(self, marker: Marker) -> _Values:
        return _Values((marker,), is_marker=True)

    def relation(self, column: str, operator: s.Operator, value: Term) -> s.Relation:
        return s.Relation(columns=(named(column),), operator=operator, values=(value,))

    def in_relation(self, column: str, values: _Values) -> s.Relation:
        return _in_relation((column,), values)

    def contains_relation(self, column: str, _contains: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(named(column),), operator=s.Operator.CONTAINS, values=(value,))

    def contains_key_relation(self, column: str, _contains: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(named(column),), operator=s.Operator.CONTAINS_KEY, values=(value,))

    def like_relation(self, column: str, _like: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(named(column),), operator=s.Operator.LIKE, values=(value,))

    def not_null_relation(self, column: str) -> s.Relation:
        return s.Relation(columns=(named(column),), operator=s.Operator.IS_NOT_NULL)

    def element_relation(self, column: str, key: Term, operator: s.Operator, value: Term) -> s.Relation:
        return s.Relation(
            subject=s.Subject.ELEMENT, columns=(named(column),), operator=operator, values=(value,), key=key
        )

    def token_relation(self, function: str, *children: str | s.Operator | Term) -> s.Relation:
        if function != "token":
            raise syntax_error(f"no viable alternative at input '{function}('")
        *names, operator, value = children
        assert isinstance(operator, s.Operator)
        assert not isinstance(value, str | s.Operator)
        return s.Relation(
            subject=s.Subject.TOKEN, columns=all_named(names), operator=operator, values=(value,)
        )

    def tuple_relation(self, *children: str | s.Operator | Term) -> s.Relation:
        *names, operator, value = children
        assert isinstance(operator, s.Operator)
        assert not isinstance(value, str | s.Operator)
        return s.Relation(
            subject=s.Subject.TUPLE, columns=all_named(names), operator=operator, values=(value,)
        )

    def tuple_in_relation(self, *children: str | _Values) -> s.Relation:
        *names, values = children
        assert isinstance(values, _Values)
        return s.Relation(
            subject=s.Subject.TUPLE,
            columns=all_named(names),
            operator=s.Operator.IN,
            values=values.values,
            is_marker_in=values.is_marker,
        )

    compare_column = relation
    compare_column_in = in_relation
    compare_element = element_relation

    def compare_element_in(self, column: str, key: Term, values: _Values) -> s.Relation:
        return _in_relation((column,), values, subject=s.Subject.ELEMENT, key=key)

    def compare_field(self, column: str, field: str, operator: s.Operator, value: Term) -> s.Relation:
        return s.Relation(
            subject=s.Subject.FIELD,
            columns=(named(column),),
            operator=operator,
            values=(value,),
            field=named(field),
        )

    def compare_field_in(self, column: str, field: str, values: _Values) -> s.Relation:
        return _in_relation((column,), values, subject=s.Subject.FIELD, field=named(field))

    def condition(self, *comparisons: s.Relation) -> s.Condition:
        return s.Condition(comparisons=comparisons)

    def if_exists_condition(self, _exists: Token) -> s.Condition:
        return s.Condition(if_exists=True)


def _in_relation(
    columns: tuple[str, ...],
    values: _Values,
    *,
    subject: s.Subject = s.Subject.COLUMN,
    key: Term | None = None,
    field: str | None = None,
) -> s.Relation:
    return s.Relation(
        subject=subject,
        columns=all_named(columns),
        operator=s.Operator.IN,
        values=values.values,
        is_marker_in=values.is_marker,
        key=key,
        field=field,
    )
