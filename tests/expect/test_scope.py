from harness.expect.scope import WHOLE_TRACE, Scope
from tests.expect.traces import TraceBuilder


def test_a_scope_holds_what_is_within_all_its_bounds() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    (message,) = builder.messages
    time_ns = message.time_ns
    assert WHOLE_TRACE.holds(message)
    assert Scope(begin_ns=time_ns, end_ns=time_ns, connections=frozenset({0})).holds(message)
    assert not Scope(begin_ns=time_ns + 1).holds(message)
    assert not Scope(end_ns=time_ns - 1).holds(message)
    assert not Scope(connections=frozenset({1})).holds(message)
    assert not Scope(where=lambda _message: False).holds(message)
