"""The lines of real captures without their columns, for tests of words."""

from functools import cache
from pathlib import Path

from harness.dissect.reading import read_trace
from harness.events.trace_text import TraceText


@cache
def real_lines(folder: Path, name: str) -> frozenset[str]:
    """What the messages of a capture say."""
    trace = read_trace(folder / f"{name}.pcapng")
    text = TraceText(trace.surroundings)
    said = set()
    for message in trace:
        text.see(message)
        said.add(text.parts(message).text)
    return frozenset(said)
