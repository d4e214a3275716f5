import re
from pathlib import Path

from harness.dissect.native import NativeDissector
from harness.dissect.reading import read_trace
from harness.events.flow_text import FlowLine, FlowText, LineKind
from harness.events.message import Message
from harness.events.surroundings import Surroundings
from harness.events.verb_family import Family
from tests.written.lwt_insert_twice import INSERT, capture, context

SYN = "GOSSIP_DIGEST_SYN"


def flow_of(messages: list[Message], surroundings: Surroundings, *, folds: bool = True) -> list[FlowLine]:
    text = FlowText(surroundings, folds=folds)
    return [line for one in messages for line in text.add(one)] + text.close()


def demo_flow(*, folds: bool = True) -> list[FlowLine]:
    dissector = NativeDissector(context=context())
    messages = dissector.feed(capture()) + dissector.close()
    surroundings = Surroundings(dissector.schema, dissector.topology, dissector.first_time_ns)
    return flow_of(messages, surroundings, folds=folds)


def test_each_statement_is_a_heading_with_its_level_and_coordinator() -> None:
    headings = [line.text for line in demo_flow() if line.kind is LineKind.HEADING]
    assert headings == [f"━━ statement {number}, QUORUM/SERIAL through n1 ━━ {INSERT}" for number in (1, 2)]


def test_the_lwt_reads_like_the_story_it_is() -> None:
    verbs: list[str] = []
    for line in demo_flow():
        if line.kind is LineKind.HEADING:
            verbs.append("statement")
        elif line.kind is LineKind.MESSAGE:
            words = line.contents.removeprefix("reply to ").replace(":", " ").split()
            verbs.append(("reply " if line.contents.startswith("reply") else "") + words[0])
    first = verbs[verbs.index("statement") + 1 : verbs.index("statement", verbs.index("statement") + 1)]
    for verb in ("PAXOS_PREPARE", "reply PAXOS_PREPARE", "PAXOS_ACCEPT", "reply PAXOS_ACCEPT", "PAXOS_LEARN"):
        assert first.count(verb) == 2, verb
    assert first.count("MUTATION_DONE") == 2
    assert first.count("PAXOS_PRUNE") == 2
    assert first.index("PAXOS_PREPARE") < first.index("PAXOS_ACCEPT") < first.index("PAXOS_LEARN")
    results = [line.text for line in demo_flow() if "CQL RESULT" in line.text]
    assert "[applied]=true" in results[0]
    assert "[applied]=false" in results[1]
    assert all("(packet " in result for result in results)


def test_what_comes_after_the_result_is_background() -> None:
    is_answered = False
    for line in demo_flow():
        if line.kind is LineKind.HEADING:
            is_answered = False
        elif "CQL RESULT" in line.contents:
            is_answered = True
        elif line.kind is LineKind.MESSAGE:
            assert line.is_background == is_answered, line.text
            assert line.tail.endswith("background") == is_answered


def test_noise_is_folded_unless_everything_is_wanted() -> None:
    folded = [line.text for line in demo_flow()]
    assert not any(SYN in line for line in folded)
    everything = demo_flow(folds=False)
    assert not any(line.kind is LineKind.FOLD for line in everything)
    assert len([line for line in everything if line.kind is LineKind.MESSAGE]) > len(
        [line for line in demo_flow() if line.kind is LineKind.MESSAGE]
    )


def test_messages_have_families_for_their_colours() -> None:
    families = {line.family for line in demo_flow() if line.kind is LineKind.MESSAGE}
    assert families == {Family.CQL, Family.PAXOS, Family.WRITE}


def _real_flow(path: Path, *, folds: bool = True) -> list[FlowLine]:
    trace = read_trace(path)
    return flow_of(list(trace), trace.surroundings, folds=folds)


def test_gossip_between_statements_is_one_line(reference: Path) -> None:
    lines = _real_flow(reference / "scylla-4.2" / "base" / "lwt_insert_twice.pcapng")
    folds = [line.text.strip() for line in lines if line.kind is LineKind.FOLD]
    assert folds == [
        "… 3 gossip messages folded (SYN 1, ACK 1, ACK2 1)",
        "… 6 gossip messages folded (SYN 2, ACK 2, ACK2 2)",
        "… 27 gossip messages folded (SYN 9, ACK 9, ACK2 9)",
    ]
    assert all(line.kind is not LineKind.BLANK or line.text == "" for line in lines)


def test_nothing_gets_lost_when_everything_is_wanted(reference: Path) -> None:
    path = reference / "scylla-4.2" / "base" / "lwt_insert_twice.pcapng"
    lines = _real_flow(path, folds=False)
    assert len([line for line in lines if line.kind is LineKind.MESSAGE]) == len(read_trace(path))


def test_statements_at_the_same_time_have_numbers_and_so_have_their_messages(reference: Path) -> None:
    lines = _real_flow(reference / "scylla-2025.1" / "errors" / "lwt_race_three_coordinators.pcapng")
    asked = {
        found[1]: line
        for line in lines
        if "CQL QUERY" in line.contents and (found := re.search(r"\[(\d+)\]", line.tail))
    }
    accepts = [line for line in lines if line.contents.startswith("PAXOS_ACCEPT")]
    told = own = 0
    for accept in accepts:
        number = re.search(r"\[(\d+)\]", accept.tail)
        value = re.search(r"capital='(\d+)'", accept.contents)
        # A statement that began alone is a heading; its line has no number.
        if number is None or value is None or number[1] not in asked:
            continue
        told += 1
        statement = asked[number[1]]
        assert accept.head.split()[2] == statement.head.split()[4]
        own += f"SET {value[0]}" in statement.contents
    assert told > len(accepts) / 2
    # A coordinator may first have to finish what another one began: then the value is not its own.
    assert own > told * 0.9


def test_view_updates_after_the_result_are_background(reference: Path) -> None:
    lines = _real_flow(reference / "scylla-2025.1" / "tablets" / "view_life_rf3.pcapng")
    late = [line for line in lines if line.is_background and "buildings_by_city" in line.contents]
    assert late
    assert any("MUTATION_DONE" in line.contents for line in lines if line.is_background)
