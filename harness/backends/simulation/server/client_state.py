"""What a node remembers of one connection of a client between requests."""

from dataclasses import dataclass

from harness.backends.simulation.world import Endpoint


@dataclass(slots=True)
class ClientState:
    """One client."""

    peer: Endpoint
    keyspace: str | None = None
    """The one in use."""
    is_started: bool = False
    """Whether STARTUP has come."""
