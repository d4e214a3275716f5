"""What roles note of requests that are traced, without knowing who keeps it.

A trace is named by what is told to replicas: a role of the coordinator notes in the trace it was given, a replica
joins the trace that a message names, notes in its own part of it, and leaves it.

Source:
    Scylla (branch 4.2), tracing/trace_state.hh, tracing/tracing.hh (span ids).
"""

from collections.abc import Iterable
from typing import Protocol

from harness.codec.verbs.common import TraceInfo
from harness.topology import Node


class Traces(Protocol):
    """The parts of this node in traces."""

    def note(self, trace: TraceInfo | None, activity: str) -> None:
        """Something is done now; nothing happens if nobody traces it, or the trace has ended."""

    def join(self, told: object) -> TraceInfo | None:
        """Begin a part of a trace.

        Args:
            told: what a message says of a trace, if it says anything.

        Returns:
            What names this part; None: nothing is to be traced.
        """

    def leave(self, trace: TraceInfo | None) -> None:
        """The part of this node is done, and is written."""


class NoTraces:
    """Traces nothing."""

    def note(self, trace: TraceInfo | None, activity: str) -> None:
        """Drop it."""

    def join(self, told: object) -> TraceInfo | None:  # noqa: ARG002  (the contract of Traces)
        """Nobody asks for it."""
        return None

    def leave(self, trace: TraceInfo | None) -> None:
        """There is none."""


def names_of(nodes: Iterable[Node]) -> str:
    """How events name several nodes: ``{172.31.8.12, 172.31.8.11}``."""
    return "{" + ", ".join(node.address for node in nodes) + "}"
