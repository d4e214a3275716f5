"""A harness that shows, and asserts, what ScyllaDB nodes say to each other on the wire.

The folders of this package are the stages of a pipeline, in the order of the flow: backends (clusters), codec (bytes
to values and back), dissect (a capture to a trace), events (the trace and its questions), expect (claims and
verdicts), report (what people look at).

A scenario needs nothing but what stands in ``__all__`` here, and ``harness.expect``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.backends.contract import Cluster, Node, Session
    from harness.backends.placed_table import PlacedTable
    from harness.backends.statements import cql, race
    from harness.events.message import Message
    from harness.recording import Recording, Wire

__version__ = "0.1.0"

__all__ = ["Cluster", "Message", "Node", "PlacedTable", "Recording", "Session", "Wire", "cql", "race"]

_HOMES = {
    "Cluster": "harness.backends.contract",
    "Message": "harness.events.message",
    "Node": "harness.backends.contract",
    "PlacedTable": "harness.backends.placed_table",
    "Recording": "harness.recording",
    "Session": "harness.backends.contract",
    "Wire": "harness.recording",
    "cql": "harness.backends.statements",
    "race": "harness.backends.statements",
}


def __getattr__(name: str) -> object:
    """Import what a scenario uses when it uses it: the command line does without the driver."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
