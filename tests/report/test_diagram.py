from harness.report.diagram import (
    ArrowRow,
    BackgroundRow,
    FoldRow,
    HeadingRow,
    LeftOutRow,
    diagram_rows,
)
from tests.report.traces import flow_of_messages, pings, statement

FLOW = flow_of_messages([*pings(0, 3), *statement(3), *pings(9, 1, at_s=1.5)])


def test_noise_is_counted_and_background_is_set_apart() -> None:
    rows = diagram_rows(FLOW, messages_max=100)
    assert [type(row) for row in rows] == [
        FoldRow,
        HeadingRow,
        *[ArrowRow] * 5,
        BackgroundRow,
        ArrowRow,
        FoldRow,
    ]
    assert rows[0] == FoldRow("3 gossip messages")
    assert rows[-1] == FoldRow("1 gossip message")


def test_everything_is_shown_when_nothing_is_folded() -> None:
    rows = diagram_rows(FLOW, messages_max=100, is_folded=False)
    assert sum(isinstance(row, ArrowRow) for row in rows) == 10
    assert not any(isinstance(row, FoldRow) for row in rows)


def test_what_is_beyond_the_limit_is_counted() -> None:
    rows = diagram_rows(FLOW, messages_max=2)
    assert sum(isinstance(row, ArrowRow) for row in rows) == 2
    assert rows[-1] == LeftOutRow("4 more messages are left out of this picture")
