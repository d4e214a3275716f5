"""Claims on captures of real clusters: they hold, and fail when one message is changed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from harness.expect import (
    MUTATION,
    MUTATION_DONE,
    PAXOS_ACCEPT,
    PAXOS_LEARN,
    PAXOS_PREPARE,
    PAXOS_PRUNE,
    READ_DATA,
    READ_DIGEST,
    Capture,
    Outcome,
    acknowledged,
    any_order,
    at_most,
    before,
    check,
    each,
    exactly,
    exchange,
    explain,
    in_background,
    in_order,
    never,
    one_way,
    query,
    quorum,
    reply,
    request,
    result,
)
from harness.expect.expectation import AnyOrder, Expectation
from harness.expect.pattern import Pattern
from tests.expect.traces import doubled, redirected, without

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])
COORDINATOR = "n1"
OTHERS = ("n2", "n3")
BALLOT = Capture("ballot")


@cache
def _capture(reference: Path, line: str, name: str) -> Trace:
    return read_trace(reference / f"scylla-{line}" / "base" / f"{name}.pcapng")


def _statement(trace: Trace, text: str, nth: int = 0) -> Trace:
    """The messages from a statement to the next one of the same client."""
    asked = [
        message.number
        for message in trace.cql
        if message.kind.value == "request"
        and (b"demo2.map" in message.payload or b"demo3" in message.payload)
    ]
    start = [number for number in asked if text.encode() in trace[number].payload][nth]
    end = next((number for number in asked if number > start), len(trace))
    return trace[start:end]


def _lwt(*, applied: bool) -> Expectation:
    """RF 3, the coordinator a replica: its own vote and one other make a quorum; the other may come late.

    Source: service/storage_proxy.cc, paxos_response_handler; captures lwt_insert_twice.
    """
    learned = one_way(PAXOS_LEARN, sender=COORDINATOR, decision__ballot=BALLOT)
    return in_order(
        query("INSERT INTO demo3.map"),
        quorum(
            1,
            request(PAXOS_PREPARE, sender=COORDINATOR, table="demo3.map", key=117, ballot=BALLOT),
            reply(),
            of=OTHERS,
            rest_in_background=True,
        ),
        quorum(
            1,
            request(PAXOS_ACCEPT, sender=COORDINATOR, proposal__ballot=BALLOT),
            reply(accepted=True),
            of=OTHERS,
            rest_in_background=True,
        ),
        each(OTHERS, learned, in_background(one_way(MUTATION_DONE))),
        in_background(each(OTHERS, one_way(PAXOS_PRUNE, sender=COORDINATOR, ballot=BALLOT))),
        result(applied=applied),
    )


def _lwt_counts() -> AnyOrder:
    return any_order(
        exactly(2, request(PAXOS_PREPARE)),
        exactly(2, request(PAXOS_ACCEPT)),
        exactly(2, exchange(request(PAXOS_ACCEPT), reply())),
        exactly(2, one_way(PAXOS_LEARN, table="demo3.map", key=117)),
        exactly(2, acknowledged(one_way(PAXOS_LEARN, table="demo3.map", key=117))),
        never(one_way(MUTATION, table="demo3.map")),
        before(request(PAXOS_PREPARE, ballot=BALLOT), request(PAXOS_ACCEPT, proposal__ballot=BALLOT)),
    )


@LINES
def test_both_inserts_run_all_rounds_and_only_the_first_is_applied(reference: Path, line: str) -> None:
    trace = _capture(reference, line, "lwt_insert_twice")
    for nth, applied in ((0, True), (1, False)):
        part = _statement(trace, "INSERT", nth)
        verdict = check(part, _lwt(applied=applied), _lwt_counts())
        assert verdict, explain(verdict, part)
        assert not check(part, _lwt(applied=not applied))
    verdict = check(trace, in_order(_lwt(applied=True), _lwt(applied=False)))
    assert verdict.outcome is Outcome.FAIL, "one ballot for two rounds"


@LINES
def test_a_round_with_any_message_gone_twice_or_elsewhere_fails(reference: Path, line: str) -> None:
    part = _statement(_capture(reference, line, "lwt_insert_twice"), "INSERT", 0)
    proven = check(part, _lwt(applied=True))
    assert proven
    for item in proven.evidence:
        message = part[item.number - part[0].number]
        gone = check(without(part, [item.number]), _lwt(applied=True), _lwt_counts())
        assert gone.outcome is Outcome.FAIL, item
        text = explain(gone, without(part, [item.number]))
        assert "✗" in text
        if (
            message.verb_name.startswith("PAXOS")
            and message.verb_name != "PAXOS_PRUNE"
            and message.from_client
        ):
            twice = doubled(part, item.number)
            assert check(twice, _lwt(applied=True)), "what is claimed is there"
            refuted = check(twice, _lwt_counts())
            assert refuted.outcome is Outcome.FAIL, item
            assert item.frame_last in refuted.frames
        if message.protocol.value == "rpc":
            astray = redirected(part, item.number, "n1" if message.receiver_node != "n1" else "n3")
            refuted = check(astray, _lwt(applied=True))
            assert refuted.outcome is Outcome.FAIL, item
            assert item.frame_last in refuted.frames, explain(refuted, astray)


@LINES
def test_a_lost_message_makes_a_round_inconclusive(reference: Path, line: str) -> None:
    part = _statement(_capture(reference, line, "lwt_insert_twice"), "INSERT", 0)
    for item in check(part, _lwt(applied=True)).evidence:
        seen = without(part, [item.number], lost=True)
        assert check(seen, _lwt(applied=True)).outcome is Outcome.INCONCLUSIVE, item


_ACKNOWLEDGED_BY: dict[str, Callable[[Pattern], Expectation]] = {
    "ANY": lambda write: each(OTHERS, write, in_background(one_way(MUTATION_DONE))),
    "ONE": lambda write: each(OTHERS, write, in_background(one_way(MUTATION_DONE))),
    "QUORUM": lambda write: quorum(1, write, one_way(MUTATION_DONE), of=OTHERS, rest_in_background=True),
    "ALL": lambda write: each(OTHERS, write, one_way(MUTATION_DONE)),
}  # fmt: skip


@LINES
@pytest.mark.parametrize("level", ["ONE", "QUORUM", "ALL", "ANY"])
def test_a_write_goes_to_all_replicas_and_waits_for_as_many_as_its_level_says(
    reference: Path, line: str, level: str
) -> None:
    """RF 3, the coordinator a replica. Source: service/storage_proxy.cc; captures write_rf3."""
    part = _statement(
        _capture(reference, line, "write_rf3"),
        "INSERT INTO demo3.map",
        ["ONE", "QUORUM", "ALL", "ANY"].index(level),
    )
    write = one_way(MUTATION, sender=COORDINATOR, table="demo3.map", key=17, timeout_ms=lambda ms: ms <= 2000)
    claim = in_order(query("INSERT", consistency=level), _ACKNOWLEDGED_BY[level](write), result())
    verdict = check(part, claim, exactly(2, acknowledged(write)), at_most(2, one_way(MUTATION)))
    assert verdict, explain(verdict, part)
    if level == "ALL":
        done = next(message for message in part if message.verb_name == "MUTATION_DONE")
        late = part.part([*(message for message in part if message is not done), done._replace(number=10**9)])
        refuted = check(late, claim)
        assert refuted.outcome is Outcome.FAIL
        assert done.frame_last in refuted.frames
        assert "order" in explain(refuted, late)


@LINES
def test_with_two_replicas_a_coordinator_that_is_one_sends_one_mutation(reference: Path, line: str) -> None:
    trace = _capture(reference, line, "write_rf2")
    own = _statement(trace, "VALUES (17, 'Germany'", 1)
    write = one_way(MUTATION, sender=COORDINATOR, table="demo2.map", key=17)
    claim = in_order(query("INSERT", consistency="TWO"), acknowledged(write), result())
    assert check(own, claim, exactly(1, one_way(MUTATION)))
    foreign_key = {"4.2": 19, "2025.1": 18}[line]
    foreign = _statement(trace, f"VALUES ({foreign_key}, 'Germany'", 1)
    assert not check(foreign, claim)
    write = one_way(MUTATION, table="demo2.map", key=foreign_key)
    both = in_order(query("INSERT", consistency="TWO"), each(OTHERS, acknowledged(write)), result())
    verdict = check(foreign, both, exactly(2, write))
    assert verdict, explain(verdict, foreign)


@LINES
def test_a_read_at_two_asks_one_replica_for_data_and_one_for_a_digest(reference: Path, line: str) -> None:
    """RF 2; what the coordinator reads itself is not on the wire. Source: captures read_cl."""
    trace = _capture(reference, line, "read_cl")
    own = _statement(trace, "WHERE id = 17", 1)
    digest = request(READ_DIGEST, sender=COORDINATOR, table="demo2.map", key=17)
    claim = in_order(query("SELECT", consistency="TWO"), digest, reply(), result(rows=0))
    verdict = check(own, claim, never(request(READ_DATA)))
    assert verdict, explain(verdict, own)
    foreign_key = {"4.2": 19, "2025.1": 18}[line]
    foreign = _statement(trace, f"WHERE id = {foreign_key}", 1)
    asked: dict[str, Any] = {"sender": COORDINATOR, "table": "demo2.map", "key": foreign_key}
    claim = in_order(
        query("SELECT", consistency="TWO"),
        any_order(
            exchange(request(READ_DATA, **asked), reply()), exchange(request(READ_DIGEST, **asked), reply())
        ),
        result(rows=[{"id": foreign_key, "country": "Germany"}]),
    )
    verdict = check(foreign, claim)
    assert verdict, explain(verdict, foreign)
    wrong = check(foreign, in_order(query("SELECT"), result(rows=[{"id": foreign_key, "country": "Poland"}])))
    assert "rows" in explain(wrong, foreign)
