"""Statistics of verbs as a table, and as a JSON object."""

from io import StringIO

from rich.console import Console
from rich.table import Table

from harness.events.latency import Latencies
from harness.events.message import Protocol
from harness.events.statistics import Counts, Row, Statistics
from harness.events.trace_text import duration_text
from harness.events.wording.words import byte_count

_WIDTH_MAX = 250
"""Of tables that go to files; rich would take 80 and cut the names."""


def statistics_lines(statistics: Statistics, *, with_pairs: bool, width: int) -> list[str]:
    """Lay the rows out as a table.

    Args:
        statistics: what was counted.
        with_pairs: whether every pair of nodes has a row, besides the sum of the verb.
        width: of the lines; 0: as wide as they get.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("verb", "from", "to"):
        table.add_column(name, no_wrap=True)
    for name in ("messages", "bytes", "answers", "failed", "min", "median", "p99", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    pairs: dict[tuple[Protocol, int, str], list[tuple[Row, Counts]]] = {}
    for row, counts in statistics.rows():
        pairs.setdefault(row[:3], []).append((row, counts))
    for row, counts in statistics.verbs():
        label = f"CQL {row.name}" if row.protocol is Protocol.CQL else row.name
        several = pairs[row[:3]]
        if not with_pairs or len(several) > 1:
            table.add_row(label, "", "", *_cells(counts), style="bold" if with_pairs else "")
        if with_pairs:
            for pair, pair_counts in several:
                name = label if len(several) == 1 else ""
                table.add_row(name, pair.sender, pair.receiver, *_cells(pair_counts))
    console = Console(file=StringIO(), width=width or _WIDTH_MAX, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(table)
    seconds = (statistics.last_ns - statistics.first_ns) / 1e9 if statistics.first_ns is not None else 0.0
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return [*lines, "", f"{statistics.messages} messages in {seconds:.3f} s"]


def _cells(counts: Counts) -> tuple[str, ...]:
    latencies = counts.latencies
    times = [""] * 4
    if latencies.count:
        times = [duration_text(duration_ns) for duration_ns in _quantiles(latencies).values()]
    return (
        str(counts.messages),
        byte_count(counts.message_bytes + counts.answer_bytes),
        str(counts.answers) if counts.answers else "",
        str(counts.failures) if counts.failures else "",
        *times,
    )


def _quantiles(latencies: Latencies) -> dict[str, int]:
    return {
        "min_ns": latencies.shortest_ns,
        "median_ns": latencies.quantile_ns(0.5),
        "p99_ns": latencies.quantile_ns(0.99),
        "max_ns": latencies.longest_ns,
    }


def statistics_object(statistics: Statistics) -> dict[str, object]:
    """Give the rows as JSON has them."""
    return {
        "messages": statistics.messages,
        "first_ns": statistics.first_ns,
        "last_ns": statistics.last_ns,
        "rows": [
            {
                "protocol": row.protocol.value,
                "verb": row.name,
                "verb_number": None if row.verb < 0 else row.verb,
                "sender": row.sender,
                "receiver": row.receiver,
                "messages": counts.messages,
                "message_bytes": counts.message_bytes,
                "answers": counts.answers,
                "answer_bytes": counts.answer_bytes,
                "failures": counts.failures,
                "latency": _quantiles(counts.latencies) if counts.latencies.count else None,
            }
            for row, counts in statistics.rows()
        ],
    }
