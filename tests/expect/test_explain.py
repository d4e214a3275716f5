"""What people read, word by word: whoever changes it reads it again."""

from hypothesis import given, settings

from harness.events.trace import Missing, Trace
from harness.expect.capture import Capture
from harness.expect.checker import check
from harness.expect.cql_patterns import query, result
from harness.expect.expectation import (
    Expectation,
    before,
    each,
    exactly,
    in_background,
    in_order,
    never,
    optional,
    quorum,
    within,
)
from harness.expect.explain import explain, title_of
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT, PAXOS_PRUNE, TRUNCATE
from harness.expect.verdict import Outcome
from tests.expect.test_checker import assume_small, told_claims
from tests.expect.traces import TraceBuilder, without


def _round() -> TraceBuilder:
    """Packets 11 to 18: a statement, two proposals, of which the second is refused, a write and its answer."""
    builder = TraceBuilder()
    asked = builder.query("INSERT INTO ks.map (id) VALUES (17)")
    second = builder.accept("n1", "n2", ballot=7)
    third = builder.accept("n1", "n3", ballot=7)
    builder.accepted(second)
    builder.accepted(third, accepted=False)
    write = builder.mutation("n1", "n2")
    builder.result(asked, applied=True)
    builder.done(write)
    return builder


def _explained(trace: Trace, *claims: Expectation) -> str:
    return explain(check(trace, *claims), trace)


ROUND = _round().trace()


def test_a_failure_shows_the_first_step_that_is_missing_the_nearest_message_and_the_field_that_differs() -> (
    None
):
    claim = in_order(
        query("INSERT"),
        each(
            ["n2", "n3"],
            request(PAXOS_ACCEPT, sender="n1", proposal__ballot=Capture("ballot")),
            reply(accepted=True),
        ),
        result(applied=True),
    )
    assert _explained(ROUND, claim) == (
        "FAIL  in order: QUERY 'INSERT' … RESULT with applied = True\n"
        "  not found: reply to PAXOS_ACCEPT from n3 to n1 with accepted = True, which answers packet 13\n"
        "\n"
        "        in order\n"
        "  ✓ 11    QUERY 'INSERT'\n"
        "          each of n2, n3, in order\n"
        "            n2\n"
        "  ✓ 12        PAXOS_ACCEPT from n1 to n2 with proposal.ballot = ‹ballot›\n"
        "  ✓ 14        reply to PAXOS_ACCEPT from n2 to n1 with accepted = True\n"
        "            n3\n"
        "  ✓ 13        PAXOS_ACCEPT from n1 to n3 with proposal.ballot = ‹ballot›\n"
        "  ✗           reply to PAXOS_ACCEPT from n3 to n1 with accepted = True\n"
        "                  nearest   packet 15  n3 -> n1  reply to PAXOS_ACCEPT: rejected  (packet 13, 2.00 ms)\n"
        "                  accepted  claimed True\n"
        "                            seen    False\n"
        "  ✓ 17    RESULT with applied = True\n"
        "\n"
        "  ‹ballot› = 00000000-0000-0000-0000-000000000007\n"
        "\n"
        "  Wireshark: frame.number == 13 || frame.number == 15"
    )


def test_what_comes_in_the_wrong_order_says_before_which_packet() -> None:
    claim = in_order(query(), one_way(MUTATION), one_way(MUTATION_DONE), result())
    text = _explained(ROUND, claim)
    assert (
        "  ✗       RESULT\n"
        "              nearest  packet 17  n1 <= 1  CQL RESULT  1 row ([applied]=true)  (packet 11, 6.00 ms)\n"
        "              order    claimed after packet 18\n"
        "                       seen    before it\n"
    ) in text
    assert text.endswith("frame.number == 11 || frame.number == 17 || frame.number == 18")


def test_several_claims_show_those_that_hold_in_a_line_each() -> None:
    assert _explained(ROUND, exactly(1, one_way(MUTATION)), never(reply(PAXOS_ACCEPT, accepted=False))) == (
        "FAIL  all claims  (1 PASS, 1 FAIL)\n"
        "  PASS  exactly 1: MUTATION\n"
        "\n"
        "  FAIL  never: reply to PAXOS_ACCEPT with accepted = False\n"
        "\n"
        "    ✗ never: reply to PAXOS_ACCEPT with accepted = False  (1 seen)\n"
        "          packet 15  n3 -> n1  reply to PAXOS_ACCEPT: rejected  (packet 13, 2.00 ms)\n"
        "\n"
        "    Wireshark: frame.number == 15"
    )


