"""Steps of real statements: who begins when, and what is awaited."""

from pathlib import Path

from harness.golden.normal_form import COORDINATOR, Flow, Step, Wait
from harness.golden.step_kind import StepKind
from tests.golden.real_flows import real_flows


def flow_of_text(reference: Path, name: str, text: str, level: str = "") -> Flow:
    return next(
        each.flow
        for each in real_flows(reference, name)
        if each.statement.text.startswith(text) and level in {"", each.statement.consistency_level}
    )


def step(flow: Flow, kind: StepKind, number: int = 0) -> Step:
    return [each for each in flow.steps if each.kind is kind][number]


def test_a_write_awaits_what_its_level_says_with_the_coordinators_part(reference: Path) -> None:
    text = "INSERT INTO demo3.map (id, country, capital)"
    by_level = {
        level: flow_of_text(reference, "base/write_rf3", text, level)
        for level in ("ONE", "QUORUM", "ALL", "ANY")
    }
    assert {level: flow.result_waits for level, flow in by_level.items()} == {
        "ONE": (Wait(StepKind.WRITE, 1),),
        "QUORUM": (Wait(StepKind.WRITE, 2),),
        "ALL": (Wait(StepKind.WRITE, 3),),
        "ANY": (),
    }
    assert {step(flow, StepKind.WRITE).copies for flow in by_level.values()} == {3}


def test_a_round_of_paxos_goes_step_by_step(reference: Path) -> None:
    flow = real_flows(reference, "base/lwt_insert_twice")[0].flow
    assert [each.kind for each in flow.steps] == [
        StepKind.PREPARE,
        StepKind.ACCEPT,
        StepKind.LEARN,
        StepKind.PRUNE,
    ]
    assert [each.waits for each in flow.steps] == [
        (),
        (Wait(StepKind.PREPARE, 2),),
        (Wait(StepKind.ACCEPT, 2),),
        (Wait(StepKind.LEARN, 2),),
    ]
    assert {sent.receiver for sent in step(flow, StepKind.ACCEPT).sent} == {"replica 1", "replica 2"}


def test_the_batchlog_comes_first_and_is_cleared_last(reference: Path) -> None:
    flow = next(
        each.flow
        for each in real_flows(reference, "base/batch")
        if any(one.kind is StepKind.BATCHLOG for one in each.flow.steps)
    )
    assert step(flow, StepKind.WRITE).waits == (Wait(StepKind.BATCHLOG, 1),)
    assert step(flow, StepKind.UNBATCH).waits[0].kind is StepKind.WRITE


def test_a_forwarded_write_is_one_step_with_its_forwards(reference: Path) -> None:
    flow = next(
        each.flow
        for each in real_flows(reference, "multidc/multi_dc")
        if any(len(one.sent) > 2 and one.kind is StepKind.WRITE for one in each.flow.steps)
    )
    senders = {sent.sender for sent in step(flow, StepKind.WRITE).sent}
    assert COORDINATOR in senders
    assert any(sender.startswith("remote replica") for sender in senders)


def test_view_updates_begin_after_the_write_to_the_table(reference: Path) -> None:
    updates = [
        one
        for each in real_flows(reference, "views/view_life_rf2")
        for one in each.flow.steps
        if one.kind is StepKind.VIEW and one.sender != COORDINATOR
    ]
    assert updates
    assert {one.heard for one in updates} == {"write"}


def test_repairs_come_after_the_mutations_of_all(reference: Path) -> None:
    flow = real_flows(reference, "faults/digest_mismatch")[0].flow
    assert step(flow, StepKind.RECONCILE).waits == (Wait(StepKind.READ, 3),)
    assert step(flow, StepKind.REPAIR).waits == (Wait(StepKind.RECONCILE, 3),)
