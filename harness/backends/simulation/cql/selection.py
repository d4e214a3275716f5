"""What SELECT selects: the columns that have to be read, and the columns of the result that are made of them.

Source:
    Scylla (branch 4.2), cql3/selection/ (names of result columns, which columns are read); ScyllaDB docs, CQL
    reference, "SELECT", "Functions".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeGuard

from harness.backends.simulation.composite_values import tuple_parts
from harness.backends.simulation.cql.aggregates import AGGREGATES, Aggregate, aggregate_of
from harness.backends.simulation.cql.evaluation import is_assignable
from harness.backends.simulation.cql.functions import functions_named
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.result_rows import ReadRow
from harness.backends.simulation.cql.statements import (
    Aliased,
    ColumnSelector,
    FieldSelector,
    FunctionSelector,
    Selector,
)
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.types import CqlType, ScalarType, UserType
from harness.codec.verbs.read_command import SliceOption
from harness.table import Column, ColumnKind

Row = tuple[bytes | None, ...]
_Compute = Callable[[ReadRow, Moment], bytes | None]


class _Output(NamedTuple):
    """One column of the result."""

    name: str
    type: CqlType
    compute: _Compute
    """Of aggregates: of their argument."""
    aggregate: Aggregate | None = None


@dataclass(slots=True)
class Selection:
    """A prepared selection.

    Args:
        layout: of the table.
        selectors: those of the statement; none for all columns.

    Raises:
        RequestError: INVALID: there is no such column or function.
    """

    layout: TableLayout
    selectors: Sequence[Aliased]
    read: list[Column] = field(init=False, default_factory=list)
    """The columns that are read, in this order."""
    options: SliceOption = field(init=False, default=SliceOption(0))
    """What has to come with the cells."""
    _outputs: list[_Output] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if not self.selectors:
            for column in self.layout.select_order:
                self._outputs.append(self._column(column.name))
        for aliased in self.selectors:
            output = self._output(aliased.selector)
            self._outputs.append(output if aliased.alias is None else output._replace(name=aliased.alias))

    @property
    def is_aggregate(self) -> bool:
        """Whether all rows make one."""
        return any(output.aggregate is not None for output in self._outputs)

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """The columns of the result."""
        table = self.layout.table
        return tuple(
            ResultColumn(keyspace=table.keyspace, table=table.name, name=output.name, type=output.type)
            for output in self._outputs
        )

    def also_read(self, names: Sequence[str]) -> None:
        """Read columns that conditions or the order of the rows need, besides."""
        for name in names:
            self._reads(self.layout.columns[name])

    def names(self, *kinds: ColumnKind) -> list[str]:
        """The columns of some kinds that are read."""
        return [column.name for column in self.read if column.kind in kinds]

    def rows(self, read_rows: Sequence[ReadRow], moment: Moment) -> tuple[Row, ...]:
        """Make the rows of the result; of aggregates, one."""
        if self.is_aggregate:
            return (self._aggregated(read_rows, moment),)
        return tuple(tuple([output.compute(row, moment) for output in self._outputs]) for row in read_rows)

    def _aggregated(self, read_rows: Sequence[ReadRow], moment: Moment) -> Row:
        made: list[bytes | None] = []
        for output in self._outputs:
            if output.aggregate is None:
                # A column beside an aggregate shows its value in the first row.
                made.append(output.compute(read_rows[0], moment) if read_rows else None)
                continue
            values = [output.compute(row, moment) for row in read_rows]
            made.append(output.aggregate.compute([value for value in values if value is not None]))
        return tuple(made)

    # Selectors.

    def _reads(self, column: Column) -> None:
        if column not in self.read:
            self.read.append(column)

    def _look_up(self, name: str) -> Column:
        column = self.layout.column(name)
        if column is None:
            raise invalid(f"Undefined name {name} in selection clause")
        return column

    def _column(self, name: str) -> _Output:
        column = self._look_up(name)
        self._reads(column)
        return _Output(name, self.layout.types[name], lambda row, _: row.values.get(name))

    def _output(self, selector: Selector) -> _Output:
        match selector:
            case ColumnSelector():
                return self._column(selector.name)
            case FieldSelector():
                return self._field(selector)
            case FunctionSelector(name="writetime" | "ttl"):
                return self._metadata(selector)
            case FunctionSelector() if selector.name in AGGREGATES:
                return self._aggregate(selector)
            case FunctionSelector():
                return self._function(selector)

    def _field(self, selector: FieldSelector) -> _Output:
        whole = self._column(selector.column)
        fields = whole.type.fields if isinstance(whole.type, UserType) else ()
        names = [name for name, _ in fields]
        if selector.field not in names:
            raise invalid(f"{whole.type} of column {selector.column} has no field {selector.field}")
        index = names.index(selector.field)

        def compute(row: ReadRow, moment: Moment) -> bytes | None:
            value = whole.compute(row, moment)
            parts = [] if value is None else tuple_parts(value)
            return parts[index] if index < len(parts) else None

        return _Output(f"{selector.column}.{selector.field}", fields[index][1], compute)

    def _metadata(self, selector: FunctionSelector) -> _Output:
        what = selector.name
        if len(selector.arguments) != 1 or not isinstance(selector.arguments[0], ColumnSelector):
            raise invalid(f"{what} takes one column")
        column = self._look_up(selector.arguments[0].name)
        name = column.name
        if column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}:
            raise invalid(f"Cannot use selection function {what} on PRIMARY KEY part {name}")
        if self.layout.is_multi_cell(name):
            raise invalid(f"Cannot use selection function {what} on collections")
        self._reads(column)
        if what == "writetime":
            self.options |= SliceOption.SEND_TIMESTAMP
            return _Output(f"writetime({name})", ScalarType.BIGINT, lambda row, _: _write_time(row, name))
        self.options |= SliceOption.SEND_EXPIRY
        return _Output(f"ttl({name})", ScalarType.INT, lambda row, moment: _time_left(row, name, moment))

    def _aggregate(self, selector: FunctionSelector) -> _Output:
        name = selector.name
        of_rows = selector.is_of_all or not selector.arguments or not _is_selector(selector.arguments[0])
        if name in {"count", "countrows"} and of_rows:
            return _Output("count", ScalarType.BIGINT, lambda _row, _moment: b"", aggregate_of("count", None))
        if selector.is_of_all or len(selector.arguments) != 1:
            raise invalid(f"Invalid call to function {name}: it takes one column")
        argument = selector.arguments[0]
        assert _is_selector(argument)
        inner = self._output(argument)
        if inner.aggregate is not None:
            raise invalid("aggregate functions cannot be used as arguments of aggregate functions")
        aggregate = aggregate_of(name, inner.type)
        return _Output(f"system.{name}({inner.name})", aggregate.result, inner.compute, aggregate)

    def _function(self, selector: FunctionSelector) -> _Output:
        name = selector.name
        partition_key = [self.layout.types[column.name] for column in self.layout.table.partition_key]
        if selector.keyspace not in {None, "system"} or not functions_named(name, partition_key):
            raise invalid(f"Unknown function '{name}'")
        inner: list[_Output] = []
        for argument in selector.arguments:
            if not _is_selector(argument):
                raise invalid(f"constants as arguments of {name} are not simulated: {argument}")
            inner.append(self._output(argument))
        if any(output.aggregate is not None for output in inner):
            raise invalid(f"aggregate functions as arguments of {name} are not simulated")
        for function in functions_named(name, partition_key):
            if len(function.arguments) == len(inner) and all(
                is_assignable(output.type, wanted)
                for output, wanted in zip(inner, function.arguments, strict=True)
            ):
                break
        else:
            types = ", ".join(str(output.type) for output in inner)
            raise invalid(f"Invalid call to function {name}, none of its type signatures match ({types})")

        def compute(row: ReadRow, moment: Moment) -> bytes | None:
            return function.compute([output.compute(row, moment) for output in inner], moment)

        arguments = ", ".join(output.name for output in inner)
        return _Output(f"system.{name}({arguments})", function.result, compute)


def _is_selector(argument: object) -> TypeGuard[Selector]:
    return isinstance(argument, Selector)


def _write_time(row: ReadRow, name: str) -> bytes | None:
    cell = row.cells.get(name)
    if cell is None or cell.timestamp is None:
        return None
    return cell.timestamp.to_bytes(8, "big", signed=True)


def _time_left(row: ReadRow, name: str, moment: Moment) -> bytes | None:
    cell = row.cells.get(name)
    if cell is None or cell.expiry is None or cell.expiry <= moment.now_s:
        return None
    return (cell.expiry - moment.now_s).to_bytes(4, "big", signed=True)
