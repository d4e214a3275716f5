"""CQL texts to statements.

One thing is taken that a real 4.2 refuses as a syntax error: ``USING TIMEOUT``, which came with 4.4. The scylla-driver
and cqlsh of today add it to what they ask about the schema, and could not connect without it.

Source:
    ScyllaDB docs, CQL reference; Scylla, cql3/Cql.g (usingClauseObjective in branches 4.2 and 4.4).
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple, TypeVar

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.constants import duration_of
from harness.backends.simulation.cql.request_error import RequestError, invalid, syntax_error
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
from harness.codec.cql.types import identifier as quoted_if_needed
from harness.ddl import Definition, FullName, Rename
from harness.grammar import parser_of
from harness.reserved_words import RESERVED_WORDS

TEXT_CHARACTERS_MAX = 1 << 20

_T = TypeVar("_T")


@lru_cache(maxsize=4096)
def parse(text: str) -> s.Statement:
    """Read one statement.

    Raises:
        RequestError: SYNTAX_ERROR: it is no CQL that is understood here, and where; INVALID: it is CQL that is
            not simulated.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise syntax_error(f"statement of {len(text)} characters")
    try:
        tree = _parser().parse(text)
        statement = _Builder().transform(tree)
    except UnexpectedInput as error:
        raise _no_alternative(text, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, RequestError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise syntax_error("statement nested too deeply") from None
    assert isinstance(statement, s.Statement)
    return statement


def _no_alternative(text: str, error: UnexpectedInput) -> RequestError:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return syntax_error(
            f"line {text.count(chr(10)) + 1}:{len(text)} no viable alternative at input '<EOF>'"
        )
    offset = error.pos_in_stream or 0
    rest = text[offset : offset + 60].split()
    if isinstance(error, UnexpectedToken):
        rest = [str(error.token)]
    column = max(error.column - 1, 0)
    return syntax_error(
        f"line {error.line}:{column} no viable alternative at input '{rest[0] if rest else ''}'"
    )


@cache
def _parser() -> Lark:
    return parser_of("harness.backends.simulation.cql", "grammar.lark", maybe_placeholders=True)


class _Reserved(str):
    """A word without quotes that can name no column or table."""

    __slots__ = ()


class _Deletion(NamedTuple):
    column: str
    change: s.Change
    key: Term | None = None
    field: str | None = None


class _Key(NamedTuple):
    partition_key: tuple[str, ...]
    clustering_key: tuple[str, ...]


class _Column(NamedTuple):
    definition: Definition
    is_key: bool


class _Timeout(int):
    """In milliseconds."""

    __slots__ = ()


class _Limit(NamedTuple):
    value: Term
    is_per_partition: bool


class _Target(NamedTuple):
    columns: tuple[str, ...]
    is_partition: bool = False
    elements: str | None = None


class _Values(NamedTuple):
    values: tuple[Term, ...]
    is_marker: bool


class _Assigned(NamedTuple):
    """What stands behind ``=``: one term, or two with an operation."""

    left: Term
    operation: str | None = None
    right: Term | None = None


def _named(name: str) -> str:
    """Take a word as the name of something."""
    if isinstance(name, _Reserved):
        raise syntax_error(
            f"no viable alternative at input '{name}': a reserved word names nothing without quotes"
        )
    return str(name)


def _all_named(names: Iterable[object]) -> tuple[str, ...]:
    return tuple(_named(name) for name in names if isinstance(name, str))


def _of(kind: type[_T], children: Iterable[object]) -> tuple[_T, ...]:
    return tuple(child for child in children if isinstance(child, kind))


def _first(kind: type[_T], children: Iterable[object]) -> _T | None:
    return next(iter(_of(kind, children)), None)


def _has(kind: str, children: Iterable[object]) -> bool:
    return any(isinstance(child, Token) and child.type == kind for child in children)


@v_args(inline=True)
class _Builder(Transformer[Token, s.Statement]):
    """Makes of each rule of the grammar what its name says."""

    def start(self, statement: s.Statement) -> s.Statement:
        return statement

    # Words and terms.

    def NAME(self, token: Token) -> str:  # noqa: N802  (the terminal's name)
        if token.startswith('"'):
            return str(token[1:-1].replace('""', '"'))
        word = token.lower()
        return _Reserved(word) if word in RESERVED_WORDS else str(word)

    def full_name(self, first: str, second: str | None) -> FullName:
        return FullName(None, _named(first)) if second is None else FullName(_named(first), _named(second))

    def string(self, token: Token) -> Constant:
        text = token[2:-2] if token.startswith("$") else token[1:-1].replace("''", "'")
        return Constant(ConstantKind.STRING, text)

    def number(self, token: Token) -> Constant:
        return Constant(ConstantKind.NUMBER, str(token))

    def uuid(self, token: Token) -> Constant:
        return Constant(ConstantKind.UUID, str(token))

    def blob(self, token: Token) -> Constant:
        return Constant(ConstantKind.BLOB, str(token))

    def duration(self, token: Token) -> Constant:
        return Constant(ConstantKind.DURATION, str(token))

    def word(self, name: str) -> Constant:
        return Constant(ConstantKind.WORD, str(name))

    def negative_word(self, name: str) -> Constant:
        return Constant(ConstantKind.WORD, f"-{name}")

    def marker(self, token: Token) -> Marker:
        return Marker(_offset(token))

    def named_marker(self, token: Token, name: str) -> Marker:
        return Marker(_offset(token), str(name))

    def call(self, name: str, *arguments: Term | None) -> Call:
        return Call(str(name), _present(arguments))

    def qualified_call(self, keyspace: str, name: str, *arguments: Term | None) -> Call:
        return Call(str(name), _present(arguments), str(keyspace))

    def list_term(self, *elements: Term | None) -> ListTerm:
        return ListTerm(_present(elements))

    def tuple_term(self, *elements: Term) -> TupleTerm:
        return TupleTerm(elements)

    def braces_term(self, *entries: tuple[Term, Term | None] | None) -> SetTerm | MapTerm:
        present = _present(entries)
        pairs = tuple((key, value) for key, value in present if value is not None)
        if not pairs:
            return SetTerm(tuple(key for key, _ in present))
        if len(pairs) != len(present):
            raise syntax_error(f"map with an entry without a value: {present[-1][0]}")
        return MapTerm(pairs)

    def entry(self, key: Term, value: Term | None) -> tuple[Term, Term | None]:
        return key, value

    # SELECT.

    def select(self, *children: object) -> s.Select:
        limits = _of(_Limit, children)
        relations = _first(s.Condition, children)
        table = _first(FullName, children)
        assert table is not None
        return s.Select(
            table=table,
            selectors=_first(_Selectors, children) or (),
            is_distinct=_has("DISTINCT", children),
            where=() if relations is None else relations.comparisons,
            order_by=_first(_Orderings, children) or (),
            per_partition_limit=next((limit.value for limit in limits if limit.is_per_partition), None),
            limit=next((limit.value for limit in limits if not limit.is_per_partition), None),
            allows_filtering=_has("ALLOW_FILTERING", children),
            bypasses_cache=_has("BYPASS_CACHE", children),
            timeout_ms=_first(_Timeout, children),
        )

    def read_timeout(self, token: Token) -> "_Timeout":
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

    def all_columns(self) -> "_Selectors":
        return _Selectors()

    def selectors(self, *selectors: s.Aliased) -> "_Selectors":
        return _Selectors(selectors)

    def aliased(self, selector: s.Selector, alias: str | None) -> s.Aliased:
        return s.Aliased(selector, None if alias is None else _named(alias))

    def column_selector(self, name: str) -> s.ColumnSelector:
        return s.ColumnSelector(_named(name))

    def field_selector(self, column: str, field: str) -> s.FieldSelector:
        return s.FieldSelector(_named(column), _named(field))

    def function_selector(self, *children: "str | _Arguments | None") -> s.FunctionSelector:
        *names, arguments = children
        parts = [str(name) for name in names if isinstance(name, str)]
        assert not isinstance(arguments, str)
        found = _Arguments() if arguments is None else arguments
        return s.FunctionSelector(
            parts[-1], found.values, is_of_all=found.is_of_all, keyspace=parts[0] if len(parts) > 1 else None
        )

    def all_arguments(self) -> "_Arguments":
        return _Arguments(is_of_all=True)

    def selector_arguments(self, *values: "s.Selector | Term") -> "_Arguments":
        return _Arguments(values)

    def order_by(self, *orderings: s.Ordering) -> "_Orderings":
        return _Orderings(orderings)

    def ordering(self, column: str, direction: Token | None) -> s.Ordering:
        return s.Ordering(_named(column), direction is not None and direction.type == "DESC")

    def limit(self, value: Term) -> _Limit:
        return _Limit(value, is_per_partition=False)

    def per_partition_limit(self, value: Term) -> _Limit:
        return _Limit(value, is_per_partition=True)

    # Relations: of WHERE and IF alike.

    def where(self, *relations: s.Relation) -> s.Condition:
        return s.Condition(comparisons=relations)

    def operator(self, token: Token | None = None) -> s.Operator:
        return s.Operator.EQUAL if token is None else s.Operator(str(token))

    def values(self, *values: Term | None) -> _Values:
        return _Values(_present(values), is_marker=False)

    def marker_values(self, marker: Marker) -> _Values:
        return _Values((marker,), is_marker=True)

    def relation(self, column: str, operator: s.Operator, value: Term) -> s.Relation:
        return s.Relation(columns=(_named(column),), operator=operator, values=(value,))

    def in_relation(self, column: str, values: _Values) -> s.Relation:
        return _in_relation((column,), values)

    def contains_relation(self, column: str, _contains: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(_named(column),), operator=s.Operator.CONTAINS, values=(value,))

    def contains_key_relation(self, column: str, _contains: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(_named(column),), operator=s.Operator.CONTAINS_KEY, values=(value,))

    def like_relation(self, column: str, _like: Token, value: Term) -> s.Relation:
        return s.Relation(columns=(_named(column),), operator=s.Operator.LIKE, values=(value,))

    def not_null_relation(self, column: str) -> s.Relation:
        return s.Relation(columns=(_named(column),), operator=s.Operator.IS_NOT_NULL)

    def element_relation(self, column: str, key: Term, operator: s.Operator, value: Term) -> s.Relation:
        return s.Relation(
            subject=s.Subject.ELEMENT, columns=(_named(column),), operator=operator, values=(value,), key=key
        )

    def token_relation(self, function: str, *children: "str | s.Operator | Term") -> s.Relation:
        if function != "token":
            raise syntax_error(f"no viable alternative at input '{function}('")
        *names, operator, value = children
        assert isinstance(operator, s.Operator)
        assert not isinstance(value, str | s.Operator)
        return s.Relation(
            subject=s.Subject.TOKEN, columns=_all_named(names), operator=operator, values=(value,)
        )

    def tuple_relation(self, *children: "str | s.Operator | Term") -> s.Relation:
        *names, operator, value = children
        assert isinstance(operator, s.Operator)
        assert not isinstance(value, str | s.Operator)
        return s.Relation(
            subject=s.Subject.TUPLE, columns=_all_named(names), operator=operator, values=(value,)
        )

    def tuple_in_relation(self, *children: "str | _Values") -> s.Relation:
        *names, values = children
        assert isinstance(values, _Values)
        return s.Relation(
            subject=s.Subject.TUPLE,
            columns=_all_named(names),
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
            columns=(_named(column),),
            operator=operator,
            values=(value,),
            field=_named(field),
        )

    def compare_field_in(self, column: str, field: str, values: _Values) -> s.Relation:
        return _in_relation((column,), values, subject=s.Subject.FIELD, field=_named(field))

    def condition(self, *comparisons: s.Relation) -> s.Condition:
        return s.Condition(comparisons=comparisons)

    def if_exists_condition(self, _exists: Token) -> s.Condition:
        return s.Condition(if_exists=True)

    # INSERT, UPDATE, DELETE, BATCH.

    def insert(self, table: FullName, *children: object) -> s.Insert:
        names = tuple(child for child in children if isinstance(child, str) and not isinstance(child, Token))
        values = tuple(child for child in children if isinstance(child, Term))
        if len(names) != len(values):
            raise invalid("Unmatched column names/values")
        return s.Insert(
            table=table,
            columns=_all_named(names),
            values=values,
            condition=s.Condition(if_not_exists=True) if _first(_IfNotExists, children) else None,
            using=_first(s.Using, children) or s.Using(),
        )

    def json_insert(self, *_children: object) -> s.Insert:
        raise invalid("INSERT JSON is not simulated")

    def update(self, table: FullName, *children: object) -> s.Update:
        where, condition = _where_and_condition(children)
        return s.Update(
            table=table,
            assignments=_of(s.Assignment, children),
            where=where,
            condition=condition,
            using=_first(s.Using, children) or s.Using(),
        )

    def delete(self, *children: object) -> s.Delete:
        where, condition = _where_and_condition(children)
        table = _first(FullName, children)
        assert table is not None
        return s.Delete(
            table=table,
            deletions=_first(_Deletions, children) or (),
            where=where,
            condition=condition,
            using=_first(s.Using, children) or s.Using(),
        )

    def deletions(self, *deletions: s.Assignment) -> "_Deletions":
        return _Deletions(deletions)

    def delete_column(self, column: str) -> s.Assignment:
        return s.Assignment(column=_named(column), change=s.Change.DELETE)

    def delete_element(self, column: str, key: Term) -> s.Assignment:
        return s.Assignment(column=_named(column), change=s.Change.DELETE_ELEMENT, key=key)

    def delete_field(self, column: str, field: str) -> s.Assignment:
        return s.Assignment(column=_named(column), change=s.Change.DELETE_FIELD, field=_named(field))

    def assigned(self, value: Term) -> _Assigned:
        return _Assigned(value)

    def added(self, left: Term, right: Term) -> _Assigned:
        return _Assigned(left, "+", right)

    def subtracted(self, left: Term, right: Term) -> _Assigned:
        return _Assigned(left, "-", right)

    def negative_added(self, left: Term, token: Token) -> _Assigned:
        return _Assigned(left, "-", Constant(ConstantKind.NUMBER, str(token)[1:]))

    def assign_column(self, column: str, assigned: _Assigned) -> s.Assignment:
        return _assignment(_named(column), assigned)

    def assign_element(self, column: str, key: Term, value: Term) -> s.Assignment:
        return s.Assignment(column=_named(column), change=s.Change.SET_ELEMENT, value=value, key=key)

    def assign_field(self, column: str, field: str, value: Term) -> s.Assignment:
        return s.Assignment(
            column=_named(column), change=s.Change.SET_FIELD, value=value, field=_named(field)
        )

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
        for token in _of(Token, children):
            kind = s.BatchKind(str(token).upper()) if token.type in {"UNLOGGED", "COUNTER"} else kind
        return s.Batch(
            kind=kind,
            statements=tuple(child for child in children if isinstance(child, s.Modification)),
            using=_first(s.Using, children) or s.Using(),
        )

    def use(self, keyspace: str) -> s.Use:
        return s.Use(keyspace=_named(keyspace))

    def truncate(self, table: FullName) -> s.Truncate:
        return s.Truncate(table=table)

    # Types, options.

    def type(self, name: FullName, *parts: str | None) -> str:
        present = _present(parts)
        plain = "text" if name.name == "varchar" else name.name
        text = (
            plain if plain in {"map", "set", "list", "tuple", "frozen", "vector"} else quoted_if_needed(plain)
        )
        return f"{text}<{', '.join(present)}>" if present else text

    def type_name(self, first: str, second: str | None) -> FullName:
        return FullName(None, str(first)) if second is None else FullName(str(first), str(second))

    def type_number(self, token: Token) -> str:
        return str(token)

    def custom_type(self, token: Token) -> str:
        return str(token)

    def options(self, *children: object) -> s.Options:
        named = _of(_Named, children)
        orderings = _of(_Orderings, children)
        return s.Options(
            named=tuple((option.name, option.value) for option in named),
            orderings=tuple(ordering for some in orderings for ordering in some),
            is_compact=_first(_Compact, children) is not None,
        )

    def named_option(self, name: str, value: "Constant | _OptionMap") -> "_Named":
        return _Named(_named(name), value.entries if isinstance(value, _OptionMap) else value.text)

    def compact_storage(self, _token: Token) -> "_Compact":
        return _Compact()

    def clustering_order(self, _token: Token, *orderings: s.Ordering) -> "_Orderings":
        return _Orderings(orderings)

    def options_map(self, *entries: tuple[str, str] | None) -> "_OptionMap":
        return _OptionMap(_present(entries))

    def option_entry(self, key: "Constant | _OptionMap", value: "Constant | _OptionMap") -> tuple[str, str]:
        if not isinstance(key, Constant) or not isinstance(value, Constant):
            raise syntax_error("map in a map of options")
        return key.text, value.text

    def if_not_exists(self, _exists: Token) -> "_IfNotExists":
        return _IfNotExists()

    def if_exists(self, _exists: Token) -> "_IfExists":
        return _IfExists()

    # Keyspaces.

    def create_keyspace(
        self, condition: "_IfNotExists | None", name: str, options: s.Options
    ) -> s.CreateKeyspace:
        return s.CreateKeyspace(name=_named(name), options=options, if_not_exists=condition is not None)

    def alter_keyspace(self, name: str, options: s.Options) -> s.AlterKeyspace:
        return s.AlterKeyspace(name=_named(name), options=options)

    def drop_keyspace(self, condition: "_IfExists | None", name: str) -> s.DropKeyspace:
        return s.DropKeyspace(name=_named(name), if_exists=condition is not None)

    # Tables.

    def create_table(self, condition: "_IfNotExists | None", name: FullName, *parts: object) -> s.CreateTable:
        columns = _of(_Column, parts)
        keys = _of(_Key, parts)
        single = [_Key((column.definition.name,), ()) for column in columns if column.is_key]
        if len(keys) + len(single) > 1:
            raise invalid("Multiple PRIMARY KEYs specifed (exactly one required)")
        if not keys and not single:
            raise invalid("No PRIMARY KEY specifed (exactly one required)")
        (key,) = (*keys, *single)
        return s.CreateTable(
            name=name,
            columns=tuple(column.definition for column in columns),
            partition_key=key.partition_key,
            clustering_key=key.clustering_key,
            options=_first(s.Options, parts) or s.Options(),
            if_not_exists=condition is not None,
        )

    def column_definition(
        self, name: str, type_text: str, static: Token | None, primary: Token | None
    ) -> _Column:
        return _Column(Definition(_named(name), type_text, static is not None), is_key=primary is not None)

    def primary_key(self, _token: Token, partition: tuple[str, ...], *clustering: str) -> _Key:
        return _Key(partition, _all_named(clustering))

    def partition_part(self, *names: str) -> tuple[str, ...]:
        return _all_named(names)

    def alter_table(
        self,
        name: FullName,
        change: s.AddColumns | s.DropColumns | s.RenameColumns | s.AlterColumn | s.Options,
    ) -> s.AlterTable:
        return s.AlterTable(name=name, change=change)

    def add_columns(self, *columns: Definition) -> s.AddColumns:
        return s.AddColumns(columns)

    def added_column(self, name: str, type_text: str, static: Token | None) -> Definition:
        return Definition(_named(name), type_text, static is not None)

    def drop_columns(self, *children: "str | s.Using | None") -> s.DropColumns:
        return s.DropColumns(_all_named(children), _first(s.Using, children) or s.Using())

    def rename_columns(self, *renames: Rename) -> s.RenameColumns:
        return s.RenameColumns(renames)

    def rename(self, old: str, new: str) -> Rename:
        return Rename(_named(old), _named(new))

    def alter_column(self, column: str, type_text: str) -> s.AlterColumn:
        return s.AlterColumn(_named(column), type_text)

    def change_options(self, options: s.Options) -> s.Options:
        return options

    def drop_table(self, condition: "_IfExists | None", name: FullName) -> s.DropTable:
        return s.DropTable(name=name, if_exists=condition is not None)

    # Views and indexes.

    def create_view(self, condition: "_IfNotExists | None", name: FullName, *parts: object) -> s.CreateView:
        base, where, key = _first(FullName, parts), _first(s.Condition, parts), _first(_Key, parts)
        assert base is not None
        assert where is not None
        assert key is not None
        return s.CreateView(
            name=name,
            base=base,
            selectors=_first(_Selectors, parts) or (),
            where=where.comparisons,
            partition_key=key.partition_key,
            clustering_key=key.clustering_key,
            options=_first(s.Options, parts) or s.Options(),
            if_not_exists=condition is not None,
        )

    def alter_view(self, name: FullName, options: s.Options) -> s.AlterView:
        return s.AlterView(name=name, options=options)

    def drop_view(self, condition: "_IfExists | None", name: FullName) -> s.DropView:
        return s.DropView(name=name, if_exists=condition is not None)

    def create_index(self, *children: object) -> s.CreateIndex:
        base, custom_class = _first(FullName, children), _first(_CustomClass, children)
        name = _first(_IndexName, children)
        assert base is not None
        targets = _of(_Target, children)
        if _has("CUSTOM", children) != (custom_class is not None):
            raise invalid("CUSTOM index requires specifying the index class, and no other does")
        return s.CreateIndex(
            name=None if name is None else name.name,
            base=base,
            partition_key=tuple(
                column for target in targets if target.is_partition for column in target.columns
            ),
            columns=tuple(
                column for target in targets if not target.is_partition for column in target.columns
            ),
            elements=next((target.elements for target in targets if target.elements), None),
            custom_class=None if custom_class is None else custom_class.name,
            options=_first(s.Options, children) or s.Options(),
            if_not_exists=_first(_IfNotExists, children) is not None,
        )

    def index_name(self, name: str) -> "_IndexName":
        return _IndexName(_named(name))

    def index_column(self, name: str) -> _Target:
        return _Target((_named(name),))

    def index_partition(self, *names: str) -> _Target:
        return _Target(_all_named(names), is_partition=True)

    def index_elements(self, elements: str, name: str) -> _Target:
        return _Target((_named(name),), elements=str(elements))

    def index_class(self, name: Constant) -> "_CustomClass":
        return _CustomClass(name.text)

    def drop_index(self, condition: "_IfExists | None", name: FullName) -> s.DropIndex:
        return s.DropIndex(name=name, if_exists=condition is not None)

    # Types.

    def create_type(
        self, condition: "_IfNotExists | None", name: FullName, *fields: Definition
    ) -> s.CreateType:
        return s.CreateType(name=name, fields=fields, if_not_exists=condition is not None)

    def field(self, name: str, type_text: str) -> Definition:
        return Definition(_named(name), type_text)

    def alter_type(
        self, name: FullName, change: s.AddColumns | s.RenameColumns | s.AlterColumn
    ) -> s.AlterType:
        return s.AlterType(name=name, change=change)

    def add_field(self, field: Definition) -> s.AddColumns:
        return s.AddColumns((field,))

    def drop_type(self, condition: "_IfExists | None", name: FullName) -> s.DropType:
        return s.DropType(name=name, if_exists=condition is not None)

    rename_fields = rename_columns
    alter_field = alter_column


class _Selectors(tuple[s.Aliased, ...]):
    __slots__ = ()


class _Orderings(tuple[s.Ordering, ...]):
    __slots__ = ()


class _Deletions(tuple[s.Assignment, ...]):
    __slots__ = ()


class _Arguments(NamedTuple):
    values: "tuple[s.Selector | Term, ...]" = ()
    is_of_all: bool = False


class _Named(NamedTuple):
    name: str
    value: s.OptionValue


class _OptionMap(NamedTuple):
    entries: tuple[tuple[str, str], ...]


class _IndexName(NamedTuple):
    name: str


class _CustomClass(NamedTuple):
    name: str


class _Compact:
    pass


class _IfExists:
    pass


class _IfNotExists:
    pass


def _offset(token: Token) -> int:
    return token.start_pos or 0


def _present(values: tuple[_T | None, ...]) -> tuple[_T, ...]:
    """Leave out what stands for a part that is not there."""
    return tuple(value for value in values if value is not None)


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
        columns=_all_named(columns),
        operator=s.Operator.IN,
        values=values.values,
        is_marker_in=values.is_marker,
        key=key,
        field=field,
    )


def _where_and_condition(children: Iterable[object]) -> tuple[tuple[s.Relation, ...], s.Condition | None]:
    where, *rest = _of(s.Condition, children)
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
