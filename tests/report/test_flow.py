from harness.events.folding import Noise
from harness.events.message import Kind
from harness.report.flow import flow_of
from harness.report.hues import Hue
from tests.events.messages import message
from tests.report.traces import INSERT, flow_of_messages, long_trace, pings, statement, trace_of, view_flow


def test_a_label_is_not_said_again_in_the_text() -> None:
    arrows = flow_of_messages(statement()).arrows
    assert [(arrow.label, arrow.text) for arrow in arrows[:2]] == [
        ("QUERY", f"QUORUM {INSERT}"),
        ("MUTATION", "ks.t(1) a='ab' b='xyz' #00000"),
    ]


def test_an_answer_points_to_what_it_answers_and_has_its_hue() -> None:
    arrows = flow_of_messages(statement(7)).arrows
    assert [arrow.answers for arrow in arrows] == [None, None, None, 1, 0, 2]
    assert [arrow.hue for arrow in arrows] == [
        Hue.STATEMENT,
        Hue.WRITE,
        Hue.WRITE,
        Hue.WRITE,
        Hue.STATEMENT,
        Hue.WRITE,
    ]


def test_acknowledgements_of_view_updates_are_view_updates() -> None:
    hues = [arrow.hue for arrow in view_flow(statement()).arrows]
    assert hues[1] is hues[3] is Hue.VIEW_UPDATE


def test_what_comes_after_the_answer_is_background() -> None:
    arrows = flow_of_messages(statement()).arrows
    assert [arrow.is_background for arrow in arrows] == [False, False, False, False, False, True]


def test_messages_belong_to_their_statements() -> None:
    arrows = flow_of_messages([*pings(0, 2), *statement(2), *statement(8, at_s=2.0)]).arrows
    assert [arrow.statement for arrow in arrows] == [None, None, *[1] * 6, *[2] * 6]


def test_noise_is_told_apart() -> None:
    arrows = flow_of_messages([*pings(0, 1), *statement(1)]).arrows
    assert arrows[0].noise is Noise.GOSSIP
    assert arrows[1].noise is None


def test_a_section_begins_with_each_statement_that_comes_alone() -> None:
    flow = flow_of_messages([*pings(0, 2), *statement(2), *statement(8, at_s=2.0)])
    assert [(section.first, section.headings, section.answered_at) for section in flow.sections] == [
        (2, (0,), 6),
        (8, (1,), 12),
    ]
    assert flow.headings[0].text == INSERT
    assert flow.headings[0].consistency == "QUORUM"
    assert flow.headings[0].result == "void"
    assert flow.headings[0].duration_ns == 3_000_000


def test_statements_that_overlap_share_a_section() -> None:
    first, second = statement(0), statement(6, at_s=1.001)
    flow = flow_of_messages(sorted(first + second, key=lambda one: one.time_ns))
    assert [section.headings for section in flow.sections] == [(0, 1)]


def test_a_section_whose_client_waits_in_vain_has_no_background() -> None:
    flow = flow_of_messages(statement()[:4])
    assert flow.sections[0].answered_at is None
    assert not any(arrow.is_background for arrow in flow.arrows)


def test_failures_are_marked() -> None:
    failed = message(Kind.EXCEPTION, 3, b"", from_client=False)
    arrow = flow_of(trace_of([failed])).arrows[0]
    assert arrow.is_failure


def test_an_empty_trace_is_an_empty_flow() -> None:
    flow = flow_of_messages([])
    assert (flow.arrows, flow.headings, flow.sections) == ((), (), ())


def test_arrows_are_found_by_the_numbers_of_their_messages() -> None:
    flow = flow_of(long_trace(40))
    assert all(flow.arrows[index].message.number == number for number, index in flow.index_of().items())
