"""The page of a comparison: each statement of two runs in two lanes, and every field in which they differ."""

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from harness.errors import ReportError
from harness.golden.compare import Difference
from harness.golden.comparison import Comparison
from harness.golden.comparison_text import summary_of
from harness.golden.lanes import LaneRow, lanes_of
from harness.report.atomic_file import write_whole
from harness.report.html_page import environment, resource


class _Shown(NamedTuple):
    text: str
    level: str
    rows: tuple[LaneRow, ...]
    differences: tuple[Difference, ...]


def render_comparison(comparison: Comparison, first: str, second: str) -> str:
    """Make the page; it runs no script and needs no network.

    Args:
        comparison: what was found.
        first: what the first run is called.
        second: what the other one is called.
    """
    others = [
        (title, found)
        for title, found in (
            (f"{len(comparison.contended)} transactions that race", comparison.contended_differences),
            ("The forms of all messages", comparison.vocabulary_differences),
        )
        if found
    ]
    return (
        environment()
        .get_template("conformance.html.j2")
        .render(
            first=first,
            second=second,
            summary=summary_of(comparison),
            differences=comparison.differences,
            style=Markup(resource("page.css")),  # noqa: S704  (the package's own file)
            statements=[
                _Shown(
                    " ".join(each.first.statement.text.split()),
                    each.first.statement.consistency_level,
                    lanes_of(each.first.flow, each.second.flow),
                    each.differences,
                )
                for each in comparison.statements
            ],
            others=others,
            unpaired=[
                (name, [" ".join(each.statement.text.split()) for each in only])
                for name, only in (("A", comparison.only_first), ("B", comparison.only_second))
            ],
        )
    )


def write_comparison(path: Path, comparison: Comparison, first: str, second: str) -> None:
    """Write the page to a file; what was there before is replaced.

    Raises:
        ReportError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [render_comparison(comparison, first, second).encode()])
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}") from error
