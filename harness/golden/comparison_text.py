"""A comparison of two runs as text: two lanes where they differ, one line where they do not."""

from collections.abc import Iterator, Sequence

from harness.golden.compare import Difference
from harness.golden.comparison import ComparedStatement, Comparison
from harness.golden.flows import StatementFlow
from harness.golden.lanes import lanes_of

_FIELDS_MAX = 12
_TEXT_MAX = 90


def comparison_lines(
    comparison: Comparison, first: str, second: str, *, lane_width: int = 78
) -> Iterator[str]:
    """Write a comparison.

    Args:
        comparison: what was found.
        first: what the first run is called.
        second: what the other one is called.
        lane_width: columns of a lane.
    """
    yield f"A  {first}"
    yield f"B  {second}"
    for statement in comparison.statements:
        yield ""
        yield from _statement_lines(statement, lane_width)
    if comparison.contended:
        count = len(comparison.contended)
        yield ""
        yield f"━━ {count} transactions that race ━━ {_count_text(comparison.contended_differences)} in their forms"
        yield from _difference_lines(comparison.contended_differences)
    if comparison.vocabulary_differences:
        yield ""
        yield f"━━ all messages ━━ {_count_text(comparison.vocabulary_differences)} in their forms"
        yield from _difference_lines(comparison.vocabulary_differences)
    for name, only in (("A", comparison.only_first), ("B", comparison.only_second)):
        if only:
            yield ""
            yield f"only in {name}:"
            yield from (f"  {_title(each)}" for each in only)
    yield ""
    yield summary_of(comparison)


def summary_of(comparison: Comparison) -> str:
    """One line: how many statements were compared, how many differ."""
    if comparison.is_empty and not comparison.vocabulary_differences:
        return "nothing in common to compare"
    differing = sum(bool(statement.differences) for statement in comparison.statements)
    compared = len(comparison.statements) + len(comparison.contended)
    if not comparison.differences:
        return f"equal: {compared} statements compared"
    return f"different: {_count_text(comparison.differences)}; {differing} of {compared} statements differ"


def _statement_lines(statement: ComparedStatement, lane_width: int) -> Iterator[str]:
    differences = statement.differences
    yield f"━━ {_title(statement.first)} ━━ {_count_text(differences) if differences else 'equal'}"
    if not differences:
        return
    for row in lanes_of(statement.first.flow, statement.second.flow):
        mark = "=" if row.is_equal else "≠"
        yield f"  {_fit(row.first, lane_width)} {mark} {_fit(row.second, lane_width)}".rstrip()
    yield from _difference_lines(differences)


def _difference_lines(differences: Sequence[Difference]) -> Iterator[str]:
    for difference in differences[:_FIELDS_MAX]:
        yield f"    {difference.where}: {difference.what}"
        yield f"        A  {difference.first}"
        yield f"        B  {difference.second}"
    if len(differences) > _FIELDS_MAX:
        yield f"    … {len(differences) - _FIELDS_MAX} more"


def _title(each: StatementFlow) -> str:
    statement = each.statement
    text = " ".join(statement.text.split()) or "of unknown text"
    shown = text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 1]}…"
    return f"{shown} ({statement.consistency_level} through {statement.coordinator})"


def _count_text(differences: Sequence[Difference]) -> str:
    count = len(differences)
    return f"{count} difference{'' if count == 1 else 's'}"


def _fit(text: str, width: int) -> str:
    return f"{text[: width - 1]}…" if len(text) > width else f"{text:<{width}}"
