import base64
import json
import re
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.embedding import PLAIN_CHARACTERS_MAX, data_element
from tests.report.traces import HOSTILE

ELEMENT = re.compile(r'<script type="application/json" id="data"( data-packed)?>([^<]*)</script>')


def content(element: str) -> object:
    found = ELEMENT.fullmatch(element)
    assert found is not None
    text = zlib.decompress(base64.b64decode(found[2])).decode() if found[1] else found[2]
    return json.loads(text)


def test_short_values_can_be_read_in_the_source() -> None:
    assert '["a",1]' in data_element("data", ["a", 1])


def test_long_values_are_packed() -> None:
    value = ["x" * PLAIN_CHARACTERS_MAX]
    element = data_element("data", value)
    assert len(element) < 1000
    assert content(element) == value


def test_a_script_cannot_leave_its_element() -> None:
    element = data_element("data", HOSTILE)
    assert element.count("<") == 2
    assert content(element) == HOSTILE


@given(st.text(max_size=200))
@settings(max_examples=100)
def test_whatever_text_comes_back_as_it_was(text: str) -> None:
    element = data_element("data", {"text": text})
    assert element.isascii()
    assert content(element) == {"text": text}
