from harness.expect.verdict import Evidence, Outcome, Verdict, all_of, display_filter


def _verdict(outcome: Outcome, name: str = "claim", *frames: int) -> Verdict:
    evidence = tuple(
        Evidence(number=frame, frame_first=frame, frame_last=frame, what="here") for frame in frames
    )
    reasons = () if outcome is Outcome.PASS else (f"because of {name}",)
    return Verdict(outcome=outcome, claim=name, reasons=reasons, evidence=evidence, scope="the statement")


def test_only_pass_is_true() -> None:
    assert _verdict(Outcome.PASS)
    assert not _verdict(Outcome.FAIL)
    assert not _verdict(Outcome.INCONCLUSIVE)


def test_one_fail_fails_all_and_one_inconclusive_is_no_pass() -> None:
    passed, failed, open_ = (_verdict(outcome) for outcome in Outcome)
    assert all_of([passed, open_, failed]).outcome is Outcome.FAIL
    assert all_of([passed, open_, passed]).outcome is Outcome.INCONCLUSIVE
    assert all_of([passed, passed]).outcome is Outcome.PASS
    assert all_of([]).outcome is Outcome.PASS


def test_the_whole_names_what_is_wrong_and_points_to_its_packets() -> None:
    whole = all_of(
        [_verdict(Outcome.PASS, "good", 1), _verdict(Outcome.FAIL, "bad\nin two lines", 9, 7)], claim="both"
    )
    assert whole.reasons == ("bad: because of bad\nin two lines",)
    assert whole.frames == (7, 9)
    assert whole.display_filter == "frame.number == 7 || frame.number == 9"
    assert whole.scope == "the statement"
    assert [part.claim for part in whole.parts] == ["good", "bad\nin two lines"]


def test_a_whole_that_passes_points_to_all_packets() -> None:
    assert all_of([_verdict(Outcome.PASS, "a", 1), _verdict(Outcome.PASS, "b", 2)]).frames == (1, 2)


def test_a_verdict_may_be_renamed() -> None:
    assert _verdict(Outcome.PASS).named("the write").claim == "the write"


def test_no_packets_make_no_filter() -> None:
    assert display_filter(()) == ""
