"""Ready-made claims as text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ExpectationError
from harness.expect.claim_language import (
    CLAIMS,
    EXIT_FAIL,
    EXIT_INCONCLUSIVE,
    EXIT_PASS,
    check_claims,
    claims_text,
    exit_status,
    parse_claim,
)
from harness.expect.lwt_claim import lwt_round
from harness.expect.monitors import monitors
from harness.expect.read_claim import read
from harness.expect.ready_claim import ReadyClaim
from harness.expect.verdict import Outcome, Verdict
from harness.expect.view_updates import every_view_updated, view_updates
from harness.expect.write_claim import write
from tests.expect.captured import captured
from tests.expect.traces import without


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("view_updates:ks.base,ks.view", view_updates("ks.base", "ks.view")),
        ("view-updates: ks.base, view , synchronous=true", view_updates("ks.base", "view", synchronous=True)),
        ("view_updates:ks.base", every_view_updated("ks.base")),
        ("view_updates", every_view_updated()),
        ("write", write()),
        ("write:ks.t,rf=2,consistency=quorum", write(table="ks.t", rf=2, consistency="QUORUM")),
        ("write:rf=3", write(rf=3)),
        ("read:ks.t,consistency=ONE", read(table="ks.t", consistency="ONE")),
        ("lwt_round:applied=no", lwt_round(applied=False)),
        (" monitors ", monitors()),
    ],
)
def test_text_is_the_claim_that_it_says(text: str, claim: ReadyClaim) -> None:
    assert parse_claim(text) == claim


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_claim_can_be_written_without_anything_else(name: str) -> None:
    assert str(parse_claim(name))
    assert CLAIMS[name].usage in claims_text()
    assert CLAIMS[name].meaning in claims_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wrte:ks.t", ["no claim is called 'wrte'; did you mean write?", "known claims:", "  read[:TABLE,"]),
        ("", ["no claim is called ''", "monitors"]),
        ("write:ks.t,rf=x", ["claim 'write:ks.t,rf=x': rf=x is no number", "it is written write[:TABLE,"]),
        ("write:ks.t,rf=0", ["rf=0 is no number from 1 to 999"]),
        ("write:ks.t,cl=ONE", ["no setting 'cl'; it takes rf, consistency"]),
        ("write:ks.t,consistancy=ONE", ["no setting 'consistancy'; did you mean consistency?"]),
        ("write:t", ["table 't' lacks its keyspace"]),
        ("write:ks.t,consistency=QORUM", ["did you mean QUORUM?"]),
        ("write:ks.t,ks.u", ["'ks.u' is one table too many"]),
        ("write:rf=2,ks.t", ["'ks.t' is one table too many, or no setting"]),
        ("lwt_round:applied=maybe", ["applied=maybe is neither true nor false"]),
        ("monitors:x=1", ["no setting 'x'; it takes none"]),
    ],
)
def test_what_cannot_be_understood_is_explained(text: str, words: list[str]) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse_claim(text)
    for word in words:
        assert word in str(caught.value)


@given(st.text(alphabet="abdeirsuvw_:,=. 019", max_size=60) | st.text(max_size=60))
@settings(max_examples=200)
def test_no_text_is_any_other_error(text: str) -> None:
    try:
        parse_claim(text)
    except ExpectationError:
        return


def _verdict(outcome: Outcome) -> Verdict:
    return Verdict(outcome=outcome, claim="a claim")


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([], EXIT_PASS),
        ([Outcome.PASS, Outcome.PASS], EXIT_PASS),
        ([Outcome.PASS, Outcome.INCONCLUSIVE], EXIT_INCONCLUSIVE),
        ([Outcome.INCONCLUSIVE, Outcome.FAIL, Outcome.PASS], EXIT_FAIL),
    ],
)
def test_worst_outcome_is_the_exit_status(outcomes: list[Outcome], status: int) -> None:
    assert exit_status(_verdict(outcome) for outcome in outcomes) == status
    assert (EXIT_PASS, EXIT_FAIL, EXIT_INCONCLUSIVE) == (0, 1, 3)


def test_several_claims_are_held_against_a_trace_in_their_order(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    texts = (
        "view_updates:demo2.people,by_mail",
        "write:demo2.people,rf=2,consistency=TWO",
        "read",
        "monitors",
    )
    verdicts = check_claims(trace, [parse_claim(text) for text in texts])
    assert [verdict.outcome for verdict in verdicts] == [Outcome.PASS] * 4
    assert exit_status(verdicts) == EXIT_PASS
    update = next(message for message in trace if message.verb == 1 and message.timeout_ms == 300_000)
    changed = check_claims(without(trace, [update.number]), [parse_claim(text) for text in texts])
    assert [verdict.outcome for verdict in changed[:3]] == [Outcome.FAIL, Outcome.PASS, Outcome.PASS]
    # By statement, base key, replica pair and packet number.
    reason = changed[0].reasons[0]
    for word in ("statement 1 (packet 18)", "('org0', 0)", "n5 → n3", "packet 20"):
        assert word in reason
    with pytest.raises(ExpectationError, match="has no view or index nothing"):
        check_claims(trace, [parse_claim("view_updates:demo2.people,nothing")])
