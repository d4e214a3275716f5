from dataclasses import replace

import pytest

from harness.events.message import Kind
from harness.events.trace import LostBytes, Missing, Trace
from harness.expect.cql_patterns import query, result
from harness.expect.losses import Losses
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.scope import Scope
from harness.expect.verbs import MUTATION, READ_DATA
from tests.expect.traces import STARTED_NS, TraceBuilder

MILLISECOND_NS = 1_000_000


def _trace(missing: Missing | None = None) -> Trace:
    """Five writes from n1 to n2, a millisecond apart, in packets 11 to 15; and a statement."""
    builder = TraceBuilder()
    for _ in range(5):
        builder.mutation("n1", "n2")
    builder.query("SELECT")
    return builder.trace(missing)


TRACE = _trace()


def _lost(*, frame: int = 13, from_client: bool = True, connection_of: int = 0) -> Missing:
    return Missing(lost=(LostBytes(TRACE[connection_of].connection, from_client, frame, 100),))


def _hiding(missing: Missing, pattern: Pattern, scope: Scope = Scope()) -> tuple[str, ...]:  # noqa: B008 (frozen)
    return Losses(MessageIndex(replace(TRACE, missing=missing), scope)).hiding(pattern)


@pytest.mark.parametrize(
    ("pattern", "is_hidden"),
    [
        (one_way(MUTATION), True),
        (one_way(MUTATION, sender="n1", receiver="n2"), True),
        (one_way(MUTATION, sender="n2"), False),
        (one_way(MUTATION, receiver="n3"), False),
        (request(READ_DATA, receiver="n2"), True),
        (reply(READ_DATA), False),
        (query(), False),
        (result(), False),
    ],
    ids=str,
)
def test_a_loss_hides_what_could_have_travelled_there(pattern: Pattern, is_hidden: bool) -> None:
    assert bool(_hiding(_lost(), pattern)) is is_hidden


def test_replies_and_results_travel_the_other_way() -> None:
    backwards = _lost(from_client=False)
    assert _hiding(backwards, reply(READ_DATA, sender="n2")) == (
        "100 B from n2 to n1 are not in the capture, before packet 13",
    )
    assert not _hiding(backwards, one_way(MUTATION))
    of_cql = _lost(connection_of=5)
    assert _hiding(of_cql, query(receiver="n1"))
    assert not _hiding(of_cql, result())


def test_a_connection_of_which_a_node_is_unknown_may_be_anybodys() -> None:
    connection = TRACE[0].connection._replace(client_node=None)
    missing = Missing(lost=(LostBytes(connection, True, 13, None),))
    assert _hiding(missing, one_way(MUTATION, sender="n3"))


def test_losses_before_and_behind_the_scope_do_not_matter() -> None:
    second = Scope(begin_ns=STARTED_NS + 3 * MILLISECOND_NS, end_ns=STARTED_NS + 4 * MILLISECOND_NS)
    assert not _hiding(_lost(frame=12), one_way(MUTATION), second), "noticed before the scope began"
    assert _hiding(_lost(frame=13), one_way(MUTATION), second)
    assert _hiding(_lost(frame=15), one_way(MUTATION), second), "the sender was last heard in the scope"
    assert not _hiding(_lost(frame=16), one_way(MUTATION), second), "it was heard after the scope"


def test_losses_on_other_connections_than_the_scopes_do_not_matter() -> None:
    here, elsewhere = Scope(connections=frozenset({0})), Scope(connections=frozenset({7}))
    assert _hiding(_lost(), one_way(MUTATION), here)
    assert not _hiding(_lost(), one_way(MUTATION), elsewhere)


def test_dropped_and_cut_packets_could_be_anything() -> None:
    assert _hiding(Missing(dropped_packets=3), query()) == ("the capture dropped 3 packets",)
    assert "the beginning" in _hiding(Missing(cut_packets=2), query())[0]


def test_a_capture_that_breaks_off_matters_unless_it_goes_on_behind_the_scope() -> None:
    missing = Missing(truncated="in a block of 96 bytes")
    assert _hiding(missing, query()) == ("the capture ends too early: in a block of 96 bytes",)
    assert not _hiding(missing, query(), Scope(end_ns=STARTED_NS + MILLISECOND_NS))


def test_bytes_that_are_no_frame_hide_what_could_have_travelled_there() -> None:
    broken = TRACE[2]._replace(kind=Kind.UNDECODED, verb=None, reason="a frame of 3 GiB")
    losses = Losses(MessageIndex(TRACE.part([*TRACE[:2], broken, *TRACE[3:]])))
    assert losses.hiding(one_way(MUTATION)) == ("packet 13 could not be decoded: a frame of 3 GiB",)
    assert not losses.hiding(query())
    assert not losses.is_complete


def test_many_losses_are_told_in_a_few_words() -> None:
    lost = LostBytes(TRACE[0].connection, True, 13, 100)
    reasons = _hiding(Missing(lost=(lost,) * 10), one_way(MUTATION))
    assert len(reasons) == 3
    assert reasons[-1] == "and 8 more losses"


def test_a_complete_capture_hides_nothing() -> None:
    losses = Losses(MessageIndex(TRACE))
    assert losses.is_complete
    assert losses.hiding(one_way(MUTATION)) == ()
