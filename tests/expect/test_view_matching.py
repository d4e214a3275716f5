"""Updates held against what the writes to a base row make due."""

from dataclasses import replace
from uuid import UUID

import pytest

from harness.codec.verbs.mutation import DeletableRow, Mutation, Row
from harness.codec.verbs.writes import MutationRequest
from harness.events.message import Kind
from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.placement import Placement
from harness.expect.verdict import Outcome
from harness.expect.view_definition import ViewDefinition
from harness.expect.view_matching import BaseKey, ViewMatcher
from harness.expect.view_pairing import ViewPairing
from harness.expect.view_updates import ViewReport, view_updates
from harness.partitioner import token_of
from harness.schema import Schema
from harness.topology import Node, Topology
from tests.expect.rows import BASE, BY_A, SCHEMA, mutation, number, row
from tests.expect.traces import ADDRESSES, TraceBuilder

_OLD_ID = UUID("00000000-0000-11e0-8123-456789abcdef")
P, C = (number(1),), (number(0),)
INSERTED = row(cells={"a": "x", "b": "1"}, at_us=2_000_000_000_000_000, marker=True)
LATER_US = 2_000_000_000_000_001


class _Cluster:
    """Five nodes of which the base row is on n1 and n2, every view row on n3 and n4 in turn.

    The ring is laid so that the base row's token belongs to n1.
    """

    def __init__(self, *, is_known: bool = True) -> None:
        self.builder = TraceBuilder()
        base_token, view_token = token_of(P), token_of((b"x",))
        tokens = {"n1": (base_token,), "n2": (base_token + 1,), "n3": (view_token,), "n4": (view_token + 1,)}
        nodes = [
            Node(
                name=name,
                address=ADDRESSES[name],
                host_id=UUID(int=int(name[1])),
                tokens=tokens.get(name, ()),
            )
            for name in ADDRESSES
        ]
        # Created long after the trace began, so that the table is known to have been empty; or before.
        base = replace(BASE, id=UUID("ffffffff-ffff-1fff-8123-456789abcdef") if is_known else _OLD_ID)
        self.base = base
        self.schema = Schema((base, BY_A), SCHEMA.known_keyspaces)
        self.topology = Topology(tuple(nodes))

    def write(self, *rows: DeletableRow, to: str = "n1") -> int:
        """A base write from n5, acknowledged."""
        return self._send("n5", to, mutation(*rows, table=self.base))

    def update(self, sender: str, receiver: str, value: str, at: DeletableRow, *, done: bool = True) -> int:
        """An update of the view."""
        view_row = replace(at, key=type(at.key)(components=(number(1), number(0))), cells=self._shown(at))
        change = replace(mutation(view_row, table=BY_A), key=type(at.key)(components=(value.encode(),)))
        return self._send(sender, receiver, change, done=done)

    def _shown(self, at: DeletableRow) -> Row:
        cells = tuple(replace(column, id=0) for column in at.cells.columns if column.id == 1)
        return replace(at.cells, columns=cells)

    def _send(self, sender: str, receiver: str, change: Mutation, *, done: bool = True) -> int:
        body = MutationRequest(
            mutation=change,
            forward=(),
            reply_to=ADDRESSES[sender],
            shard=0,
            response_id=len(self.builder.messages),
        )
        sent = self.builder.one_way("MUTATION", sender, receiver, body)
        if done:
            self.builder.done(sent)
        return sent

    def trace(self) -> Trace:
        for _ in range(8):
            # Nobody is silent, and the capture goes on.
            self.builder.wait(0.5)
            for name in ("n1", "n2", "n3", "n4", "n5"):
                self.builder.done(None, sender=name, receiver="n5" if name != "n5" else "n1", shard=9)
        trace = self.builder.trace()
        return Trace(trace.messages, trace.missing, self.topology, self.schema)

    def report(self) -> ViewReport:
        return view_updates("ks.base", "ks.by_a").examine(self.trace())


def _faults(report: ViewReport) -> list[Fault]:
    return [finding.fault for finding in report.findings]


def test_update_from_each_base_replica_to_its_pair_is_all_there_is() -> None:
    cluster = _Cluster()
    for base, view in (("n1", "n3"), ("n2", "n4")):
        cluster.write(INSERTED, to=base)
        cluster.update(base, view, "x", INSERTED)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert [(pair.base_replica, pair.view_replica) for pair in report.pairs] == [("n1", "n3"), ("n2", "n4")]
    assert not report.notes


