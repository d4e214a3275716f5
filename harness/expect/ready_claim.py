"""What a ready-made claim is: anything that can be held against a trace."""

from typing import Protocol

from harness.events.trace import Trace
from harness.expect.pattern import TableLike, table_of
from harness.expect.scope import Scope
from harness.expect.verdict import Verdict


class ReadyClaim(Protocol):
    """A claim that is more than a partial order of messages, such as ``view_updates``; ``str`` words it."""

    def check(self, trace: Trace, scope: Scope = ...) -> Verdict:
        """Hold it against a trace, or what of it is in a scope.

        Raises:
            ExpectationError: it makes no sense for this trace, as when a table does not exist.
        """


def name_of(table: TableLike | None) -> str | None:
    """Name of a table that a claim is about.

    Raises:
        ExpectationError: it lacks its keyspace.
    """
    name = table_of(table)
    return name if isinstance(name, str) else None
