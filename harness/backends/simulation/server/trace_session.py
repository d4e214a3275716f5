"""What one node does for one request that is traced.

Source:
    Scylla (branch 4.2), tracing/trace_state.cc, tracing/tracing.hh; measured on sessions and events of captures.
"""

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.common import SpanId, TraceInfo

_QUERY = 1
_PROPERTIES_OF_PRIMARY, _PROPERTIES_OF_OTHERS = 0b1011, 0b1001
"""Written when it ends; of the coordinator; with all events."""
_SLOW_THRESHOLD_US = 500_000
TTL_S = 86_400


class TraceEvent(NamedTuple):
    """Something that was done."""

    event_id: UUID
    activity: str
    elapsed_us: int


@dataclass(slots=True, kw_only=True)
class TraceSession:
    """The part of one node in a trace."""

    context: NodeContext
    session_id: UUID
    span_id: int
    parent_id: int | None = None
    """The span of who has asked for it; None: the client has."""
    started_us: int
    events: list[TraceEvent] = field(default_factory=list)

    @property
    def info(self) -> TraceInfo:
        """What replicas are told, so that they trace their part."""
        return TraceInfo(
            session_id=self.session_id,
            type=_QUERY,
            write_on_close=True,
            properties=_PROPERTIES_OF_PRIMARY if self.parent_id is None else _PROPERTIES_OF_OTHERS,
            slow_threshold_us=_SLOW_THRESHOLD_US,
            slow_ttl_s=TTL_S,
            parent=SpanId(value=self.span_id),
        )

    @property
    def elapsed_us(self) -> int:
        """How long ago it began."""
        return self.context.world.now_us - self.started_us

    def note(self, activity: str) -> None:
        """Something is done now."""
        self.events.append(TraceEvent(self.context.make_time_uuid(), activity, self.elapsed_us))
