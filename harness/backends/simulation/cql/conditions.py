"""IF: what has to be true of a row before it is written.

Source:
    Scylla (branch 4.2), cql3/statements/modification_statement.cc (applies_to), cas_request.cc (find_old_row).
"""

from dataclasses import dataclass, field

from harness.backends.simulation.cql.evaluation import Evaluation, Slot
from harness.backends.simulation.cql.filters import is_met
from harness.backends.simulation.cql.prior_rows import PriorRows, Values
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.restrictions import Restriction, restriction_of
from harness.backends.simulation.cql.statements import Condition
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.table import ColumnKind


@dataclass(slots=True)
class PreparedCondition:
    """The IF of one statement.

    Args:
        layout: of the table.
        statement: what stands behind IF.
        writes_static_only: whether the statement writes nothing but static columns.

    Raises:
        RequestError: INVALID: it names what is not there, or a column of the key.
    """

    layout: TableLayout
    statement: Condition
    writes_static_only: bool
    comparisons: tuple[Restriction, ...] = field(init=False)

    def __post_init__(self) -> None:
        for relation in self.statement.comparisons:
            column = self.layout.column(relation.columns[0])
            if column is None:
                raise invalid(f"Unknown identifier {relation.columns[0]}")
            if column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}:
                raise invalid(f"PRIMARY KEY column '{column.name}' cannot have IF conditions")
        self.comparisons = tuple(
            restriction_of(self.layout, relation, "IF clause") for relation in self.statement.comparisons
        )

    @property
    def is_of_existence(self) -> bool:
        """Whether it asks for the row as a whole."""
        return not self.comparisons

    @property
    def is_static_only(self) -> bool:
        """Whether the static row of the partition decides."""
        if self.is_of_existence:
            return self.writes_static_only
        return all(one.columns[0].kind is ColumnKind.STATIC for one in self.comparisons)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Everywhere that a value stands."""
        return tuple(slot for comparison in self.comparisons for slot in comparison.slots)

    @property
    def shown(self) -> set[str]:
        """The columns that the client is shown as they were."""
        if self.is_of_existence:
            return set(self.layout.columns)
        return {comparison.columns[0].name for comparison in self.comparisons}

    def old_row(self, prior: PriorRows, key: PartitionKey, row_key: tuple[bytes, ...]) -> Values | None:
        """The row that decides; None: there is none."""
        row = prior.row(key, row_key)
        if row is None and self.is_static_only:
            row = prior.partition(key)
        return row

    def is_met(
        self, prior: PriorRows, key: PartitionKey, row_key: tuple[bytes, ...], evaluation: Evaluation
    ) -> bool:
        """Whether the row may be written.

        Raises:
            RequestError: INVALID: a value in the statement is none of its type.
        """
        row = self.old_row(prior, key, row_key)
        has_static = row is not None and any(row.get(name) is not None for name in self.layout.static_names)
        if self.is_static_only and not has_static:
            # A row whose static columns are all null does not exist for those who ask for nothing else.
            row = None
        if self.statement.if_exists:
            return row is not None
        if self.statement.if_not_exists:
            return row is None
        values = {} if row is None else prior.shown(row)
        return all(is_met(self.layout, comparison, values, evaluation) for comparison in self.comparisons)
