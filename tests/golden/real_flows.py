"""Flows of captures of real clusters."""

from functools import cache
from pathlib import Path

from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from harness.golden.flows import StatementFlow, statement_flows

OLD = "scylla-4.2"
NAMES = (
    "base/batch",
    "base/counter",
    "base/index_read",
    "base/lwt_insert_twice",
    "base/write_rf2",
    "base/write_rf3",
)
"""Captures that are parts of one recording, ``base/whole_base``."""


@cache
def real_trace(reference: Path, name: str) -> Trace:
    """The trace of a capture, such as ``base/write_rf3``."""
    return read_trace(reference / OLD / f"{name}.pcapng")


@cache
def real_flows(reference: Path, name: str) -> tuple[StatementFlow, ...]:
    """Its statements."""
    return statement_flows(real_trace(reference, name))
