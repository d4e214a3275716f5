from xml.etree import ElementTree as ET

from harness.report.flow import flow_of
from harness.report.flow_picture import svg_of
from tests.report.traces import HOSTILE, flow_of_messages, hostile_trace, long_trace, pings, statement

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(picture).iter(f"{SVG}text")]


def test_a_picture_shows_lanes_statements_and_messages() -> None:
    shown = texts(svg_of(flow_of_messages([*pings(0, 2), *statement(2)]), title="write"))
    assert {"client", "n1", "MUTATION", "2 gossip messages"} <= set(shown)
    assert "1 · QUORUM · INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')" in shown


def test_answers_are_dashed() -> None:
    picture = ET.fromstring(svg_of(flow_of_messages(statement()), title="write"))
    lines = [element.get("class", "") for element in picture.iter(f"{SVG}line")]
    assert sum("answer" in line for line in lines) == 3


def test_text_from_the_wire_is_text() -> None:
    picture = svg_of(flow_of(hostile_trace()), title=HOSTILE)
    root = ET.fromstring(picture)
    assert [element.tag for element in root.iter() if "script" in element.tag] == []
    assert root.findtext(f"{SVG}title") == HOSTILE


def test_a_limit_is_told() -> None:
    shown = texts(svg_of(flow_of(long_trace(100)), title="write", messages_max=10))
    assert shown[-1] == "50 more messages are left out of this picture"


def test_a_picture_of_nothing_is_a_picture() -> None:
    assert texts(svg_of(flow_of_messages([]), title="nothing"))[0] == "n1"
