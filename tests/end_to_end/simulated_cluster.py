"""A simulated cluster, and what it says on the wire."""

from dataclasses import dataclass
from typing import Any

from harness.backends.contract import Needs
from harness.backends.live.cluster import LiveCluster
from harness.backends.live.node import LiveNode
from harness.backends.simulated import SimulatedSite
from harness.clusters import Opened, started
from harness.events.trace import Trace

DriverSession = Any
"""``cassandra.cluster.Session``, or a row of its, which have no types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCluster:
    """Nodes that run, each in a process of its own."""

    site: SimulatedSite
    opened: Opened

    @classmethod
    def start(cls, needs: Needs) -> "SimulatedCluster":
        """Start one.

        Raises:
            BackendError: it cannot be started.
        """
        site = SimulatedSite.create(needs)
        return cls(site=site, opened=started(site))

    @property
    def live(self) -> LiveCluster:
        """The nodes, as scenarios have them."""
        assert isinstance(self.opened.cluster, LiveCluster)
        return self.opened.cluster

    @property
    def nodes(self) -> tuple[LiveNode, ...]:
        """In the order of their names."""
        return self.live.nodes

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of the nodes."""
        return tuple(node.address for node in self.nodes)

    def trace(self) -> Trace:
        """All that was said so far."""
        # What clients of their own say, the recorder does not hear of.
        self.opened.recorder.mark()
        return self.opened.recorder.trace()

    def close(self) -> None:
        """Give everything back."""
        self.opened.close()
