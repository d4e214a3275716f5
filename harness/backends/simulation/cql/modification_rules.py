"""Rules of the grammar about what changes data: INSERT, UPDATE, DELETE, BATCH, TRUNCATE; and USE."""

from collections.abc import Iterable
from typing import NamedTuple

from lark import Token, Transformer, v_args

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.request_error import invalid, syntax_error
from harness.backends.simulation.cql.rule_parts import IfNotExists, all_named, first_of, named, of_kind
from harness.backends.simulation.cql.terms import Constant, ConstantKind, Term
from harness.ddl import FullName


class _Assigned(NamedTuple):
    """What stands behind ``=``: one term, or two with an operation."""

    left: Term
    operation: str | None = None
    right: Term | None = None


class _Deletions(tuple[s.Assignment, ...]):
    __slots__ = ()


@v_args(inline=True)
class ModificationRules(Transformer[Token, s.Statement]):
    """Statements that change data, and what they set."""

    def insert(self, table: FullName, *children: object) -> s.Insert:
        names = tuple(child for child in children if isinstance(child, str) and not isinstance(child, Token))
        values = tuple(child for child in children if isinstance(child, Term))
        if len(names) != len(values):
            raise invalid("Unmatched column names/values")
        return s.Insert(
            table=table,
            columns=all_named(names),
            values=values,
            condition=s.Condition(if_not_exists=True) if first_of(IfNotExists, children) else None,
            using=first_of(s.Using, children) or s.Using(),
        )

    def json_insert(self, *_children: object) -> s.Insert:
        raise invalid("INSERT JSON is not simulated")

    def update(self, table: FullName, *children: object) -> s.Update:
        where, condition = _where_and_condition(children)
        return s.Update(
            table=table,
            assignments=of_kind(s.Assignment, children),
            where=where,
            condition=condition,
            using=first_of(s.Using, children) or s.Using(),
        )

    def delete(self, *children: object) -> s.Delete:
        where, condition = _where_and_condition(children)
        table = first_of(FullName, children)
        assert table is not None
        return s.Delete(
            table=table,
            deletions=first_of(_Deletions, children) or (),
            where=where,
            condition=condition,
            using=first_of(s.Using, children) or s.Using(),
        )

    def deletions(self, *deletions: s.Assignment) -> _Deletions:
        return _Deletions(deletions)

    def delete_column(self, column: str) -> s.Assignment:
        return s.Assignment(column=named(column), change=s.Change.DELETE)

    def delete_element(self, column: str, key: Term) -> s.Assignment:
        return s.Assignment(column=named(column), change=s.Change.DELETE_ELEMENT, key=key)

    def delete_field(self, column: str, field: str) -> s.Assignment:
        return s.Assignment(column=named(column), change=s.Change.DELETE_FIELD, field=named(field))

    def assigned(self, value: Term) -> _Assigned:
        return _Assigned(value)

    def added(self, left: Term, right: Term) -> _Assigned:
        return _Assigned(left, "+", right)

    def subtracted(self, left: Term, right: Term) -> _Assigned:
        return _Assigned(left, "-", right)

    def negative_added(self, left: Term, token: Token) -> _Assigned:
        return _Assigned(left, "-", Constant(ConstantKind.NUMBER, str(token)[1:]))

    def assign_column(self, column: str, assigned: _Assigned) -> s.Assignment:
        return _assignment(named(column), assigned)

    def assign_element(self, column: str, key: Term, value: Term) -> s.Assignment:
        return s.Assignment(column=named(column), change=s.Change.SET_ELEMENT, value=value, key=key)

    def assign_field(self, column: str, field: str, value: Term) -> s.Assignment:
        return s.Assignment(column=named(column), change=s.Change.SET_FIELD, value=value, field=named(field))

    def using(self, *parts: s.Using) -> s.Using:
        ttls = [part.ttl for part in parts if part.ttl is not None]
        timestamps = [part.timestamp for part in parts if part.timestamp is not None]
        if len(ttls) > 1 or len(timestamps) > 1:
            raise syntax_error("Multiple definition for property in USING")
        return s.Using(ttl=ttls[0] if ttls else None, timestamp=timestamps[0] if timestamps else None)

    def using_ttl(self, value: Term) -> s.Using:
        return s.Using(ttl=value)

    def using_timestamp(self, value: Term) -> s.Using:
        return s.Using(timestamp=value)

    def batch(self, *children: object) -> s.Batch:
        kind = s.BatchKind.LOGGED
        for token in of_kind(Token, children):
            kind = s.BatchKind(str(token).upper()) if token.type in {"UNLOGGED", "COUNTER"} else kind
        return s.Batch(
            kind=kind,
            statements=tuple(child for child in children if isinstance(child, s.Modification)),
            using=first_of(s.Using, children) or s.Using(),
        )

    def use(self, keyspace: str) -> s.Use:
        return s.Use(keyspace=named(keyspace))

    def truncate(self, table: FullName) -> s.Truncate:
        return s.Truncate(table=table)


def _where_and_condition(children: Iterable[object]) -> tuple[tuple[s.Relation, ...], s.Condition | None]:
    where, *rest = of_kind(s.Condition, children)
    return where.comparisons, rest[0] if rest else None


def _assignment(column: str, assigned: _Assigned) -> s.Assignment:
    """Tell ``c = c + x`` from ``c = x + c`` and ``c = x``."""
    left, operation, right = assigned
    if operation is None or right is None:
        return s.Assignment(column=column, change=s.Change.SET, value=left)
    if _is_column(left, column):
        return s.Assignment(
            column=column, change=s.Change.ADD if operation == "+" else s.Change.SUBTRACT, value=right
        )
    if operation == "+" and _is_column(right, column):
        return s.Assignment(column=column, change=s.Change.PREPEND, value=left)
    raise syntax_error(
        f"Only expressions of the form X = X {operation} <value> are supported, for X = {column}"
    )


def _is_column(term: Term, column: str) -> bool:
    return isinstance(term, Constant) and term.kind is ConstantKind.WORD and term.text == column
