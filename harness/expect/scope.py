"""What part of a trace a claim is about."""

from dataclasses import dataclass

from harness.events.message import Message
from harness.expect.pattern import Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Messages that count for a claim; counts and ``never`` are of all of them.

    Bounds of time and connections also tell which losses of the capture matter: what was lost elsewhere can
    hide nothing that the claim is about. ``where`` alone leaves that open.
    """

    name: str = "the whole trace"
    """How it was found, for reports: ``statement 1, by its trace id``."""
    begin_ns: int | None = None
    """Time before which nothing counts, nanoseconds since 1970; None: from the beginning."""
    end_ns: int | None = None
    """Time after which nothing counts; None: to the end."""
    connections: frozenset[int] | None = None
    """Numbers of the connections that count; None: all."""
    where: Predicate | None = None
    """Which messages count, of those within the bounds; None: all."""

    def holds(self, message: Message) -> bool:
        """Whether a message counts."""
        return (
            (self.begin_ns is None or message.time_ns >= self.begin_ns)
            and (self.end_ns is None or message.time_ns <= self.end_ns)
            and (self.connections is None or message.connection.number in self.connections)
            and (self.where is None or self.where(message))
        )


WHOLE_TRACE = Scope()
