"""A statement of two runs side by side."""

from harness.golden.comparison import compare_traces
from harness.golden.lanes import LaneRow, lanes_of
from tests.golden.made_flows import written


def test_equal_lines_stand_beside_each_other() -> None:
    (statement,) = compare_traces(written(copies=2), written(copies=1)).statements
    rows = lanes_of(statement.first.flow, statement.second.flow)
    assert rows[0] == LaneRow("client → coordinator  statement", "client → coordinator  statement")
    assert [row.second for row in rows if not row.is_equal].count("") >= 1
