"""A flow as a picture: SVG that stands for itself, light or dark as its viewer is.

Source:
    W3C, "Scalable Vector Graphics (SVG) 2".
"""

from typing import NamedTuple, assert_never

from harness.report.diagram import ArrowRow, BackgroundRow, FoldRow, HeadingRow, LeftOutRow, diagram_rows
from harness.report.flow import Flow
from harness.report.html_page import environment
from harness.report.hues import HUE_COLOURS, Hue

MESSAGES_MAX = 1000
"""More than that is no picture that anybody looks at."""
TEXT_CHARACTERS_MAX = 110

_LANE_GAP = 132
_LEFT = 110
_HEAD_HEIGHT = 46
_HEIGHTS = {HeadingRow: 40, ArrowRow: 26, FoldRow: 22, BackgroundRow: 22, LeftOutRow: 30}
_CHARACTER_WIDTH = 6.7


class _Mark(NamedTuple):
    """One row of the picture, with all its places worked out."""

    kind: str
    y: int
    text: str
    hue: str = ""
    x1: int = 0
    x2: int = 0
    label: str = ""
    label_x: float = 0
    is_answer: bool = False
    is_failure: bool = False


def svg_of(flow: Flow, *, title: str, messages_max: int = MESSAGES_MAX, is_folded: bool = True) -> str:
    """Draw a flow; the last row says what is left out.

    Args:
        flow: the whole flow.
        title: what the picture shows.
        messages_max: how many messages are drawn.
        is_folded: whether gossip, pings, heartbeats and the driver's own messages are counted only.
    """
    marks = []
    y = _HEAD_HEIGHT
    for row in diagram_rows(flow, messages_max=messages_max, is_folded=is_folded):
        height = _HEIGHTS[type(row)]
        baseline = y + height - 8
        match row:
            case HeadingRow(heading=heading, overlapping=overlapping):
                more = f" and {overlapping:,} at the same time" if overlapping else ""
                text = f"{heading.statement.number}{more} · {heading.consistency} · {_cut(heading.text)}"
                marks.append(_Mark("heading", baseline, text))
            case ArrowRow(arrow=arrow):
                x1, x2 = _lane_x(arrow.sender), _lane_x(arrow.receiver)
                marks.append(
                    _Mark(
                        "arrow",
                        baseline,
                        _cut(arrow.text),
                        arrow.hue.name.lower(),
                        x1,
                        x2 if x1 != x2 else x1 + 22,
                        arrow.label,
                        (x1 + x2) / 2 if x1 != x2 else x1 + 30,
                        arrow.answers is not None,
                        arrow.is_failure,
                    )
                )
            case FoldRow(text=text):
                marks.append(_Mark("fold", baseline, text))
            case BackgroundRow():
                text = "the client has its answer · what follows is background work"
                marks.append(_Mark("fold", baseline, text))
            case LeftOutRow(text=text):
                marks.append(_Mark("left-out", baseline, text))
            case _:
                assert_never(row)
        y += height
    lanes_end = _lane_x(max(0, len(flow.lanes) - 1))
    text_x = lanes_end + 60
    longest = max((len(mark.text) for mark in marks if mark.kind == "arrow"), default=20)
    return (
        environment()
        .get_template("flow.svg.j2")
        .render(
            title=title,
            width=round(text_x + longest * _CHARACTER_WIDTH + 24),
            height=y + 16,
            lanes=[(_lane_x(index), lane) for index, lane in enumerate(flow.lanes)],
            marks=marks,
            text_x=text_x,
            left=24,
            hues=[(hue.name.lower(), *HUE_COLOURS[hue]) for hue in Hue],
        )
    )


def _lane_x(lane: int) -> int:
    return _LEFT + lane * _LANE_GAP


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[: TEXT_CHARACTERS_MAX - 1]}…"