def test_a_claim_that_holds_shows_what_proves_it() -> None:
    claim = in_order(
        within(0.5, query(), result()),
        in_background(one_way(MUTATION_DONE)),
        optional(one_way(PAXOS_PRUNE)),
    )
    assert _explained(ROUND, claim) == (
        "PASS  in order: within 0.5 s, in order: … optional: PAXOS_PRUNE\n"
        "\n"
        "        in order\n"
        "          within 0.5 s, in order  (took 0.006 s)\n"
        "  ✓ 11      QUERY\n"
        "  ✓ 17      RESULT\n"
        "  ✓ 18    in the background: MUTATION_DONE\n"
        "  ·       optional: PAXOS_PRUNE  (not there)"
    )


def test_a_quorum_shows_the_nodes_that_made_it_and_those_that_did_not() -> None:
    steps = request(PAXOS_ACCEPT), reply(accepted=True)
    text = _explained(ROUND, quorum(1, *steps, of=["n3", "n2"]))
    assert "  ·       n3  (not counted)" in text
    assert text.startswith("PASS")
    failed = _explained(ROUND, quorum(2, *steps, of=["n3", "n2"]))
    assert "✗" in failed
    assert "claimed True" in failed
    background = _explained(ROUND, quorum(1, *steps, of=["n3", "n2"], rest_in_background=True))
    assert "n3, in the background" in background


def test_what_may_be_hidden_is_marked_and_says_where() -> None:
    trace = without(ROUND, [4], lost=True)
    claim = each(["n2", "n3"], request(PAXOS_ACCEPT), reply())
    text = _explained(trace, claim)
    assert text.startswith("INCONCLUSIVE  each of n2, n3, in order: PAXOS_ACCEPT, reply\n")
    assert "  it may be hidden: 1 B from n3 to n1 are not in the capture, before packet 15\n" in text
    assert "  ?         reply to PAXOS_ACCEPT from n3\n" in text
    dropped = Trace(ROUND.messages, Missing(dropped_packets=2), ROUND.topology, ROUND.schema)
    assert _explained(dropped, never(request(TRUNCATE))) == (
        "INCONCLUSIVE  never: TRUNCATE\n"
        "  it may be hidden: the capture dropped 2 packets\n"
        "\n"
        "  ? never: TRUNCATE  (none seen)"
    )


def test_what_is_optional_but_elsewhere_is_shown() -> None:
    text = _explained(ROUND, in_order(one_way(MUTATION_DONE), optional(query())))
    assert "✗" in text
    assert "optional: QUERY: it is there, but not in its place" in text


def test_what_comes_without_its_precondition_is_shown() -> None:
    text = _explained(ROUND, before(one_way(MUTATION_DONE), one_way(MUTATION)))
    assert "nothing of the kind comes before packet 16" in text
    assert text.endswith("Wireshark: frame.number == 16")


def test_a_count_that_is_right_but_in_the_wrong_place_says_so() -> None:
    text = _explained(ROUND, in_order(exactly(2, request(PAXOS_ACCEPT)), query()))
    assert "not found: QUERY" in text
    text = _explained(ROUND, in_order(query(), one_way(MUTATION), exactly(2, request(PAXOS_ACCEPT))))
    assert "2 seen, but not all in this place" in text


def test_a_title_is_one_line() -> None:
    verdict = check(ROUND, in_order(*[one_way(MUTATION, receiver=["n2", "n3"])] * 20))
    assert verdict.outcome is Outcome.FAIL
    assert len(title_of(verdict)) <= 100
    assert "\n" not in title_of(verdict)
    assert title_of(verdict.named("the write")) == "the write"


@settings(max_examples=150)
@given(told_claims())
def test_every_verdict_can_be_explained_and_always_in_the_same_words(told: tuple[Trace, Expectation]) -> None:
    trace, claim = told
    assume_small(claim)
    for seen in (trace, without(trace, [1, 2], lost=True)):
        text = _explained(seen, claim)
        assert text.startswith(str(check(seen, claim).outcome))
        assert text == _explained(seen, claim)
        assert not any(line != line.rstrip() for line in text.splitlines())
        if text.startswith("PASS"):
            assert "✗" not in text
        elif text.startswith("FAIL"):
            assert "✗" in text or "not all of them together" in text or "gave up" in text
