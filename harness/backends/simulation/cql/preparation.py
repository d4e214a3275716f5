"""Statements against a catalog: prepared, described for the client, and bound to values.

``plan`` does all of it at once, as a QUERY does; PREPARE and EXECUTE take ``prepare`` and ``PreparedStatement.bind``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.batch_statement import PreparedBatch
from harness.backends.simulation.cql.evaluation import Evaluation, Slot, markers_in
from harness.backends.simulation.cql.modification_statement import PreparedModification
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.names import refuse_unknown_keyspace, table_named
from harness.backends.simulation.cql.parser import parse
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.result_metadata import named_metadata
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.schema_statements import plan_schema
from harness.backends.simulation.cql.select_statement import PreparedSelect
from harness.backends.simulation.cql.statements import (
    Batch,
    BatchKind,
    Delete,
    Insert,
    Operator,
    Relation,
    Select,
    Statement,
    Subject,
    Truncate,
    Update,
    Use,
)
from harness.backends.simulation.cql.terms import Marker
from harness.backends.simulation.cql.write_plan import (
    ConditionalPlan,
    WriteKind,
    WritePlan,
    applied_columns,
)
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.notation import Value
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.results import PreparedResult, metadata_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UsePlan:
    """USE: the connection's keyspace changes."""

    keyspace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatePlan:
    """TRUNCATE: a table is emptied, with its views."""

    layout: TableLayout


Plan = ReadPlan | WritePlan | ConditionalPlan | SchemaPlan | UsePlan | TruncatePlan

BoundValues = Sequence[Value] | Mapping[str, Value]
"""Values in the order of the markers, or by their names."""


class _Bound(NamedTuple):
    """A marker with the column that describes it."""

    marker: Marker
    column: ResultColumn


