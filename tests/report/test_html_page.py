import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from jinja2 import Environment

from harness.events.trace import Missing
from harness.report.html_page import PageFile, environment, load_templates, render_html
from harness.report.verdict import ReportVerdict
from tests.report.traces import HOSTILE, hostile_trace, long_trace, statement, trace_of


class Elements(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.in_script = tag == "script"

    def handle_endtag(self, _tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script and "type" not in self.found[-1][1]:
            self.scripts.append(data)


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = Elements(render_html(trace_of(statement()), scenario="write"))
    for tag, attributes in page.found:
        assert tag not in {"iframe", "object", "embed", "base", "form"} or attributes == {"method": "dialog"}
        assert "src" not in attributes
        if tag == "link":
            assert str(attributes["href"]).startswith("data:")


def test_only_the_pages_own_script_may_run() -> None:
    page = Elements(render_html(hostile_trace(), scenario=HOSTILE, doc=HOSTILE))
    (script,) = page.scripts
    policy = next(
        str(attributes["content"])
        for tag, attributes in page.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "default-src 'none'" in policy


def test_text_from_the_wire_is_never_markup() -> None:
    verdict = ReportVerdict(HOSTILE, "FAIL", HOSTILE, HOSTILE)
    page = Elements(
        render_html(
            hostile_trace(),
            scenario=HOSTILE,
            run_id=HOSTILE,
            doc=HOSTILE,
            verdicts=[verdict],
            beside=[PageFile(HOSTILE, HOSTILE)],
        )
    )
    assert all(tag != "img" for tag, _ in page.found)
    assert len(page.scripts) == 1


def test_verdicts_are_in_the_page_without_its_script() -> None:
    verdicts = [
        ReportVerdict("first", "PASS", "it holds", ""),
        ReportVerdict("second", "FAIL", "it does not", "claimed  this\nseen     that"),
    ]
    page = render_html(trace_of(statement()), scenario="write", verdicts=verdicts)
    assert "<title>FAIL: write</title>" in page
    assert "claimed  this\nseen     that" in page
    # What failed is open, what passed is not.
    assert len(re.findall(r"<details open>", page)) == 1


def test_a_complete_capture_is_said_to_be_complete() -> None:
    page = render_html(trace_of(statement()), scenario="write")
    assert "Nothing is missing" in page


def test_what_is_missing_is_said() -> None:
    trace = trace_of(statement(), missing=Missing(dropped_packets=12))
    page = render_html(trace, scenario="write")
    assert "The capturing interface dropped 12 packets." in page
    assert "Nothing is missing" not in page


def test_it_says_of_how_many_messages_details_are_left_out() -> None:
    page = render_html(long_trace(200), scenario="write", details_max=50)
    assert "of 50 messages only" in page
    assert "the other 150" in page
    assert page.count('id="details-') == 1


def test_the_same_trace_gives_the_same_page() -> None:
    trace = hostile_trace()
    assert render_html(trace, scenario="write") == render_html(trace, scenario="write")


def test_a_trace_without_messages_has_a_page() -> None:
    assert "0 messages" in render_html(trace_of([]), scenario="nothing")


def test_templates_that_were_loaded_are_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    environment.cache_clear()
    load_templates()
    monkeypatch.setattr(Environment, "compile", None)
    assert render_html(trace_of(statement()), scenario="write")
