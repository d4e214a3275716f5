"""Rules of the grammar about SELECT, but for its WHERE."""

from typing import NamedTuple

from lark import Token, Transformer, v_args

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.constants import duration_of
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.rule_parts import (
    Orderings,
    Selectors,
    first_of,
    has_token,
    named,
    of_kind,
)
from harness.backends.simulation.cql.terms import Term
from harness.ddl import FullName


class _Timeout(int):
    """In milliseconds."""

    __slots__ = ()


class _Limit(NamedTuple):
    value: Term
    is_per_partition: bool


class _Arguments(NamedTuple):
    values: tuple[s.Selector | Term, ...] = ()
    is_of_all: bool = False


@v_args(inline=True)
class SelectRules(Transformer[Token, s.Statement]):
    """SELECT and what is selected."""

    def select(self, *children: object) -> s.Select:
        limits = of_kind(_Limit, children)
        relations = first_of(s.Condition, children)
        table = first_of(FullName, children)
        assert table is not None
        return s.Select(
            table=table,
            selectors=first_of(Selectors, children) or (),
            is_distinct=has_token("DISTINCT", children),
            where=() if relations is None else relations.comparisons,
            order_by=first_of(Orderings, children) or (),
            per_partition_limit=next((limit.value for limit in limits if limit.is_per_partition), None),
            limit=next((limit.value for limit in limits if not limit.is_per_partition), None),
            allows_filtering=has_token("ALLOW_FILTERING", children),
            bypasses_cache=has_token("BYPASS_CACHE", children),
            timeout_ms=first_of(_Timeout, children),
        )

    def read_timeout(self, token: Token) -> _Timeout:
        duration = duration_of(token)
        if duration.months or duration.days:
            raise invalid("Timeout values cannot be expressed in days/months")
        if duration.nanoseconds % 1_000_000:
            raise invalid("Timeout values cannot have granularity finer than milliseconds")
        if duration.nanoseconds < 0:
            raise invalid("Timeout values must be non-negative")
        return _Timeout(duration.nanoseconds // 1_000_000)

    def json_select(self, *_children: object) -> s.Select:
        raise invalid("SELECT JSON is not simulated")

    def all_columns(self) -> Selectors:
        return Selectors()

    def selectors(self, *selectors: s.Aliased) -> Selectors:
        return Selectors(selectors)

    def aliased(self, selector: s.Selector, alias: str | None) -> s.Aliased:
        return s.Aliased(selector, None if alias is None else named(alias))

    def column_selector(self, name: str) -> s.ColumnSelector:
        return s.ColumnSelector(named(name))

    def field_selector(self, column: str, field: str) -> s.FieldSelector:
        return s.FieldSelector(named(column), named(field))

    def function_selector(self, *children: str | _Arguments | None) -> s.FunctionSelector:
        *names, arguments = children
        parts = [str(name) for name in names if isinstance(name, str)]
        assert not isinstance(arguments, str)
        found = _Arguments() if arguments is None else arguments
        return s.FunctionSelector(
            parts[-1], found.values, is_of_all=found.is_of_all, keyspace=parts[0] if len(parts) > 1 else None
        )

    def all_arguments(self) -> _Arguments:
        return _Arguments(is_of_all=True)

    def selector_arguments(self, *values: s.Selector | Term) -> _Arguments:
        return _Arguments(values)

    def order_by(self, *orderings: s.Ordering) -> Orderings:
        return Orderings(orderings)

    def ordering(self, column: str, direction: Token | None) -> s.Ordering:
        return s.Ordering(named(column), direction is not None and direction.type == "DESC")

    def limit(self, value: Term) -> _Limit:
        return _Limit(value, is_per_partition=False)

    def per_partition_limit(self, value: Term) -> _Limit:
        return _Limit(value, is_per_partition=True)
