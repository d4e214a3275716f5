from pathlib import Path

import pytest

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Role
from harness.codec.verbs.table import TABLE as VERBS
from harness.dissect.reading import read_trace
from harness.report.contents_fields import contents_fields
from harness.report.field_node import FieldNode
from harness.report.flow import flow_of
from tests.events.messages import MUTATION_DONE, MUTATION_REQUEST, SURROUNDINGS


def test_a_mutation_is_shown_as_rows_and_cells_of_its_table() -> None:
    body = VERBS.decode(1, Line.V4_2, Role.REQUEST, MUTATION_REQUEST).body
    (change,) = contents_fields(body, None, SURROUNDINGS)
    assert change.name == "ks.t"
    key, row = change.children
    assert (key.name, key.text) == ("partition key", "1")
    assert [(cell.name, cell.text) for cell in row.children][1:] == [("a", "'ab'"), ("b", "'xyz'")]
    assert row.children[0].name == "row exists since"


def test_payloads_without_data_have_no_contents() -> None:
    body = VERBS.decode(2, Line.V4_2, Role.REQUEST, MUTATION_DONE).body
    assert contents_fields(body, None, SURROUNDINGS) == ()


@pytest.mark.reference
def test_real_reads_and_their_results_are_shown(reference: Path) -> None:
    flow = flow_of(read_trace(reference / "scylla-4.2/base/read_cl.pcapng"))
    shown: dict[tuple[str, str], FieldNode] = {}
    for arrow in flow.arrows:
        request = None if arrow.answers is None else flow.arrows[arrow.answers].message
        asked = None if request is None else request.body
        for node in contents_fields(arrow.message.body, asked, flow.surroundings):
            shown.setdefault((arrow.label, arrow.message.kind.value), node)
    assert "demo" in shown["READ_DATA", "request"].text
    rows = shown["READ_DATA", "reply"]
    assert rows.name == "rows"
    assert any(cell.name == "country" for cell in rows.children[0].children)


@pytest.mark.reference
def test_real_view_updates_say_of_which_table_the_view_is(reference: Path) -> None:
    flow = flow_of(read_trace(reference / "scylla-4.2/views/view_life_rf3.pcapng"))
    notes = {
        node.name: node.note
        for arrow in flow.arrows
        for node in contents_fields(arrow.message.body, None, flow.surroundings)
    }
    assert notes["demo3.buildings_by_city"] == "view of buildings"
