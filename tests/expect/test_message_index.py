import pytest

from harness.errors import ExpectationError
from harness.events.filters import compile_filter
from harness.events.message import Kind, Protocol
from harness.events.trace import Missing, Trace
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import CLIENT
from harness.expect.scope import Scope
from harness.expect.verbs import MUTATION, MUTATION_DONE, TRUNCATE
from tests.expect.traces import STARTED_NS, TraceBuilder, without


def _trace() -> Trace:
    builder = TraceBuilder()
    builder.done(builder.mutation("n1", "n2"))
    builder.reply(builder.truncate("n1", "n3"))
    builder.result(builder.query("SELECT"))
    return builder.trace()


def test_messages_are_found_by_kind_and_verb_in_order() -> None:
    index = MessageIndex(_trace())
    assert index.of(Protocol.RPC, [Kind.ONE_WAY], (MUTATION_DONE, MUTATION)) == [0, 1]
    assert index.of(Protocol.RPC, [Kind.REQUEST, Kind.REPLY], (TRUNCATE,)) == [2, 3]
    assert index.of(Protocol.CQL, Kind, ()) == [4, 5]
    assert index.of(Protocol.CQL, [Kind.EXCEPTION], ()) == []


def test_messages_are_put_in_order_and_known_by_their_positions() -> None:
    trace = _trace()
    index = MessageIndex(trace.part(reversed(trace.messages)))
    assert [message.number for message in index.messages] == list(range(6))
    assert list(index.answers_to(0)) == [1]
    assert index.answered_by(1) == 0
    assert index.answered_by(0) is None


def test_a_scope_leaves_messages_out_but_not_what_they_answer() -> None:
    trace = _trace()
    after = Scope(begin_ns=STARTED_NS + 2_000_000)
    index = MessageIndex(trace, after)
    assert [message.number for message in index.messages] == [1, 2, 3, 4, 5]
    assert index.answered_by(0) is None
    assert index.request_of(index.messages[0]) == trace[0]
    for scope, numbers in (
        (Scope(end_ns=STARTED_NS + 2_000_000), [0, 1]),
        (Scope(connections=frozenset({0})), [0]),
        (Scope(where=compile_filter("table == ks.map and scylla.verb == MUTATION")), [0]),
        (Scope(where=lambda message: message.kind is Kind.REPLY), [3, 5]),
    ):
        assert [message.number for message in MessageIndex(trace, scope).messages] == numbers


def test_sides_are_named_by_node_address_and_port_and_clients_as_such() -> None:
    trace = _trace()
    index = MessageIndex(trace)
    assert index.names_of(trace[0], is_sender=True) == ("n1", "10.0.0.1", "10.0.0.1:50000")
    assert index.names_of(trace[4], is_sender=True) == ("10.0.1.9", "10.0.1.9:50003", CLIENT)
    assert index.names_of(trace[5], is_sender=False)[-1] == CLIENT


def test_unknown_nodes_and_tables_are_refused_with_what_there_is() -> None:
    index = MessageIndex(_trace())
    index.refuse_unknown_nodes(["n1", CLIENT, "192.0.2.1", "[2001:db8::1]:7000"])
    with pytest.raises(ExpectationError, match="there are n1, n2"):
        index.refuse_unknown_nodes(["coordinator"])
    with pytest.raises(ExpectationError, match=r"it knows ks\.map, ks\.other"):
        index.table("somewhere.else")
    bare = MessageIndex(Trace((), Missing()))
    with pytest.raises(ExpectationError, match="the trace names no nodes"):
        bare.refuse_unknown_nodes(["n1"])
    with pytest.raises(ExpectationError, match="give a context"):
        bare.table("ks.map")


def test_a_request_that_is_gone_is_not_found() -> None:
    index = MessageIndex(without(_trace(), [2]))
    position = index.of(Protocol.RPC, [Kind.REPLY], (TRUNCATE,), unnamed=True)
    assert position == [2]
    assert index.of(Protocol.RPC, [Kind.REPLY], (TRUNCATE,)) == []
    assert index.answered_by(2) is None
