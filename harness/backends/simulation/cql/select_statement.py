"""SELECT, prepared: its columns, markers and access path are known, its values are not.

Source:
    Scylla (branch 4.2), cql3/statements/select_statement.cc, cql3/restrictions/statement_restrictions.cc (what is
    refused, when an index is used); ScyllaDB docs, CQL reference, "SELECT".
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.evaluation import Evaluation, Slot
from harness.backends.simulation.cql.names import table_named
from harness.backends.simulation.cql.pager import NO_LIMIT
from harness.backends.simulation.cql.read_plan import IndexUse, ReadPlan
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.restrictions import NEEDS_FILTERING, Restriction, Where
from harness.backends.simulation.cql.selection import Selection
from harness.backends.simulation.cql.statements import Operator, Select, Subject
from harness.backends.simulation.cql.terms import Term
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.results import Column as ResultColumn
from harness.codec.cql.types import ScalarType
from harness.partitioner import token_of
from harness.schema_building import INDEX_TOKEN_COLUMN
from harness.table import Column, ColumnKind


class _Index(NamedTuple):
    """An index that a SELECT can use."""

    view: TableLayout
    restriction: Restriction
    """Of the indexed column."""
    is_local: bool


@dataclass(slots=True)
class PreparedSelect:
    """A SELECT on tables that are there.

    Raises:
        RequestError: INVALID: it names what is not there, or asks what cannot be answered.
    """

    catalog: Catalog
    statement: Select
    keyspace: str | None
    layout: TableLayout = field(init=False)
    selection: Selection = field(init=False)
    _where: Where = field(init=False)
    _index: _Index | None = field(init=False, default=None)
    _filters: tuple[Restriction, ...] = field(init=False, default=())
    _is_reversed: bool = field(init=False, default=False)
    _sorts_by: tuple[tuple[str, bool], ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        statement = self.statement
        self.layout = table_named(self.catalog, statement.table, self.keyspace)
        self.selection = Selection(self.layout, statement.selectors)
        self._where = Where(self.layout, statement.where)
        if statement.is_distinct:
            self._check_distinct()
        self._index = self._best_index()
        self._filters = self._left_to_filter()
        if self._filters and not statement.allows_filtering:
            self._where.refuse_gap()
            raise invalid(NEEDS_FILTERING)
        for restriction in self._filters:
            self.selection.also_read([column.name for column in restriction.columns])
        if statement.order_by:
            self._find_order()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Everywhere that a value stands, in no order."""
        found = [slot for restriction in self._where.restrictions for slot in restriction.slots]
        return (*found, *_limit_slots(self.statement))

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """The columns of the result."""
        return self.selection.columns

    def bind(
        self, evaluation: Evaluation, *, page_rows: int = 0, paging_state: bytes | None = None
    ) -> ReadPlan:
        """Plan one run.

        Args:
            evaluation: what its values are.
            page_rows: page size of the client; 0: none.
            paging_state: of the page before; None: of none.

        Raises:
            RequestError: INVALID: a value is none of its type, or makes no sense.
        """
        where, statement = self._where, self.statement
        rows_max = _limit(statement.limit, "LIMIT", evaluation)
        rows_per_partition = _limit(statement.per_partition_limit, "PER PARTITION LIMIT", evaluation)
        keys, ring_range = None, None
        if where.is_partition_known:
            keys = where.partition_keys(evaluation)
        else:
            ring_range = where.ring_range(evaluation)
        return ReadPlan(
            layout=self.layout,
            selection=self.selection,
            evaluation=evaluation,
            keys=keys,
            ranges=() if ring_range is None else (ring_range,),
            row_ranges=where.row_ranges(evaluation),
            filters=self._filters,
            index=None if self._index is None else self._index_use(self._index, keys, evaluation),
            is_reversed=self._is_reversed,
            sorts_by=self._sorts_by if keys is not None and len(keys) > 1 else (),
            is_distinct=statement.is_distinct,
            bypasses_cache=statement.bypasses_cache,
            timeout_ms=statement.timeout_ms,
            # A limit of the rows that an aggregate gives: it gives one.
            rows_max=NO_LIMIT if self.selection.is_aggregate else rows_max,
            rows_per_partition_max=rows_per_partition,
            page_rows=page_rows,
            paging_state=paging_state,
        )

    def _check_distinct(self) -> None:
        for column in self.selection.read:
            if column.kind not in {ColumnKind.PARTITION_KEY, ColumnKind.STATIC}:
                raise invalid(
                    "SELECT DISTINCT queries must only request partition key columns and/or static columns"
                    f" (not {column.name})"
                )
        selected = self.selection.names(ColumnKind.PARTITION_KEY)
        for column in self.layout.table.partition_key:
            if selected and column.name not in selected:
                raise invalid(
                    f"SELECT DISTINCT queries must request all the partition key columns (missing {column.name})"
                )

    # Indexes and filters.

    def _best_index(self) -> _Index | None:
        """Choose an index, if the primary key does not lead to the rows."""
        if not self._where.unused and (self._where.is_partition_known or not self._where.clustering):
            return None
        candidates = []
        for view in self.catalog.views_of(self.layout.table):
            if not view.table.is_index:
                continue
            is_local = view.table.clustering_key[0].name != INDEX_TOKEN_COLUMN
            column = view.table.clustering_key[0] if is_local else view.table.partition_key[0]
            restriction = self._where.equal_to(column.name)
            if restriction is None or (is_local and not self._where.is_one_partition):
                continue
            candidates.append(_Index(view, restriction, is_local))
        # A local index asks the nodes of one partition only.
        candidates.sort(key=lambda index: not index.is_local)
        return candidates[0] if candidates else None

    def _left_to_filter(self) -> tuple[Restriction, ...]:
        where, index = self._where, self._index
        left = [*where.unused]
        if not where.is_partition_known:
            # Ranges of rows that are read of every partition are no less of a filter.
            left += where.clustering
        if index is not None:
            left = [restriction for restriction in left if restriction is not index.restriction]
            if where.is_one_partition and any(one.operator is not Operator.EQUAL for one in where.clustering):
                left += where.clustering
        return tuple(dict.fromkeys(left))

    def _index_use(
        self, index: _Index, keys: tuple[PartitionKey, ...] | None, evaluation: Evaluation
    ) -> IndexUse:
        (value,) = index.restriction.keys(evaluation)
        known = self._known_row_prefix(evaluation) if self._where.is_one_partition else ()
        indexed = index.restriction.columns[0]
        gives_partitions = not self.layout.key_size or indexed.kind in {
            ColumnKind.PARTITION_KEY,
            ColumnKind.STATIC,
        }
        if index.is_local:
            assert keys is not None
            return IndexUse(index.view, keys[0], (value, *known), gives_partitions)
        prefix: tuple[bytes, ...] = ()
        if self._where.is_one_partition and keys:
            token = token_of(keys[0]).to_bytes(8, "big", signed=True)
            parts = zip(self.layout.table.partition_key, keys[0], strict=True)
            prefix = (token, *[part for column, part in parts if column.name != indexed.name], *known)
        return IndexUse(index.view, (value,), prefix, gives_partitions)

    def _known_row_prefix(self, evaluation: Evaluation) -> tuple[bytes, ...]:
        """The clustering columns that are equal to something, from the first one on."""
        if any(
            one.operator is not Operator.EQUAL or one.relation.subject is not Subject.COLUMN
            for one in self._where.clustering
        ):
            return ()
        return tuple(one.keys(evaluation)[0] for one in self._where.clustering)

    # The order of rows.

    def _find_order(self) -> None:
        if self._index is not None:
            raise invalid("ORDER BY with 2ndary indexes is not supported.")
        if not self._where.is_partition_known:
            raise invalid(
                "ORDER BY is only supported when the partition key is restricted by an EQ or an IN."
            )
        orderings = self.statement.order_by
        clustering = self.layout.table.clustering_key
        directions = set()
        for index, ordering in enumerate(orderings):
            column = self._clustering_column(ordering.column)
            if index >= len(clustering) or column is not clustering[index]:
                raise invalid(
                    "Order by currently only support the ordering of columns following their declared order in the"
                    " PRIMARY KEY"
                )
            directions.add(ordering.is_descending != column.is_reversed)
        if len(directions) > 1:
            raise invalid("Unsupported order by relation")
        (self._is_reversed,) = directions
        self._sorts_by = tuple((ordering.column, ordering.is_descending) for ordering in orderings)
        if not self._where.is_one_partition:
            self.selection.also_read([ordering.column for ordering in orderings])

    def _clustering_column(self, name: str) -> Column:
        column = self.layout.column(name)
        if column is None:
            raise invalid(f"Order by on unknown column {name}")
        if column.kind is not ColumnKind.CLUSTERING:
            raise invalid(
                f"Order by is currently only supported on the clustered columns of the PRIMARY KEY, got {name}"
            )
        return column


def _limit_slots(statement: Select) -> list[Slot]:
    found = []
    for term, name in (
        (statement.limit, "[limit]"),
        (statement.per_partition_limit, "[per_partition_limit]"),
    ):
        if term is not None:
            found.append(Slot(term, ScalarType.INT, name))
    return found


def _limit(term: Term | None, what: str, evaluation: Evaluation) -> int:
    if term is None:
        return NO_LIMIT
    value = evaluation.value(term, ScalarType.INT, f"[{what.lower()}]")
    if value is None:
        raise invalid(f"Invalid null value of {what.lower()}")
    if not isinstance(value, bytes):
        return NO_LIMIT
    limit = int.from_bytes(value, "big", signed=True)
    if limit <= 0:
        raise invalid(f"{what} must be strictly positive")
    return limit