@dataclass(slots=True)
class PreparedStatement:
    """A statement whose names are known.

    Raises:
        RequestError: INVALID and others: it names what is not there, or makes no sense.
    """

    catalog: Catalog
    statement: Statement
    keyspace: str | None
    _select: PreparedSelect | None = field(init=False, default=None)
    _modifications: tuple[PreparedModification, ...] = field(init=False, default=())
    _batch: PreparedBatch | None = field(init=False, default=None)
    _bound: tuple[_Bound, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        match self.statement:
            case Select():
                self._select = PreparedSelect(self.catalog, self.statement, self.keyspace)
            case Insert() | Update() | Delete():
                self._modifications = (PreparedModification(self.catalog, self.statement, self.keyspace),)
            case Batch():
                self._modifications = tuple(
                    PreparedModification(self.catalog, one, self.keyspace)
                    for one in self.statement.statements
                )
                self._batch = PreparedBatch(self.statement.kind, self._modifications, self.statement.using)
            case _:
                pass
        self._bound = tuple(sorted(self._find_markers(), key=lambda bound: bound.marker.offset))

    @property
    def modification(self) -> PreparedModification | None:
        """The write, if it is a single one; BATCH requests are made of such."""
        return self._modifications[0] if len(self._modifications) == 1 and self._batch is None else None

    @property
    def layouts(self) -> tuple[TableLayout, ...]:
        """The tables that it reads or writes; of changes of the schema, none."""
        if self._select is not None:
            return (self._select.layout,)
        return tuple(one.layout for one in self._modifications)

    @property
    def markers(self) -> tuple[ResultColumn, ...]:
        """Describes the values to be bound, in their order."""
        return tuple(bound.column for bound in self._bound)

    @property
    def partition_key_indexes(self) -> tuple[int, ...]:
        """Which of the bound values make up the partition key, in its order; none if others are needed for it."""
        if self._batch is not None:
            return ()
        where: tuple[Relation, ...] = ()
        layout: TableLayout
        if self._select is not None:
            where, layout = self._select.statement.where, self._select.layout
        elif self._modifications:
            (only,) = self._modifications
            where, layout = tuple(one.relation for one in only.where.restrictions), only.layout
        else:
            return ()
        offsets = {
            relation.columns[0]: relation.values[0].offset
            for relation in where
            if relation.subject is Subject.COLUMN
            and relation.operator is Operator.EQUAL
            and isinstance(relation.values[0], Marker)
        }
        numbers = {bound.marker.offset: number for number, bound in enumerate(self._bound)}
        names = [column.name for column in layout.table.partition_key]
        if any(name not in offsets for name in names):
            return ()
        return tuple(numbers[offsets[name]] for name in names)

    @property
    def result_columns(self) -> tuple[ResultColumn, ...]:
        """The columns of the rows that it will give; none if it gives no rows."""
        if self._select is not None:
            return self._select.columns
        conditions = [one.condition for one in self._modifications]
        if any(condition is not None for condition in conditions):
            return applied_columns(
                self._modifications[0].layout, conditions, is_batch=self._batch is not None
            )
        return ()

    def description(self, statement_id: bytes) -> PreparedResult:
        """The answer to PREPARE.

        Args:
            statement_id: by which the client will name the statement.
        """
        columns = self.result_columns
        return PreparedResult(
            statement_id=statement_id,
            bound=metadata_of(self.markers, partition_key_indexes=self.partition_key_indexes),
            result=named_metadata(columns) if columns else metadata_of((), is_left_out=True),
        )

    def bind(
        self,
        values: BoundValues,
        moment: Moment,
        *,
        page_rows: int = 0,
        paging_state: bytes | None = None,
    ) -> Plan:
        """Plan one run.

        Args:
            values: for the markers.
            moment: the clock and chance of the node.
            page_rows: page size of the client; 0: none.
            paging_state: of the page before; None: of none.

        Raises:
            RequestError: INVALID and others: a value is none of its type, or makes no sense.
        """
        bound = self._values(values)
        match self.statement:
            case Select():
                assert self._select is not None
                evaluation = _evaluation(bound, moment, self._select.layout)
                return self._select.bind(evaluation, page_rows=page_rows, paging_state=paging_state)
            case Insert() | Update() | Delete():
                return self._bind_modification(bound, moment)
            case Batch():
                assert self._batch is not None
                own = Evaluation(bound, moment)
                evaluations = [_evaluation(bound, moment, one.layout) for one in self._modifications]
                return self._batch.bind(evaluations, own)
            case Use():
                refuse_unknown_keyspace(self.catalog, self.statement.keyspace)
                return UsePlan(keyspace=self.statement.keyspace)
            case Truncate():
                return self._bind_truncate(self.statement)
            case _:
                return plan_schema(self.catalog, self.statement, self.keyspace, Evaluation(bound, moment))

    def evaluation(self, values: BoundValues, moment: Moment) -> Evaluation:
        """What the values of a single write are in one run; for BATCH requests.

        Raises:
            RequestError: INVALID: there are more or fewer values than markers.
        """
        (only,) = self._modifications
        return _evaluation(self._values(values), moment, only.layout)

    def _bind_modification(self, bound: Mapping[int, Value], moment: Moment) -> WritePlan | ConditionalPlan:
        (only,) = self._modifications
        write = only.bind(_evaluation(bound, moment, only.layout))
        if only.condition is not None:
            return ConditionalPlan(layout=only.layout, key=write.keys[0], writes=(write,))
        kind = WriteKind.COUNTER if only.layout.is_counter else WriteKind.SIMPLE
        return WritePlan(kind=kind, writes=(write,))

    def _bind_truncate(self, statement: Truncate) -> TruncatePlan:
        layout = table_named(self.catalog, statement.table, self.keyspace)
        if layout.table.base is not None:
            raise invalid("Cannot TRUNCATE materialized view directly; must truncate base table instead")
        return TruncatePlan(layout=layout)

    def _values(self, values: BoundValues) -> dict[int, Value]:
        if isinstance(values, Mapping):
            found = {}
            for bound in self._bound:
                name = bound.marker.name if bound.marker.name is not None else bound.column.name
                if name not in values:
                    raise invalid(f"Missing value for bind variable {name}")
                found[bound.marker.offset] = values[name]
            return found
        if len(values) != len(self._bound):
            raise invalid("Invalid amount of bind variables")
        return {bound.marker.offset: value for bound, value in zip(self._bound, values, strict=True)}

    def _find_markers(self) -> Iterator[_Bound]:
        if self._select is not None:
            yield from _markers(self._select.layout, self._select.slots)
        for modification in self._modifications:
            yield from _markers(modification.layout, modification.slots)
        if self._batch is not None and self._modifications:
            yield from _markers(self._modifications[0].layout, self._batch.slots)


def prepare(catalog: Catalog, text: str, keyspace: str | None) -> PreparedStatement:
    """Prepare a statement.

    Args:
        catalog: the schema.
        text: the statement.
        keyspace: the one in use; None: none.

    Raises:
        RequestError: SYNTAX_ERROR, INVALID and others: it is not understood, names what is not there, or makes no
            sense.
    """
    return PreparedStatement(catalog, parse(text), keyspace)


def plan(
    catalog: Catalog,
    text: str,
    keyspace: str | None,
    values: BoundValues,
    moment: Moment,
    *,
    page_rows: int = 0,
    paging_state: bytes | None = None,
) -> Plan:
    """Plan what a statement does.

    Args:
        catalog: the schema.
        text: the statement.
        keyspace: the one in use; None: none.
        values: for its markers.
        moment: the clock and chance of the node.
        page_rows: page size of the client; 0: none.
        paging_state: of the page before; None: of none.

    Raises:
        RequestError: SYNTAX_ERROR, INVALID and others: it is not understood, names what is not there, or makes no
            sense.
    """
    prepared = prepare(catalog, text, keyspace)
    return prepared.bind(values, moment, page_rows=page_rows, paging_state=paging_state)


def plan_batch(
    kind: BatchKind,
    statements: Sequence[tuple[PreparedStatement, BoundValues]],
    moment: Moment,
) -> WritePlan | ConditionalPlan:
    """Plan a BATCH request, whose statements are texts or were prepared one by one.

    Args:
        kind: what the batch promises.
        statements: each with its values.
        moment: the clock and chance of the node.

    Raises:
        RequestError: INVALID: one of them is no write, or they cannot be run together.
    """
    modifications, evaluations = [], []
    for prepared, values in statements:
        modification = prepared.modification
        if modification is None:
            raise invalid(
                "Invalid statement in batch: only UPDATE, INSERT and DELETE statements are allowed."
            )
        modifications.append(modification)
        evaluations.append(prepared.evaluation(values, moment))
    return PreparedBatch(kind, modifications).bind(evaluations)


def _evaluation(bound: Mapping[int, Value], moment: Moment, layout: TableLayout) -> Evaluation:
    return Evaluation(
        bound, moment, tuple(layout.types[column.name] for column in layout.table.partition_key)
    )


def _markers(layout: TableLayout, slots: Sequence[Slot]) -> Iterator[_Bound]:
    table = layout.table
    partition_key = [layout.types[column.name] for column in table.partition_key]
    for slot in slots:
        for marker, cql_type, name in markers_in(slot, partition_key):
            column = ResultColumn(
                keyspace=table.keyspace, table=table.name, name=marker.name or name, type=cql_type
            )
            yield _Bound(marker, column)
