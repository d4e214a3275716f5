"""INSERT, UPDATE and DELETE, prepared: rows, columns and markers are known, values are not.

Source:
    Scylla (branch 4.2), cql3/statements/modification_statement.cc, update_statement.cc, delete_statement.cc (what is
    refused); cql3/attributes.cc.
"""

from dataclasses import dataclass, field

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.assignments import Operation, operation_of
from harness.backends.simulation.cql.conditions import PreparedCondition
from harness.backends.simulation.cql.evaluation import Evaluation, Slot
from harness.backends.simulation.cql.names import table_named
from harness.backends.simulation.cql.request_error import invalid, syntax_error
from harness.backends.simulation.cql.restrictions import Where
from harness.backends.simulation.cql.statements import (
    Assignment,
    Change,
    Delete,
    Insert,
    Modification,
    Operator,
    Relation,
    Update,
)
from harness.backends.simulation.cql.write_plan import RowWrite
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.notation import Unset
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import ClusteringRange

TTL_S_MAX = 20 * 365 * 24 * 60 * 60
"""Twenty years."""


@dataclass(slots=True)
class PreparedModification:
    """A write to a table that is there.

    Raises:
        RequestError: INVALID: it names what is not there, or writes what cannot be written; SYNTAX_ERROR: it sets a
            column as a whole and once more.
    """

    catalog: Catalog
    statement: Modification
    keyspace: str | None
    layout: TableLayout = field(init=False)
    where: Where = field(init=False)
    operations: tuple[Operation, ...] = field(init=False)
    condition: PreparedCondition | None = field(init=False, default=None)
    _using: tuple[Slot | None, Slot | None] = field(init=False)

    def __post_init__(self) -> None:
        statement = self.statement
        self.layout = table_named(self.catalog, statement.table, self.keyspace)
        table = self.layout.table
        if table.base is not None:
            raise invalid("Cannot directly modify a materialized view")
        if self.layout.is_counter and isinstance(statement, Insert):
            raise invalid("INSERT statement are not allowed on counter tables, use UPDATE instead")
        relations, assignments = _parts_of(self.layout, statement)
        self.operations = tuple(operation_of(self.layout, assignment) for assignment in assignments)
        self.where = Where(self.layout, relations)
        self._check_key()
        if self.layout.is_counter:
            self._check_counter()
        if statement.condition is not None:
            self._check_conditional()
            self.condition = PreparedCondition(self.layout, statement.condition, self._is_static_only)
        using = statement.using
        self._using = (
            None if using.ttl is None else Slot(using.ttl, ScalarType.INT, "[ttl]"),
            None if using.timestamp is None else Slot(using.timestamp, ScalarType.BIGINT, "[timestamp]"),
        )

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Everywhere that a value stands, in no order."""
        found = [slot for restriction in self.where.restrictions for slot in restriction.slots]
        found += [slot for operation in self.operations for slot in operation.slots]
        found += [slot for slot in self._using if slot is not None]
        return (*found, *(() if self.condition is None else self.condition.slots))

    @property
    def has_timestamp(self) -> bool:
        """Whether the statement says at which time it counts as written."""
        return self._using[1] is not None

    def bind(self, evaluation: Evaluation, default_timestamp: int | None = None) -> RowWrite:
        """Plan one run.

        Args:
            evaluation: what its values are.
            default_timestamp: of the batch that it stands in, in microseconds; None: of none.

        Raises:
            RequestError: INVALID: a value is none of its type, or makes no sense.
        """
        ttl, timestamp = self._using
        return RowWrite(
            layout=self.layout,
            keys=self.where.partition_keys(evaluation),
            row_ranges=self._row_ranges(evaluation),
            operations=self.operations,
            is_insert=isinstance(self.statement, Insert),
            evaluation=evaluation,
            ttl_s=_ttl_s(ttl, evaluation, self.layout.default_ttl_s),
            timestamp_us=default_timestamp if timestamp is None else timestamp_of(timestamp, evaluation),
            condition=self.condition,
        )

    @property
    def _deletes_rows(self) -> bool:
        return isinstance(self.statement, Delete) and not self.operations

    @property
    def _is_static_only(self) -> bool:
        """Whether it writes nothing but static columns; the marker of an inserted row is not static."""
        if self._deletes_rows or (isinstance(self.statement, Insert) and self.where.clustering):
            return False
        return bool(self.operations) and all(operation.is_static for operation in self.operations)

    def _row_ranges(self, evaluation: Evaluation) -> tuple[ClusteringRange, ...]:
        if self._is_static_only and not self.where.clustering:
            return ()
        return self.where.row_ranges(evaluation)

    def _check_key(self) -> None:
        where, table = self.where, self.layout.table
        if where.tokens:
            raise invalid(
                "The token function cannot be used in WHERE clauses for UPDATE and DELETE statements"
            )
        if not where.is_partition_known:
            missing = [
                column.name
                for column in table.partition_key
                if not any(column in restriction.columns for restriction in where.restrictions)
            ]
            if not missing:
                raise invalid("Only EQ and IN relation are supported on the partition key")
            raise invalid(self._missing("partition key parts", missing))
        where.refuse_gap()
        if where.unused:
            names = sorted({column.name for one in where.unused for column in one.columns})
            raise invalid(f"Non PRIMARY KEY columns found in where clause: {', '.join(names)}")
        if self._deletes_rows:
            return
        if self._is_static_only:
            if where.clustering and self.statement.condition is None:
                raise invalid(
                    "Invalid restrictions on clustering columns since the"
                    f" {type(self.statement).__name__.upper()} statement modifies only static columns"
                )
            return
        points = [one for one in where.clustering if one.operator in {Operator.EQUAL, Operator.IN}]
        if len(points) != len(where.clustering):
            kind = type(self.statement).__name__.upper()
            if isinstance(self.statement, Delete):
                raise invalid("Range deletions are not supported for specific columns")
            raise invalid(
                f"Slice restrictions are not supported on the clustering columns in {kind} statements"
            )
        given = [column.name for one in points for column in one.columns]
        missing = [column.name for column in table.clustering_key if column.name not in given]
        if missing:
            raise invalid(self._missing("clustering keys", missing))

    def _missing(self, what: str, names: list[str]) -> str:
        if isinstance(self.statement, Insert):
            return f"Missing mandatory PRIMARY KEY part {names[0]}"
        return f"Some {what} are missing: {', '.join(names)}"

    def _check_counter(self) -> None:
        statement = self.statement
        if statement.condition is not None:
            raise invalid("Conditional updates are not supported on counter tables")
        if statement.using.timestamp is not None:
            raise invalid("Cannot provide custom timestamp for counter updates")
        if statement.using.ttl is not None:
            raise invalid("Cannot provide custom TTL for counter updates")

    def _check_conditional(self) -> None:
        if self.statement.using.timestamp is not None:
            raise invalid("Cannot provide custom timestamp for conditional updates")
        if not self.where.is_one_partition:
            raise invalid("IN on the partition key is not supported with conditional updates")
        if any(one.operator is Operator.IN for one in self.where.clustering):
            raise invalid("IN on the clustering key columns is not supported with conditional updates")
        given = {column.name for one in self.where.clustering for column in one.columns}
        is_one_row = len(given) == self.layout.key_size and all(
            one.operator is Operator.EQUAL for one in self.where.clustering
        )
        if self._deletes_rows and not is_one_row:
            raise invalid(
                "DELETE statements must restrict all PRIMARY KEY columns with equality relations in order to use IF"
                " conditions"
            )


def _parts_of(
    layout: TableLayout, statement: Modification
) -> tuple[tuple[Relation, ...], tuple[Assignment, ...]]:
    """Give which rows a statement is about, and what it does to their columns."""
    match statement:
        case Insert():
            return _parts_of_insert(layout, statement)
        case Update():
            _refuse_twice(statement.assignments)
            return statement.where, statement.assignments
        case Delete():
            if statement.using.ttl is not None:
                raise invalid("Invalid identifier TTL for DELETE: a deletion has none")
            return statement.where, statement.deletions


def _parts_of_insert(
    layout: TableLayout, statement: Insert
) -> tuple[tuple[Relation, ...], tuple[Assignment, ...]]:
    table = layout.table
    key = {column.name for column in (*table.partition_key, *table.clustering_key)}
    relations, assignments = [], []
    seen: set[str] = set()
    for name, value in zip(statement.columns, statement.values, strict=True):
        if layout.column(name) is None:
            raise invalid(f"Unknown identifier {name}")
        if name in seen:
            raise invalid(f"The column names contains duplicates: {name}")
        seen.add(name)
        if name in key:
            relations.append(Relation(columns=(name,), operator=Operator.EQUAL, values=(value,)))
        else:
            assignments.append(Assignment(column=name, change=Change.SET, value=value))
    return tuple(relations), tuple(assignments)


def _refuse_twice(assignments: tuple[Assignment, ...]) -> None:
    for index, one in enumerate(assignments):
        for other in assignments[:index]:
            if one.column == other.column and Change.SET in {one.change, other.change}:
                raise syntax_error(f"Multiple incompatible setting of column {one.column}")


def _ttl_s(slot: Slot | None, evaluation: Evaluation, default_s: int) -> int:
    if slot is None:
        return default_s
    value = evaluation.value(*slot)
    if isinstance(value, Unset):
        return default_s
    if value is None:
        return 0
    ttl_s = int.from_bytes(value, "big", signed=True)
    if ttl_s < 0:
        raise invalid(f"A TTL must be greater or equal to 0, but was {ttl_s}")
    if ttl_s > TTL_S_MAX:
        raise invalid(f"ttl is too large. requested ({ttl_s}) maximum ({TTL_S_MAX})")
    return ttl_s


def timestamp_of(slot: Slot, evaluation: Evaluation) -> int | None:
    """The timestamp that USING TIMESTAMP gives, in microseconds; None: it was not set.

    Raises:
        RequestError: INVALID: it is null, or no number.
    """
    value = evaluation.value(*slot)
    if isinstance(value, Unset):
        return None
    if value is None:
        raise invalid("Invalid null value of timestamp")
    timestamp_us = int.from_bytes(value, "big", signed=True)
    if timestamp_us == -(2**63):
        raise invalid("Out of bound timestamp, must be in [-2^63 + 1, 2^63 - 1]")
    return timestamp_us
