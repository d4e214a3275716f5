"""Every update of a view, between the right nodes, once: on captures of real clusters, whole and with one change."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import ExpectationError
from harness.events.statement_scope import StatementScopes
from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome, StepState
from harness.expect.view_report import Pair, PairState, ViewReport
from harness.expect.view_updates import ViewUpdates, every_view_updated, view_updates
from harness.topology import Topology
from tests.expect.captured import captured
from tests.expect.traces import doubled, garbled, redirected, without
from tests.expect.view_captures import VIEW_CAPTURES, ViewCapture, states

EVERY = pytest.mark.parametrize("capture", VIEW_CAPTURES, ids=lambda capture: capture.id)
WITH_WIRE = pytest.mark.parametrize(
    "capture", [one for one in VIEW_CAPTURES if one.seen], ids=lambda capture: capture.id
)

SOME = pytest.mark.parametrize(
    "capture",
    [
        one
        for one in VIEW_CAPTURES
        if one.name
        in {
            "scylla-4.2/views/view_life_rf2",
            "scylla-4.2/views/index_rf3",
            "scylla-2025.1/tablets/index_rf2",
            "scylla-2025.1/base/index_write",
        }
    ],
    ids=lambda capture: capture.id,
)


def _claim(capture: ViewCapture) -> ViewUpdates:
    return view_updates(capture.base, capture.view)


def _seen(report: ViewReport) -> Iterator[Pair]:
    """One pair for each message that brings updates."""
    yield from {pair.update.number: pair for pair in report.pairs if pair.update is not None}.values()


def _assert_found(claim: ViewUpdates, trace: Trace, fault: Fault, *words: str) -> None:
    """One fault of a kind is found, and nothing else."""
    report = claim.examine(trace)
    assert [finding.fault for finding in report.findings] == [fault]
    assert report.verdict.outcome is Outcome.FAIL
    (reason,) = report.verdict.reasons
    for word in words:
        assert word in reason


def _pair_words(pair: Pair) -> tuple[str, ...]:
    assert pair.write.statement is not None
    return (
        f"statement {pair.write.statement.number} (packet {pair.write.statement.request_frame})",
        f"{pair.base_replica} → {pair.view_replica}",
        f"({pair.base_key})",
    )


# Whole captures.


@EVERY
def test_every_update_is_found_and_paired(reference: Path, capture: ViewCapture) -> None:
    report = _claim(capture).examine(captured(reference, capture.name))
    assert report.verdict.outcome is Outcome.PASS, report.verdict.reasons
    assert (
        states(report) == {PairState.SEEN: capture.seen, PairState.LOCAL: capture.local}
        or (states(report) == {PairState.LOCAL: capture.local} and not capture.seen)
        or (states(report) == {PairState.SEEN: capture.seen} and not capture.local)
    )
    for pair in report.pairs:
        assert (pair.acknowledgement is not None) is (pair.state is PairState.SEEN)
        assert (pair.base_replica == pair.view_replica) is (pair.state is PairState.LOCAL)


@EVERY
def test_every_view_mutation_on_the_wire_is_accounted_for(reference: Path, capture: ViewCapture) -> None:
    trace = captured(reference, capture.name)
    view = trace.schema.table(*capture.view.split("."))
    assert view is not None
    sent = {
        message.number
        for message in trace.rpc
        if message.verb == 1 and getattr(getattr(message.body, "mutation", None), "table_id", None) == view.id
    }
    report = _claim(capture).examine(trace)
    assert sent == {pair.update.number for pair in report.pairs if pair.update is not None}


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
@pytest.mark.parametrize("name", ["view_life_rf2", "view_life_rf3"])
def test_replicas_are_those_that_the_notes_name(reference: Path, line: str, name: str) -> None:
    path = f"scylla-{line}/views/{name}"
    trace = captured(reference, path)
    keyspace = "demo2" if name.endswith("rf2") else "demo3"
    report = view_updates(f"{keyspace}.buildings", f"{keyspace}.buildings_by_city").examine(trace)
    names = {node.address: node.name for node in trace.topology.nodes}
    checked = 0
    for step in json.loads((reference / f"{path}.json").read_text())["steps"]:
        note = step["note"] or ""
        lists = [
            [names[address] for address in re.findall(r"[\d.]+", text)]
            for text in re.findall(r"\[.*?\]", note)
        ]
        of_step = [
            pair
            for pair in report.pairs
            if pair.write.statement is not None and pair.write.statement.text == step["cql"]
        ]
        if not lists:
            continue
        checked += 1
        base, *views = lists
        assert {pair.base_replica for pair in of_step} == set(base)
        # Old and new row of a changed key, in this order; else the only one.
        kinds = ("delete", "put") if len(views) == 2 else ("put",)
        for kind, wanted in zip(kinds, views, strict=True):
            assert {pair.view_replica for pair in of_step if pair.kind.value == kind} == set(wanted)
    assert checked == 12


def test_updates_come_in_the_background(reference: Path) -> None:
    """In the capture some updates are acknowledged after the client has its answer."""
    trace = captured(reference, "scylla-4.2/views/view_life_rf3")
    report = view_updates("demo3.buildings", "buildings_by_city").examine(trace)
    late = [
        pair
        for pair in report.pairs
        if pair.acknowledgement is not None
        and pair.write.statement is not None
        and pair.write.statement.result is not None
        and pair.acknowledgement.number > pair.write.statement.result
    ]
    assert late


def test_view_that_should_be_synchronous_is_found_not_to_be(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/view_life_rf3")
    report = view_updates("demo3.buildings", "buildings_by_city", synchronous=True).examine(trace)
    assert {finding.fault for finding in report.findings} == {Fault.WRONG_ORDER}
    assert "after n3 had acknowledged the base write" in " ".join(report.verdict.reasons)


# One message gone, doubled, redirected.


@WITH_WIRE
def test_any_update_that_is_gone_is_missed(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.update is not None
        words = (*_pair_words(pair), "is missing", f"packet {pair.write.message.frame_last}")
        _assert_found(claim, without(trace, [pair.update.number]), Fault.MISSING, *words)


@WITH_WIRE
def test_any_acknowledgement_that_is_gone_is_missed(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.update is not None
        assert pair.acknowledgement is not None
        words = (*_pair_words(pair), f"packet {pair.update.frame_last} was not acknowledged")
        changed = without(trace, [pair.acknowledgement.number])
        _assert_found(claim, changed, Fault.NOT_ACKNOWLEDGED, *words)


@SOME
def test_any_acknowledgement_of_a_base_write_that_is_gone_is_missed(
    reference: Path, capture: ViewCapture
) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    writes = {pair.write.message.number: pair.write for pair in claim.examine(trace).pairs}
    for write in writes.values():
        if write.acknowledgement is not None:
            words = (f"→ {write.node}", f"packet {write.message.frame_last} was not acknowledged")
            changed = without(trace, [write.acknowledgement.number])
            _assert_found(claim, changed, Fault.NOT_ACKNOWLEDGED, *words)


@SOME
def test_any_update_that_comes_twice_is_found(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.update is not None
        words = (*_pair_words(pair), f"came twice, in packets {pair.update.frame_last}")
        _assert_found(claim, doubled(trace, pair.update.number), Fault.DOUBLED, *words)


@SOME
def test_any_acknowledgement_that_comes_twice_is_found(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.acknowledgement is not None
        changed = doubled(trace, pair.acknowledgement.number)
        _assert_found(claim, changed, Fault.DOUBLED, *_pair_words(pair), "acknowledged 2 times")


@SOME
def test_any_update_that_goes_elsewhere_is_found(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.update is not None
        other = next(
            node.name
            for node in trace.topology.nodes
            if node.name not in {pair.base_replica, pair.view_replica}
        )
        words = (
            *_pair_words(pair),
            f"went from {pair.base_replica} to {other}",
            f"packet {pair.update.frame_last}",
        )
        _assert_found(claim, redirected(trace, pair.update.number, other), Fault.MISDIRECTED, *words)


@SOME
def test_any_update_that_comes_from_elsewhere_is_found(reference: Path, capture: ViewCapture) -> None:
    trace, claim = captured(reference, capture.name), _claim(capture)
    for pair in _seen(claim.examine(trace)):
        assert pair.update is not None
        other = next(
            node for node in trace.topology.nodes if node.name not in {pair.base_replica, pair.view_replica}
        )
        on = pair.update.connection
        moved = on._replace(client=on.client._replace(address=other.address), client_node=other.name)
        changed = trace.part(
            message._replace(connection=moved) if message is pair.update else message for message in trace
        )
        words = (*_pair_words(pair), f"went from {other.name} to {pair.view_replica}")
        _assert_found(claim, changed, Fault.MISDIRECTED, *words)


def test_any_base_write_that_is_gone_leaves_its_update_unexplained(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    claim = view_updates("demo2.people", "by_mail")
    for pair in _seen(claim.examine(trace)):
        if pair.write.is_local:
            continue
        report = claim.examine(without(trace, [pair.write.message.number]))
        assert Fault.UNEXPLAINED in {finding.fault for finding in report.findings}
        assert report.verdict.outcome is Outcome.FAIL


# Wrong contents.


def test_update_with_the_contents_of_another_row_is_wrong(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/view_life_rf3")
    claim = view_updates("demo3.buildings", "buildings_by_city")
    pair, *others = _seen(claim.examine(trace))
    later = next(one for one in others if one.kind is pair.kind and one.base_key != pair.base_key)
    assert pair.update is not None
    assert later.update is not None
    payload = later.update.payload
    changed = trace.part(
        message._replace(payload=payload) if message.number == pair.update.number else message
        for message in trace
    )
    faults = {finding.fault for finding in claim.examine(changed).findings}
    # Of its own row it is missing; of the other row it is one too many.
    assert Fault.MISSING in faults
    assert len(faults) == 2


def test_value_that_is_not_the_base_rows_is_wrong(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/view_life_rf3")
    claim = view_updates("demo3.buildings", "buildings_by_city")
    pair = next(pair for pair in _seen(claim.examine(trace)) if "829" in pair.write.origin)
    assert pair.update is not None
    assert b"\0\0\x03\x3d" in pair.update.payload
    changed = trace.part(
        message._replace(payload=message.payload.replace(b"\0\0\x03\x3d", b"\0\0\x03\x3e"))
        if message.number == pair.update.number
        else message
        for message in trace
    )
    _assert_found(
        claim, changed, Fault.WRONG_CONTENT, *_pair_words(pair), "it writes height = 830", "not 829"
    )


# What cannot be told.


def test_lost_packets_leave_a_missing_update_open(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    claim = view_updates("demo2.people", "by_mail")
    pair = next(_seen(claim.examine(trace)))
    assert pair.update is not None
    report = claim.examine(without(trace, [pair.update.number], lost=True))
    assert report.verdict.outcome is Outcome.INCONCLUSIVE
    assert "not in the capture" in report.verdict.reasons[0]


def test_undecoded_update_leaves_open_whether_one_is_missing(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    claim = view_updates("demo2.people", "by_mail")
    pair = next(_seen(claim.examine(trace)))
    assert pair.update is not None
    assert claim.check(garbled(trace, [pair.update.number])).outcome is not Outcome.PASS


def test_change_of_a_row_that_nobody_has_seen_is_open(reference: Path) -> None:
    """UPDATE of a column that is not in the view's key: without the row's INSERT nobody knows where it stands."""
    trace = captured(reference, "scylla-4.2/views/view_life_rf2")
    claim = view_updates("demo2.buildings", "buildings_by_city")
    scopes = StatementScopes(trace)
    update = next(one for one in scopes.statements if "height = 633" in one.text)
    start = next(index for index, message in enumerate(trace) if message.number == update.request)
    part = trace[start:]
    known = claim.examine(part)
    # Its updates tell where it stood.
    assert known.verdict.outcome is Outcome.PASS
    assert any("'Shanghai Tower'" in note and "before the capture" in note for note in known.notes)
    silent = [
        pair.update.number
        for pair in known.pairs
        if pair.update is not None
        and pair.write.statement is not None
        and pair.write.statement.text == update.text
    ]
    report = claim.examine(without(part, silent))
    assert report.verdict.outcome is Outcome.INCONCLUSIVE
    assert "whether the view showed the row before is not known" in report.verdict.reasons[0]


def test_old_row_that_one_base_replica_deletes_all_have_to_delete(reference: Path) -> None:
    """The capture cut behind the INSERT: the deletions say where the row stood, and one is taken away."""
    trace = captured(reference, "scylla-4.2/views/view_life_rf2")
    claim = view_updates("demo2.buildings", "buildings_by_city")
    scopes = StatementScopes(trace)
    update = next(one for one in scopes.statements if "Mecca 2" in one.text)
    start = next(index for index, message in enumerate(trace) if message.number == update.request)
    part = trace[start:]
    deletions = [pair for pair in _seen(claim.examine(part)) if pair.kind.value == "delete"][:2]
    assert [pair.write.statement is not None for pair in deletions] == [True, True]
    assert deletions[0].base_key == deletions[1].base_key
    assert deletions[0].update is not None
    report = claim.examine(without(part, [deletions[0].update.number]))
    failed = [finding for finding in report.findings if finding.outcome is Outcome.FAIL]
    assert [finding.fault for finding in failed] == [Fault.MISSING]
    assert _pair_words(deletions[0])[1] in failed[0].text


def test_without_a_ring_nothing_is_claimed_to_be_paired(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    bare = Trace(trace.messages, trace.missing, Topology(), trace.schema)
    verdict = view_updates("demo2.people", "by_mail").check(bare)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("the ring is not known: capture while a client connects, or give a context",)


def test_without_its_tablets_nothing_is_claimed_to_be_paired(reference: Path) -> None:
    trace = captured(reference, "scylla-2025.1/tablets/index_rf2")
    some = tuple(tablet for tablet in trace.topology.tablets[:1])
    topology = type(trace.topology)(trace.topology.nodes, some)
    bare = Trace(trace.messages, trace.missing, topology, trace.schema)
    verdict = view_updates("demo2.people", "by_mail").check(bare)
    assert verdict.outcome is not Outcome.FAIL


def test_capture_without_writes_proves_nothing(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    verdict = view_updates("demo3.people", "by_mail").check(trace)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("no write to demo3.people is to be seen",)


# Boot to end.


@pytest.mark.parametrize(
    ("name", "context", "count"),
    [
        ("scylla-4.2/views/whole_views", "scylla-4.2/views/index_rf2", 4),
        ("scylla-4.2/base/whole_base", "scylla-4.2/base/materialized_view", 2),
        ("scylla-2025.1/base/whole_base", "scylla-2025.1/base/materialized_view", 2),
    ],
)
def test_all_views_follow_from_the_first_packet_on(
    reference: Path, name: str, context: str, count: int
) -> None:
    """Also what view building sends, of rows that were written before the view was made."""
    verdict = every_view_updated().check(captured(reference, name, context))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert len(verdict.parts) == count


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("scylla-4.2/views/whole_views", 4),
        ("scylla-4.2/base/whole_base", 2),
        ("scylla-2025.1/base/whole_base", 2),
    ],
)
def test_the_capture_alone_tells_tables_and_ring_where_a_client_asked(
    reference: Path, name: str, count: int
) -> None:
    verdict = every_view_updated().check(captured(reference, name))
    assert verdict.outcome is Outcome.PASS, verdict.reasons
    assert len(verdict.parts) == count


# Scopes and names.


def test_scope_judges_only_the_writes_in_it(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    claim = view_updates("demo2.people", "by_mail")
    scopes = StatementScopes(trace)
    first, second = (scopes.of(statement).numbers for statement in scopes.statements[:2])
    pair = next(_seen(claim.examine(trace)))
    assert pair.update is not None
    changed = without(trace, [pair.update.number])
    assert pair.update.number in first
    within_first = Scope(name="the first", where=lambda message: message.number in first)
    within_second = Scope(name="the second", where=lambda message: message.number in second)
    assert claim.check(changed, within_first).outcome is Outcome.FAIL
    assert claim.check(changed, within_second).outcome is Outcome.PASS
    assert claim.check(changed, within_second).scope == "the second"
    numbers = {
        pair.write.statement.number
        for pair in claim.examine(trace, within_second).pairs
        if pair.write.statement
    }
    assert numbers == {2}


def test_verdict_shows_each_pair_with_its_packets(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/index_write")
    verdict = view_updates("demo2.city", "by_country").check(trace)
    lines = {step.text: step for step in verdict.transcript}
    line = lines["n3 → n1: (19) writes row ('France', -3974532302236993209, 19) of the view"]
    assert (line.state, [evidence.frame_last for evidence in line.messages]) == (StepState.SEEN, [35, 41])
    local = lines["n2 alone: (19) writes row ('France', -3974532302236993209, 19) of the view"]
    assert (local.state, local.note) == (StepState.HOLDS, "not on the wire")
    assert verdict.frames == (35, 41, 48, 56)


@pytest.mark.parametrize(
    ("base", "view", "text"),
    [
        ("demo2.nothing", "x", "knows no table demo2.nothing"),
        ("demo2.people", "x", "demo2.people has no view or index x; it has demo2.by_mail_index"),
        ("demo2.by_mail_index", "x", "has no view or index x, nor any other"),
    ],
)
def test_views_that_do_not_exist_are_an_error(reference: Path, base: str, view: str, text: str) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    with pytest.raises(ExpectationError, match=re.escape(text)):
        view_updates(base, view).check(trace)


def test_table_without_its_keyspace_is_an_error() -> None:
    with pytest.raises(ExpectationError, match="lacks its keyspace"):
        view_updates("people", "by_mail")


def test_views_of_a_table_without_any_are_an_error(reference: Path) -> None:
    with pytest.raises(ExpectationError, match=re.escape("knows no view of demo3.map")):
        every_view_updated("demo3.map").check(captured(reference, "scylla-4.2/base/index_write"))


def test_claims_say_what_they_claim() -> None:
    assert str(view_updates("k.b", "v")) == "view updates of k.b reach v"
    assert str(view_updates("k.b", "v", synchronous=False)).endswith(", in the background")
    assert str(every_view_updated("k.b")) == "view updates of k.b reach every view and index"
