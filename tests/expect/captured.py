"""Captures of real clusters, each read once."""

from functools import cache
from pathlib import Path

from harness.dissect.reading import read_context, read_trace
from harness.events.trace import Trace


@cache
def captured(reference: Path, name: str, context: str = "") -> Trace:
    """The trace of a capture, such as ``scylla-4.2/views/index_rf2``.

    Args:
        reference: the folder of the captures.
        name: of the capture.
        context: of another capture, whose context describes the cluster.
    """
    known = read_context(reference / f"{context}.json") if context else None
    return read_trace(reference / f"{name}.pcapng", context=known)
