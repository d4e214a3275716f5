import pytest

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Verb
from harness.terminal.verb_page import all_verbs, find_verb, verb_lines


def page(name: str, line: Line | None = None, width: int = 0) -> list[str]:
    verb = find_verb(name)
    assert isinstance(verb, Verb)
    return list(verb_lines(verb, line, width))


def test_a_verb_is_found_by_any_name_and_by_its_number() -> None:
    assert find_verb("FORWARD_REQUEST") is find_verb("MAPREDUCE_REQUEST") is find_verb("61")
    assert find_verb("mutation") == "no verb is called 'mutation'; did you mean MUTATION or MUTATION_DONE?"
    assert find_verb("XYZZY") == "no verb is called 'XYZZY'; harness describe lists all"


def test_the_page_begins_with_names_mode_and_purpose() -> None:
    lines = page("61")
    assert lines[0] == "MAPREDUCE_REQUEST, verb 61, request/reply"
    assert "  names: FORWARD_REQUEST (since 5.4), MAPREDUCE_REQUEST (since 6.2)" in lines
    assert page("61", Line.V5_4)[0].startswith("FORWARD_REQUEST")
    assert "  nobody sends it from 2026.3 on" in page("DEFINITIONS_UPDATE")
    assert any("tried on bytes of real clusters: 4.2, 2025.1" in line for line in page("MUTATION"))


def test_fields_of_younger_lines_are_hidden_with_all_that_is_in_them() -> None:
    new = "\n".join(page("PAXOS_PRUNE"))
    assert "[since 2026.3]" in new
    assert "topology_version" in new
    old = "\n".join(page("PAXOS_PRUNE", Line.V2025_1))
    assert "fence" not in old
    assert "topology_version" not in old


def test_a_payload_without_fields_says_so() -> None:
    assert "  no fields" in page("TRUNCATE")


def test_other_forms_are_pointed_to() -> None:
    assert page("JOIN_NODE_REQUEST")[-1] == "other forms since 5.4: --line shows them"


@pytest.mark.parametrize("width", [80, 100, 120])
def test_texts_are_wrapped_under_their_column(width: int) -> None:
    lines = page("PAXOS_PRUNE", width=width)
    assert max(map(len, lines)) <= width
    assert len(lines) > len(page("PAXOS_PRUNE"))


def test_where_the_columns_leave_no_room_texts_stand_below_them() -> None:
    lines = page("PAXOS_PRUNE", width=40)
    assert any(line.startswith(" " * 8 + "Equal to the tracing id") for line in lines)


def test_long_layouts_stick_out_and_push_their_text_down() -> None:
    lines = page("PAXOS_ACCEPT")
    index = next(i for i, line in enumerate(lines) if "VW<S{LiveMarker}" in line)
    assert lines[index].endswith(">")


def test_all_verbs_of_a_line_are_listed() -> None:
    assert len(list(all_verbs(Line.V4_2))) == 44
    assert next(iter(all_verbs(None))).startswith("  0  CLIENT_ID ")
