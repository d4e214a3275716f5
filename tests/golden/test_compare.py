"""What is told of two flows: nothing of the same statement, and every message that is changed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.wire import ABSENT
from harness.events.message import Kind, Message, Protocol
from harness.events.statement_scope import statement_scopes
from harness.events.trace import Trace
from harness.golden.compare import Difference, flow_differences, pooled_differences, unseen_differences
from harness.golden.flows import StatementFlow, statement_flows
from harness.golden.normal_form import Flow
from tests.conformance.mutation import Mutation, mutated
from tests.golden.real_flows import NAMES, real_flows, real_trace


def _flow(trace: Trace, request: int) -> Flow:
    """The flow of the statement whose request has that number."""
    (found,) = statement_flows(trace, [request])
    return found.flow


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_recording_is_equal_to_the_whole(reference: Path, name: str) -> None:
    part = real_flows(reference, name)
    whole = {each.statement.started_ns: each for each in real_flows(reference, "base/whole_base")}
    pairs = [(each, whole[each.statement.started_ns]) for each in part]
    assert pairs
    assert [flow_differences(each.flow, other.flow) for each, other in pairs] == [()] * len(pairs)


@pytest.mark.parametrize("name", ["base/prepared_writes", "shards/lz4_two_shards"])
def test_the_same_statement_with_another_key_is_equal(reference: Path, name: str) -> None:
    by_form: dict[tuple[str, str, bool], list[Flow]] = {}
    for each in real_flows(reference, name):
        flow = each.flow
        by_form.setdefault((flow.text, flow.consistency_level, flow.coordinator_has_part), []).append(flow)
    several = [flows for flows in by_form.values() if len(flows) > 1]
    assert several
    for first, *others in several:
        assert [flow_differences(first, other) for other in others] == [()] * len(others)


def _middle(flows: tuple[StatementFlow, ...], trace: Trace) -> Iterator[tuple[StatementFlow, Message]]:
    """One message of each verb and kind that belongs to statements, with the first of them."""
    seen: set[tuple[str, Kind]] = set()
    for each in flows:
        for message in _messages(each, trace):
            if (message.verb_name, message.kind) not in seen:
                seen.add((message.verb_name, message.kind))
                yield each, message


def _messages(each: StatementFlow, trace: Trace) -> list[Message]:
    scope = statement_scopes(trace).of(each.statement)
    return [message for message in scope.messages if message.protocol is Protocol.RPC]


@pytest.mark.parametrize(
    "name", ["base/batch", "base/lwt_insert_twice", "base/write_rf2", "base/write_rf3", "multidc/multi_dc"]
)
@pytest.mark.parametrize("mutation", Mutation, ids=lambda mutation: mutation.value)
def test_every_change_of_one_message_is_told(reference: Path, name: str, mutation: Mutation) -> None:
    trace = real_trace(reference, name)
    missed: list[str] = []
    for each, message in _middle(real_flows(reference, name), trace):
        changed = mutated(trace, message, mutation)
        flows = statement_flows(changed)
        found = [other for other in flows if other.statement.started_ns == each.statement.started_ns]
        if not flow_differences(each.flow, found[0].flow):
            missed.append(f"{message.verb_name} {message.kind.value}")
    assert missed == []


def _with_payload(trace: Trace, message: Message, payload: bytes) -> Trace:
    return replace(
        trace,
        messages=tuple(
            each._replace(payload=payload) if each.number == message.number else each for each in trace
        ),
    )


def test_an_optional_field_that_is_left_out_is_told(reference: Path) -> None:
    trace = real_trace(reference, "base/write_rf3")
    each = next(each for each in real_flows(reference, "base/write_rf3") if each.statement.is_change)
    (write, *_) = [message for message in _messages(each, trace) if message.verb_name == "MUTATION"]
    assert getattr(write.body, "trace") is None  # noqa: B009
    shorter = encode_payload(replace(write.body, trace=ABSENT))  # type: ignore[type-var]
    assert shorter == write.payload[:-1]
    flow = _flow(_with_payload(trace, write, shorter), each.statement.request)
    assert Difference("write of demo3.map: MUTATION", "trace", "none", "absent") in flow_differences(
        each.flow, flow
    )


def test_an_answer_too_early_is_told(reference: Path) -> None:
    trace = real_trace(reference, "base/write_rf3")
    (each, *_) = [
        each for each in real_flows(reference, "base/write_rf3") if each.statement.consistency_level == "ALL"
    ]
    request, result = each.statement.request, each.statement.result
    assert result is not None
    done = [message for message in _messages(each, trace) if message.verb_name == "MUTATION_DONE"]
    early = trace.messages[result]
    others = [message for message in trace.messages if message.number != result]
    place = others.index(done[-1])
    hurried = Trace((*others[:place], early, *others[place:]), trace.missing, trace.topology, trace.schema)
    numbers = {message.number: index for index, message in enumerate(hurried.messages)}
    renumbered = tuple(
        message._replace(
            number=numbers[message.number],
            request=None if message.request is None else numbers[message.request],
            acknowledges=None if message.acknowledges is None else numbers[message.acknowledges],
        )
        for message in hurried.messages
    )
    flow = _flow(replace(hurried, messages=renumbered), numbers[request])
    assert flow_differences(each.flow, flow) == (
        Difference("result", "awaits", "3 answers to write", "2 answers to write"),
    )


def test_what_is_chance_is_compared_by_forms_alone(reference: Path) -> None:
    flows = [each.flow for each in real_flows(reference, "base/lwt_contention")]
    contended = [flow for flow in flows if flow.is_contended]
    assert len(contended) > 10
    assert pooled_differences(contended, contended[::-1]) == ()
    assert unseen_differences(contended, contended[::-1]) == ()
    # Most of them are like others, but not all.
    told = {each.where for each in unseen_differences(contended[:1], contended)}
    assert "prepare: PAXOS_PREPARE: reply to PAXOS_PREPARE" in told
    assert unseen_differences(contended, contended[:1]) == ()
