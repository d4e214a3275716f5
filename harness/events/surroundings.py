"""What a message does not hold itself but needs to be read: the names of tables and nodes, the capture's start."""

from dataclasses import dataclass, field

from harness.schema import Schema
from harness.topology import Topology


@dataclass(slots=True)
class Surroundings:
    """What is known around the messages so far.

    While a capture is read more becomes known; whoever reads it sets the attributes, and filters and texts
    made with this object see them.
    """

    schema: Schema = field(default_factory=Schema)
    topology: Topology = field(default_factory=Topology)
    started_ns: int | None = None
    """Time of the capture's first packet, nanoseconds since 1970; None: not read yet."""

    def seconds(self, time_ns: int) -> float:
        """Time since the capture's first packet; 0 as long as that is not known."""
        return 0.0 if self.started_ns is None else (time_ns - self.started_ns) / 1e9