def test_row_that_may_have_been_there_before_is_noted() -> None:
    cluster = _Cluster(is_known=False)
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "x", INSERTED)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS
    assert report.notes == ("(1, 0) is taken to have had no row in the view before the capture",)


def test_update_of_a_row_of_which_nothing_is_known_is_open() -> None:
    cluster = _Cluster(is_known=False)
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    report = cluster.report()
    assert _faults(report) == [Fault.UNKNOWN]
    assert report.verdict.outcome is Outcome.INCONCLUSIVE


def test_update_of_a_row_that_never_was_needs_nothing() -> None:
    cluster = _Cluster()
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    assert cluster.report().verdict.outcome is Outcome.PASS


@pytest.mark.parametrize("sender", ["n1", "n2"])
def test_update_without_a_write_is_unexplained(sender: str) -> None:
    cluster = _Cluster()
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US), to="n1")
    cluster.update(sender, "n3", "x", INSERTED)
    assert _faults(cluster.report()) == [Fault.UNEXPLAINED]


def test_update_for_a_row_from_before_the_capture_is_noted() -> None:
    cluster = _Cluster(is_known=False)
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "x", INSERTED)
    old = row(1, cells={"a": "x", "b": "1"}, at_us=5, marker=True)
    view_row = replace(old, key=type(old.key)(components=(number(1), number(1))), cells=cluster._shown(old))
    change = replace(mutation(view_row, table=BY_A), key=type(old.key)(components=(b"x",)))
    cluster._send("n1", "n3", change)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert any("for a base row written before the capture" in note for note in report.notes)


def test_row_key_of_another_row_is_wrong() -> None:
    cluster = _Cluster()
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "y", INSERTED)
    report = cluster.report()
    assert _faults(report) == [Fault.WRONG_CONTENT]
    assert "it is for another row of the view" in report.verdict.reasons[0]


def test_update_that_failed_is_found() -> None:
    cluster = _Cluster()
    cluster.write(INSERTED)
    sent = cluster.update("n1", "n3", "x", INSERTED)
    trace = cluster.trace()
    answer = trace.exchange_of(trace[sent]).reply
    assert answer is not None
    failed = trace.part(message._replace(verb=24) if message is answer else message for message in trace)
    report = view_updates("ks.base", "ks.by_a").examine(failed)
    assert _faults(report) == [Fault.FAILED]


def test_base_write_that_failed_makes_no_update_due() -> None:
    cluster = _Cluster()
    write = cluster.write(INSERTED)
    trace = cluster.trace()
    answer = trace.exchange_of(trace[write]).reply
    failed = trace.part(message._replace(verb=24) if message is answer else message for message in trace)
    assert not view_updates("ks.base", "ks.by_a").examine(failed).findings


def test_hint_brings_what_was_not_acknowledged() -> None:
    cluster = _Cluster()
    cluster.write(INSERTED)
    first = cluster.update("n1", "n3", "x", INSERTED, done=False)
    payload = cluster.builder.messages[first].payload
    hint = cluster.builder._add(Kind.ONE_WAY, "HINT_MUTATION", "n1", "n3", payload)
    cluster.builder.done(hint)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons


def test_writes_in_another_order_than_they_came_are_tried() -> None:
    """Two writes under way at the same time; the replica applied the second one first."""
    cluster = _Cluster()
    second = row(cells={"a": "x", "b": "2"}, at_us=LATER_US, marker=True)
    one = cluster._send("n5", "n1", mutation(INSERTED, table=cluster.base), done=False)
    two = cluster._send("n5", "n1", mutation(second, table=cluster.base), done=False)
    cluster.update("n1", "n3", "x", second)
    cluster.builder.done(two)
    cluster.builder.done(one)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert len(report.pairs) == 1


def test_matcher_knows_which_writes_stay_on_their_node() -> None:
    cluster = _Cluster()
    trace = cluster.trace()
    placement = Placement(trace.topology, trace.schema)
    definition = ViewDefinition(trace.schema, cluster.base, BY_A)
    pairing = ViewPairing(trace.topology, placement, cluster.base, BY_A)
    matcher = ViewMatcher(definition, pairing, trace.topology, is_known=True)
    result = matcher.examine(BaseKey(P, C), [], [])
    assert (result.dues, result.faults, result.badness) == ([], [], (0, 0))
