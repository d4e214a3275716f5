"""One view in one trace made by hand: what is due, what came, and what cannot be told."""

from dataclasses import replace

import pytest

from harness.events.message import Kind
from harness.expect.finding import Fault
from harness.expect.verdict import Outcome
from harness.expect.view_report import ViewReport
from harness.expect.view_updates import view_updates
from tests.expect.rows import BY_A, mutation, number, row
from tests.expect.view_cluster import INSERTED, LATER_US, Cluster


def _faults(report: ViewReport) -> list[Fault]:
    return [finding.fault for finding in report.findings]


def test_update_from_each_base_replica_to_its_pair_is_all_there_is() -> None:
    cluster = Cluster()
    for base, view in (("n1", "n3"), ("n2", "n4")):
        cluster.write(INSERTED, to=base)
        cluster.update(base, view, "x", INSERTED)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert [(pair.base_replica, pair.view_replica) for pair in report.pairs] == [("n1", "n3"), ("n2", "n4")]
    assert not report.notes


@pytest.mark.parametrize("rest_s", [0.2, 0.4])
def test_update_that_may_come_as_late_as_another_one_is_open(rest_s: float) -> None:
    cluster = Cluster()
    cluster.write(INSERTED, to="n1")
    cluster.builder.wait(0.3)
    cluster.update("n1", "n3", "x", INSERTED)
    cluster.write(INSERTED, to="n2")
    ends_ns = cluster.builder.now_ns + round(rest_s * 1e9)
    trace = cluster.trace()
    cut = replace(trace, messages=tuple(each for each in trace if each.time_ns <= ends_ns), ended_ns=ends_ns)
    verdict = view_updates("ks.base", "ks.by_a").check(cut)
    if rest_s > 0.3:
        assert verdict.outcome is Outcome.FAIL
        return
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "and another took 30" in verdict.reasons[0]


def test_row_that_may_have_been_there_before_is_noted() -> None:
    cluster = Cluster(is_known=False)
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "x", INSERTED)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS
    assert report.notes == ("(1, 0) is taken to have had no row in the view before the capture",)


def test_update_of_a_row_of_which_nothing_is_known_is_open() -> None:
    cluster = Cluster(is_known=False)
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    report = cluster.report()
    assert _faults(report) == [Fault.UNKNOWN]
    assert report.verdict.outcome is Outcome.INCONCLUSIVE


def test_update_of_a_row_that_never_was_needs_nothing() -> None:
    cluster = Cluster()
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    assert cluster.report().verdict.outcome is Outcome.PASS


@pytest.mark.parametrize("sender", ["n1", "n2"])
def test_update_without_a_write_is_unexplained(sender: str) -> None:
    cluster = Cluster()
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US), to="n1")
    cluster.update(sender, "n3", "x", INSERTED)
    assert _faults(cluster.report()) == [Fault.UNEXPLAINED]


def test_update_for_a_row_from_before_the_capture_is_noted() -> None:
    cluster = Cluster(is_known=False)
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "x", INSERTED)
    old = row(1, cells={"a": "x", "b": "1"}, at_us=5, marker=True)
    view_row = replace(old, key=type(old.key)(components=(number(1), number(1))), cells=cluster.shown(old))
    change = replace(mutation(view_row, table=BY_A), key=type(old.key)(components=(b"x",)))
    cluster.send("n1", "n3", change)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert any("for a base row written before the capture" in note for note in report.notes)


def test_row_key_of_another_row_is_wrong() -> None:
    cluster = Cluster()
    cluster.write(INSERTED)
    cluster.update("n1", "n3", "y", INSERTED)
    report = cluster.report()
    assert _faults(report) == [Fault.WRONG_CONTENT]
    assert "it is for another row of the view" in report.verdict.reasons[0]


def test_update_that_failed_is_found() -> None:
    cluster = Cluster()
    cluster.write(INSERTED)
    sent = cluster.update("n1", "n3", "x", INSERTED)
    trace = cluster.trace()
    answer = trace.exchange_of(trace[sent]).reply
    assert answer is not None
    failed = trace.part(message._replace(verb=24) if message is answer else message for message in trace)
    report = view_updates("ks.base", "ks.by_a").examine(failed)
    assert _faults(report) == [Fault.FAILED]


def test_base_write_that_failed_makes_no_update_due() -> None:
    cluster = Cluster()
    write = cluster.write(INSERTED)
    trace = cluster.trace()
    answer = trace.exchange_of(trace[write]).reply
    failed = trace.part(message._replace(verb=24) if message is answer else message for message in trace)
    assert not view_updates("ks.base", "ks.by_a").examine(failed).findings


def test_hint_brings_what_was_not_acknowledged() -> None:
    cluster = Cluster()
    cluster.write(INSERTED)
    first = cluster.update("n1", "n3", "x", INSERTED, done=False)
    payload = cluster.builder.messages[first].payload
    hint = cluster.builder._add(Kind.ONE_WAY, "HINT_MUTATION", "n1", "n3", payload)
    cluster.builder.done(hint)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons


def test_writes_in_another_order_than_they_came_are_tried() -> None:
    """Two writes under way at the same time; the replica applied the second one first."""
    cluster = Cluster()
    second = row(cells={"a": "x", "b": "2"}, at_us=LATER_US, marker=True)
    one = cluster.send("n5", "n1", mutation(INSERTED, table=cluster.base), done=False)
    two = cluster.send("n5", "n1", mutation(second, table=cluster.base), done=False)
    cluster.update("n1", "n3", "x", second)
    cluster.builder.done(two)
    cluster.builder.done(one)
    report = cluster.report()
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert len(report.pairs) == 1


def test_update_from_a_node_that_was_repaired_is_open() -> None:
    cluster = Cluster()
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    cluster.builder._add(Kind.REQUEST, "REPAIR_PUT_ROW_DIFF", "n5", "n1", b"")
    cluster.update("n1", "n3", "x", INSERTED)
    report = cluster.report()
    assert _faults(report) == [Fault.UNEXPLAINED]
    assert report.verdict.outcome is Outcome.INCONCLUSIVE
    assert "n1 got rows by REPAIR_PUT_ROW_DIFF in packet 13" in report.verdict.reasons[0]
