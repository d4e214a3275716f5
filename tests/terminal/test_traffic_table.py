from io import StringIO
from pathlib import Path

from rich.console import Console

from harness.events.statistics import Statistics
from harness.events.trace import Trace
from harness.terminal.traffic_table import traffic_table
from tests.written.written_capture import demo_trace


def drawn(trace: Trace, *, rows_max: int = 50) -> list[list[str]]:
    statistics = Statistics()
    for message in trace:
        statistics.add(message)
    console = Console(file=StringIO(), width=300, color_system=None)
    with console.capture() as capture:
        console.print(traffic_table(statistics, rows_max=rows_max))
    return [line.split() for line in capture.get().splitlines()]


def test_verbs_are_counted_by_pair_of_nodes(tmp_path: Path) -> None:
    head, *rows = drawn(demo_trace(tmp_path))
    assert " ".join(head) == "verb all clients → n1 n1 → n2 n1 → n3 n2 → n1 n3 → n1"
    by_verb = {row[0]: row[1:] for row in rows}
    # A request and its reply are two messages of the pair that asked.
    assert by_verb["PAXOS_PREPARE"] == ["8", "4", "4"]
    # An acknowledgement comes on another connection, and counts there.
    assert by_verb["PAXOS_LEARN"] == ["4", "2", "2"]
    assert by_verb["MUTATION_DONE"] == ["4", "2", "2"]
    assert by_verb["PAXOS_PRUNE"] == ["4", "2", "2"]


def test_what_there_is_no_room_for_is_summed_up(tmp_path: Path) -> None:
    trace = demo_trace(tmp_path)
    whole, short = drawn(trace)[1:], drawn(trace, rows_max=3)[1:]
    assert len(short) == 3
    assert short[-1][1] == "more"
    assert int(short[-1][0]) == len(whole) - 2
    totals = [int(row[2] if row[1] == "more" or row[0] == "CQL" else row[1]) for row in short]
    assert sum(totals) == sum(int(row[2] if row[0] == "CQL" else row[1]) for row in whole)
