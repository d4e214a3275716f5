"""Traces of a write that are written down, not taken from captures."""

from harness.events.trace import Trace
from tests.expect.traces import TraceBuilder

INSERT = "INSERT INTO ks.map (id, a) VALUES (17, 'x')"


def written(*, copies: int = 2, text: str = INSERT) -> Trace:
    """A write through n1 with so many copies, each with a response id of its own as ``TraceBuilder`` has them."""
    builder = TraceBuilder()
    asked = builder.query(text)
    writes = [builder.mutation("n1", f"n{number}") for number in range(2, 2 + copies)]
    for write in writes:
        builder.done(write)
    builder.result(asked)
    return builder.trace()
