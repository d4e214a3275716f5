"""Places of rows, and edges between them."""

from harness.backends.simulation.clustering_order import ClusteringOrder
from harness.codec.cql.types import ScalarType
from harness.codec.verbs.common import BoundKind, ClusteringBound, ClusteringRange, Key
from tests.backends.simulation.tables import i32

ORDER = ClusteringOrder([(ScalarType.INT, False), (ScalarType.TEXT, True)])
ROWS = [(i32(1), b"b"), (i32(1), b"a"), (i32(2), b"z"), (i32(10), b"")]
"""In their order: by number, then text the other way round."""


def test_rows_sort_by_columns_each_in_its_direction() -> None:
    shuffled = [ROWS[index] for index in (2, 0, 3, 1)]
    assert sorted(shuffled, key=ORDER.position) == ROWS


def test_edges_of_a_prefix_enclose_exactly_its_rows() -> None:
    start, end = ORDER.before((i32(1),)), ORDER.after((i32(1),))
    inside = [row for row in ROWS if start.position < ORDER.position(row) < end.position]
    assert inside == ROWS[:2]


def test_whole_interval_holds_every_row() -> None:
    start, end = ORDER.whole
    assert all(start.position < ORDER.position(row) < end.position for row in ROWS)


def test_bound_kinds_of_the_wire_come_back() -> None:
    for kind in (BoundKind.INCLUSIVE_START, BoundKind.EXCLUSIVE_START):
        assert ORDER.bound((i32(1),), kind).start_kind is kind
    for kind in (BoundKind.INCLUSIVE_END, BoundKind.EXCLUSIVE_END):
        assert ORDER.bound((i32(1),), kind).end_kind is kind


def test_singular_range_is_one_row_or_the_rows_of_a_prefix() -> None:
    bound = ClusteringBound(value=Key(components=(i32(2),)), inclusive=True)
    interval = ORDER.interval(ClusteringRange(start=bound, end=None, singular=True))
    assert [row for row in ROWS if interval.start.position < ORDER.position(row) < interval.end.position] == [
        ROWS[2]
    ]


def test_open_range_behind_a_row_leaves_it_out() -> None:
    bound = ClusteringBound(value=Key(components=ROWS[0]), inclusive=False)
    interval = ORDER.interval(ClusteringRange(start=bound, end=None, singular=False))
    assert [row for row in ROWS if interval.start.position < ORDER.position(row)] == ROWS[1:]


def test_table_without_clustering_columns_has_one_place() -> None:
    order = ClusteringOrder([])
    assert order.whole.start.position < order.position(()) < order.whole.end.position
