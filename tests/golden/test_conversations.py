"""The course of conversations beside statements, of real clusters."""

from dataclasses import replace
from pathlib import Path

from harness.events.message import Message
from harness.events.trace import Trace
from harness.golden.compare import Difference
from harness.golden.conversations import ConversationKind, Course, course_differences, courses_of
from tests.golden.real_flows import real_trace

PREPARE, DONE = "→ PREPARE_MESSAGE request", "→ PREPARE_DONE_MESSAGE request"


def test_plans_of_a_joining_node_go_step_by_step(reference: Path) -> None:
    plan = courses_of(real_trace(reference, "topology/add_node"))[ConversationKind.PLAN]
    assert plan.count > 100
    assert {PREPARE, DONE, "← STREAM_MUTATION_DONE request"} <= plan.always
    assert (PREPARE, DONE) in plan.before
    assert "← STREAM_MUTATION_FRAGMENTS request" in plan.steps - plan.always


def test_what_plans_always_have_is_known_however_fast_they_are(reference: Path) -> None:
    trace = real_trace(reference, "topology/add_node")
    begin_ns = trace.messages[0].time_ns
    fast = [
        message._replace(time_ns=begin_ns + (message.time_ns - begin_ns) // 1000)
        for message in trace.messages
    ]
    plan = courses_of(_with(trace, fast))[ConversationKind.PLAN]
    assert plan.always == courses_of(trace)[ConversationKind.PLAN].always


def test_a_plan_that_the_recording_cuts_is_not_held_to_have_every_step(reference: Path) -> None:
    trace = real_trace(reference, "topology/add_node")
    prepares = [i for i, message in enumerate(trace.messages) if message.verb_name == "PREPARE_MESSAGE"]
    cut = list(trace.messages[: prepares[-1] + 1])
    plan = courses_of(_with(trace, cut))[ConversationKind.PLAN]
    assert plan.always == courses_of(trace)[ConversationKind.PLAN].always


def test_repairs_begin_and_stop(reference: Path) -> None:
    repair = courses_of(real_trace(reference, "faults/repair"))[ConversationKind.REPAIR]
    assert ("→ REPAIR_ROW_LEVEL_START request", "→ REPAIR_ROW_LEVEL_STOP request") in repair.before


def test_rounds_of_gossip_have_three_steps(reference: Path) -> None:
    gossip = courses_of(real_trace(reference, "base/idle_gossip"))[ConversationKind.GOSSIP]
    assert gossip.steps == {
        "→ GOSSIP_DIGEST_SYN one_way",
        "← GOSSIP_DIGEST_ACK one_way",
        "→ GOSSIP_DIGEST_ACK2 one_way",
    }


def test_the_same_course_is_no_difference(reference: Path) -> None:
    courses = courses_of(real_trace(reference, "topology/add_node"))
    assert course_differences(courses, courses) == ()


def test_a_step_that_comes_too_early_is_told(reference: Path) -> None:
    trace = real_trace(reference, "topology/add_node")
    messages = list(trace.messages)
    begin = next(i for i, message in enumerate(messages) if message.verb_name == "PREPARE_MESSAGE")
    plan_id = getattr(messages[begin].body, "plan_id")  # noqa: B009  (of any verb)
    done = next(
        message
        for message in messages
        if message.verb_name == "PREPARE_DONE_MESSAGE" and getattr(message.body, "plan_id", None) == plan_id
    )
    answered = next(i for i, message in enumerate(messages) if message.request == messages[begin].number)
    messages.remove(done)
    messages.insert(answered, done)
    found = course_differences(courses_of(trace), courses_of(_with(trace, messages)))
    early = [each for each in found if each.what == f"{DONE} and ← PREPARE_MESSAGE reply"]
    assert early == [
        Difference("streaming plan", early[0].what, "← PREPARE_MESSAGE reply first", f"{DONE} first")
    ]


def test_a_step_that_is_left_out_is_told(reference: Path) -> None:
    trace = real_trace(reference, "topology/add_node")
    done = next(message for message in trace if message.verb_name == "PREPARE_DONE_MESSAGE")
    left = [message for message in trace.messages if message is not done and message.request != done.number]
    found = course_differences(courses_of(trace), courses_of(_with(trace, left)))
    assert Difference("streaming plan", DONE, "always", "not always") in found


def test_a_kind_that_one_run_lacks_is_told(reference: Path) -> None:
    courses = courses_of(real_trace(reference, "faults/repair"))
    quiet: dict[ConversationKind, Course] = {
        kind: course for kind, course in courses.items() if kind is not ConversationKind.REPAIR
    }
    assert course_differences(courses, quiet) == (
        Difference("repair of a range", "conversations", "some", "nothing"),
    )


def _with(trace: Trace, messages: list[Message]) -> Trace:
    return replace(trace, messages=tuple(messages))
