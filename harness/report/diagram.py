"""A flow cut down to what a picture on paper can hold: rows of arrows, headings and folded noise."""

from collections import Counter
from typing import NamedTuple

from harness.events.folding import Noise
from harness.report.flow import Arrow, Flow, Heading


class HeadingRow(NamedTuple):
    """A statement begins."""

    heading: Heading
    overlapping: int
    """How many more statements begin before its section ends."""


class ArrowRow(NamedTuple):
    """A message."""

    arrow: Arrow


class FoldRow(NamedTuple):
    """Noise, counted."""

    text: str


class BackgroundRow(NamedTuple):
    """No client of the section waits any more; what follows is background work."""


class LeftOutRow(NamedTuple):
    """The picture ends before the flow does."""

    text: str


Row = HeadingRow | ArrowRow | FoldRow | BackgroundRow | LeftOutRow


def diagram_rows(flow: Flow, *, messages_max: int, is_folded: bool = True) -> tuple[Row, ...]:
    """Give the rows of a picture.

    Args:
        flow: the whole flow.
        messages_max: how many messages are shown; if there are more, the last row says how many.
        is_folded: whether gossip, pings, heartbeats and the driver's own messages are counted only.
    """
    rows: list[Row] = []
    run: Counter[Noise] = Counter()
    sections = {section.first: section for section in flow.sections}
    section = None
    in_background = False
    shown = 0
    proper = sum(1 for arrow in flow.arrows if arrow.noise is None or not is_folded)
    for index, arrow in enumerate(flow.arrows):
        if index in sections:
            _end_run(rows, run)
            section, in_background = sections[index], False
            rows.append(HeadingRow(flow.headings[section.headings[0]], len(section.headings) - 1))
        if is_folded and arrow.noise is not None:
            run[arrow.noise] += 1
            continue
        _end_run(rows, run)
        if shown == messages_max:
            rows.append(LeftOutRow(f"{proper - shown:,} more messages are left out of this picture"))
            return tuple(rows)
        answered_at = None if section is None else section.answered_at
        if arrow.is_background and not in_background and answered_at is not None and index > answered_at:
            in_background = True
            rows.append(BackgroundRow())
        rows.append(ArrowRow(arrow))
        shown += 1
    _end_run(rows, run)
    return tuple(rows)


def _end_run(rows: list[Row], run: Counter[Noise]) -> None:
    if run:
        parts = [f"{count:,} {noise.value[count > 1]}" for noise, count in run.most_common()]
        rows.append(FoldRow(", ".join(parts)))
        run.clear()
