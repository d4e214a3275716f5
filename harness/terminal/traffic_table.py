"""How many messages of each verb went between each two nodes, as a table that is drawn again as they come."""

from rich.table import Table

from harness.events.message import Protocol
from harness.events.statistics import Statistics

PAIRS_MAX = 12
"""Most columns; of more nodes, a verb's messages are counted by sender."""

_ACKNOWLEDGED = frozenset({"MUTATION", "HINT_MUTATION", "PAXOS_LEARN"})


def traffic_table(statistics: Statistics, *, rows_max: int) -> Table:
    """Lay out the counts: a row for each verb, a column for each pair of nodes.

    Args:
        statistics: what was counted.
        rows_max: most verbs; those with the fewest messages are summed up.
    """
    counts: dict[str, dict[str, int]] = {}
    columns: set[str] = set()
    for row, of_row in statistics.rows():
        verb = f"CQL {row.name}" if row.protocol is Protocol.CQL else row.name
        pair = f"{row.sender} → {row.receiver}"
        columns.add(pair)
        of_verb = counts.setdefault(verb, {})
        # What acknowledges a write is a verb of its own, counted there.
        answers = 0 if row.name in _ACKNOWLEDGED else of_row.answers
        of_verb[pair] = of_verb.get(pair, 0) + of_row.messages + answers
    pairs = sorted(columns)
    if len(pairs) > PAIRS_MAX:
        counts, pairs = _by_sender(counts)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("verb", no_wrap=True)
    table.add_column("all", justify="right", no_wrap=True)
    for pair in pairs:
        table.add_column(pair, justify="right", no_wrap=True)
    shown, others = _busiest(counts, rows_max)
    for verb in shown:
        of_verb = counts[verb]
        cells = [str(of_verb[pair]) if pair in of_verb else "" for pair in pairs]
        table.add_row(verb, str(sum(of_verb.values())), *cells)
    if others:
        total = sum(sum(counts[verb].values()) for verb in others)
        table.add_row(f"{len(others)} more", str(total), style="dim")
    return table


def _busiest(counts: dict[str, dict[str, int]], rows_max: int) -> tuple[list[str], list[str]]:
    """Verbs in the order in which they were first counted, without those that there is no room for."""
    if len(counts) <= rows_max:
        return list(counts), []
    by_count = sorted(counts, key=lambda verb: -sum(counts[verb].values()))
    kept = set(by_count[: max(rows_max - 1, 0)])
    return [verb for verb in counts if verb in kept], [verb for verb in counts if verb not in kept]


def _by_sender(counts: dict[str, dict[str, int]]) -> tuple[dict[str, dict[str, int]], list[str]]:
    by_sender: dict[str, dict[str, int]] = {}
    senders: set[str] = set()
    for verb, of_verb in counts.items():
        sums = by_sender.setdefault(verb, {})
        for pair, count in of_verb.items():
            sender = f"{pair.partition(' ')[0]} →"
            senders.add(sender)
            sums[sender] = sums.get(sender, 0) + count
    return by_sender, sorted(senders)
