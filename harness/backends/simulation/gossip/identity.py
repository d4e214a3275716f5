"""Who a node is, whatever becomes of its process."""

from dataclasses import dataclass
from uuid import UUID

from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """What a node is told, when it starts, of its earlier runs."""

    host_id: UUID
    tokens: tuple[int, ...]
    """Its ring tokens, those that it will have if it is no member yet."""
    generation: int
    """Seconds since 1970 at its start; higher than in all earlier runs."""
    is_member: bool = False
    """Whether it has become one in an earlier run."""
    has_left: bool = False
    """Whether it has handed over its data, in an earlier run, and been a member no more."""
    peers: tuple[Node, ...] = ()
    """The other members when it was last running."""
