"""A flow as a Mermaid sequence diagram, for pages and issues that draw such text.

Source:
    Mermaid documentation, "Sequence diagrams": messages, notes, "Entity codes to escape characters".
"""

import re
from typing import assert_never

from harness.report.diagram import (
    ArrowRow,
    BackgroundRow,
    FoldRow,
    HeadingRow,
    LeftOutRow,
    Row,
    diagram_rows,
)
from harness.report.flow import Arrow, Flow

MESSAGES_MAX = 300
"""More than that, and what draws Mermaid refuses the text as too long."""
TEXT_CHARACTERS_MAX = 70

_SPECIAL = re.compile(r"[#;<>&%{}\"`\\]")


def mermaid_of(flow: Flow, *, messages_max: int = MESSAGES_MAX, is_folded: bool = True) -> str:
    """Write a flow as a sequence diagram; the last note says what is left out.

    Args:
        flow: the whole flow.
        messages_max: how many messages are shown.
        is_folded: whether gossip, pings, heartbeats and the driver's own messages are counted only.
    """
    lines = ["sequenceDiagram"]
    lines += [f"    participant p{index} as {_escaped(lane.name)}" for index, lane in enumerate(flow.lanes)]
    over = "p0" if len(flow.lanes) < 2 else f"p0,p{len(flow.lanes) - 1}"
    lines += [
        f"    {_line(row, over)}"
        for row in diagram_rows(flow, messages_max=messages_max, is_folded=is_folded)
        if flow.lanes
    ]
    return "\n".join(lines) + "\n"


def _line(row: Row, over: str) -> str:
    match row:
        case HeadingRow(heading=heading, overlapping=overlapping):
            more = f" and {overlapping:,} at the same time" if overlapping else ""
            number = heading.statement.number
            text = f"statement {number}{more}, {heading.consistency} - {_cut(heading.text)}"
            return f"Note over {over}: {_escaped(text)}"
        case ArrowRow(arrow=arrow):
            text = f"{arrow.label} {_cut(arrow.text)}".rstrip()
            return f"p{arrow.sender}{_shape(arrow)}p{arrow.receiver}: {_escaped(text)}"
        case FoldRow(text=text):
            return f"Note over {over}: {_escaped(text)}"
        case BackgroundRow():
            return f"Note over {over}: the client has its answer, what follows is background work"
        case LeftOutRow(text=text):
            return f"Note over {over}: {_escaped(text)}"
        case _:
            assert_never(row)


def _shape(arrow: Arrow) -> str:
    if arrow.answers is None:
        return "-x" if arrow.is_failure else "->>"
    return "--x" if arrow.is_failure else "-->>"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[: TEXT_CHARACTERS_MAX - 1]}…"


def _escaped(text: str) -> str:
    """Write what has a meaning in Mermaid as the codes of its characters."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
