"""The plugin from outside: what a user types, and what comes back."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.written.written_capture import write_demo

pytest_plugins = ["pytester"]

HEAD = """
import pytest
from harness import Cluster, Session, Wire, cql
from harness.expect import (
    MUTATION, PAXOS_ACCEPT, PAXOS_LEARN, PAXOS_PREPARE, each, exactly, in_order, never, one_way, query, reply, request,
    result,
)

MAP = "CREATE TABLE demo.map (id int PRIMARY KEY, country text, capital text)"
INSERT = "INSERT INTO demo.map (id, country, capital) VALUES (17, 'Germany', 'Berlin') IF NOT EXISTS"
"""
PASSING = '''
@pytest.mark.cluster(capture="lwt_insert_twice", nodes=3)
def test_insert(cluster: Cluster, session: Session, wire: Wire) -> None:
    """The two other replicas promise."""
    table = cluster.table(MAP, replication_factor=3)
    with wire.statement("first insert") as first:
        assert session.execute(cql(INSERT, "QUORUM")).was_applied
    coordinator, *others = cluster.nodes
    first.expect(
        in_order(query("INSERT"), each(others, request(PAXOS_PREPARE, sender=coordinator), reply()), result(applied=True)),
        never(one_way(MUTATION, table=table)),
    )
'''
FAILING = """
@pytest.mark.cluster(capture="lwt_insert_twice", nodes=3)
def test_wrong(cluster, session, wire):
    with wire.statement("first insert") as first:
        session.execute(INSERT)
    first.expect(exactly(3, request(PAXOS_PREPARE)))
"""


@pytest.fixture
def captures(pytester: pytest.Pytester) -> Path:
    """A folder with one capture."""
    folder = pytester.path / "captures"
    write_demo(folder)
    return folder


def run(pytester: pytest.Pytester, body: str, *options: str | Path) -> pytest.RunResult:
    pytester.makepyfile(test_scenario=HEAD + body)
    # In this process the harness is imported already, and pytest cannot rewrite its assertions any more.
    return pytester.runpytest("-W", "ignore::pytest.PytestAssertRewriteWarning", *options)


def replay(pytester: pytest.Pytester, body: str, *options: str) -> pytest.RunResult:
    return run(pytester, body, "--cluster=replay", f"--pcap={pytester.path / 'captures'}", *options)


def test_a_claim_that_holds_passes_and_leaves_a_report(pytester: pytest.Pytester, captures: Path) -> None:
    found = replay(pytester, PASSING)
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["*= wire =*", "claims: 6 PASS", "reports: file://*/reports/index.html"])
    (page,) = (pytester.path / "reports").glob("scenario.insert/*/report.html")
    assert (pytester.path / "reports" / "index.html").is_file()
    assert "The two other replicas promise." in page.read_text(encoding="utf-8")


def test_a_claim_that_fails_is_told_by_its_transcript_alone(
    pytester: pytest.Pytester, captures: Path
) -> None:
    found = replay(pytester, FAILING)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            "first insert: FAIL  exactly 3: PAXOS_PREPARE*",
            "*(2 seen)*",
            "*packet *n1 -> n2  PAXOS_PREPARE*",
            "*Wireshark: frame.number == *",
            "test_scenario.py:*: FAIL",
            "file://*/report.html",
            "claims: 1 FAIL",
            "FAILED test_scenario.py::test_wrong - Failed: first insert: FAIL*",
        ]
    )
    text = found.stdout.str()
    assert "recording.py" not in text
    assert "pytest_plugin.py" not in text
    assert "Traceback" not in text
    assert found.ret == pytest.ExitCode.TESTS_FAILED


def test_each_attempt_at_a_scenario_has_its_own_report(pytester: pytest.Pytester, captures: Path) -> None:
    body = FAILING.replace("exactly(3,", "exactly(attempts.pop(),") + "\nattempts = [2, 3]\n"
    found = replay(pytester, body, "--reruns=1", "--junitxml=junit.xml")
    found.assert_outcomes(passed=1)
    pages = sorted((pytester.path / "reports").glob("scenario.wrong/*/report.html"))
    assert len(pages) == 2
    found.stdout.fnmatch_lines(
        ["scenario.wrong", "  FAIL *", f"  {pages[0].as_uri()}", "claims: 5 PASS, 1 FAIL"]
    )
    *_, case = ET.parse(pytester.path / "junit.xml").iter("testcase")
    told = {item.get("name"): item.get("value") for item in case.iter("property")}
    assert len(told) == len(list(case.iter("property")))
    assert told["wire.verdict"] == "PASS"
    assert told["wire.report"] == str(pages[1])


def test_a_capture_that_cannot_tell_is_inconclusive_under_its_own_name(
    pytester: pytest.Pytester, captures: Path
) -> None:
    capture = captures / "lwt_insert_twice.pcapng"
    capture.write_bytes(capture.read_bytes()[:-6])
    body = """
@pytest.mark.cluster(capture="lwt_insert_twice")
@pytest.mark.parametrize("claim", [request(PAXOS_PREPARE), never(one_way(MUTATION))], ids=["seen", "unseen"])
def test_cut_off(session, wire, claim):
    with wire.recording("what is left") as rest:
        session.execute(INSERT)
    rest.expect(claim)
"""
    found = replay(pytester, body)
    found.stdout.fnmatch_lines(
        [
            "test_scenario.py .I*",
            "*_ INCONCLUSIVE test_scenario.py::test_cut_off[[]unseen[]] _*",
            "what is left: INCONCLUSIVE  never: MUTATION*",
            "*the capture ends too early*",
            "*file://*report.html",
            "claims: 5 PASS, 1 INCONCLUSIVE",
            "*1 passed, 1 inconclusive*",
        ]
    )
    assert "= FAILURES =" not in found.stdout.str()
    assert found.ret == pytest.ExitCode.TESTS_FAILED


def test_a_recording_nothing_is_claimed_about_fails(pytester: pytest.Pytester, captures: Path) -> None:
    found = replay(
        pytester,
        """
def test_forgotten(session, wire):
    with wire.statement("first insert"):
        session.execute(INSERT)
""",
        f"--pcap={captures / 'lwt_insert_twice.pcapng'}",
    )
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        ["nothing was claimed about first insert: a recording without expect() proves nothing"]
    )


def test_a_statement_that_the_capture_does_not_hold_is_told_with_the_nearest(
    pytester: pytest.Pytester, captures: Path
) -> None:
    found = replay(
        pytester,
        """
@pytest.mark.cluster(capture="lwt_insert_twice")
def test_other(session, wire):
    session.execute("INSERT INTO demo.map (id, country, capital) VALUES (18, 'Germany', 'Berlin') IF NOT EXISTS")
""",
    )
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [
            "lwt_insert_twice.pcapng does not hold this statement:",
            "  INSERT INTO demo.map (id, country, capital) VALUES (18,*",
            "nearest to it:",
            "  INSERT INTO demo.map (id, country, capital) VALUES (17,*",
            "    at QUORUM (SERIAL) to n1 (packet *)",
            "test_scenario.py:*: BackendError",
        ]
    )
    assert "session.py" not in found.stdout.str()


def test_a_capture_of_a_name_that_is_not_there_is_told_with_those_that_are(
    pytester: pytest.Pytester, captures: Path
) -> None:
    found = replay(pytester, PASSING.replace("lwt_insert_twice", "lwt_insert_once"))
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(
        [
            "*captures holds no capture named lwt_insert_once; did you mean lwt_insert_twice?",
            "it holds: lwt_insert_twice",
        ]
    )


def test_a_scenario_without_the_name_of_a_capture_needs_a_file(
    pytester: pytest.Pytester, captures: Path
) -> None:
    body = PASSING.replace('capture="lwt_insert_twice", ', "")
    found = replay(pytester, body)
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["the scenario names no capture to look for in a folder*"])
    run(pytester, body, "--cluster=replay", f"--pcap={captures / 'lwt_insert_twice.pcapng'}").assert_outcomes(
        passed=1
    )


def test_a_cluster_that_does_not_fit_is_told(pytester: pytest.Pytester, captures: Path) -> None:
    found = replay(pytester, PASSING.replace("nodes=3", "nodes=5"))
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["the scenario needs 5 nodes, lwt_insert_twice.pcapng knows 3"])


def test_a_file_that_is_no_capture_is_told(pytester: pytest.Pytester) -> None:
    (pytester.path / "notes.pcapng").write_text("no packets")
    found = run(pytester, PASSING, "--cluster=replay", "--pcap=notes.pcapng")
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["notes.pcapng is no capture that can be read: *"])


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        ("shards=2", "*simulated nodes have one shard, not 2*"),
        ("tablets=True", "*simulated nodes speak 4.2, which has no tablets*"),
        ("lines=('2025.1',), because='of Raft'", "*not of 4.2,*but of 2025.1: of Raft*"),
    ],
)
def test_what_the_default_cluster_cannot_be_is_skipped_before_it_starts(
    pytester: pytest.Pytester, needs: str, why: str
) -> None:
    body = PASSING.replace('capture="lwt_insert_twice"', needs)
    assert body != PASSING
    found = run(pytester, body, "-rs")
    found.assert_outcomes(skipped=1)
    found.stdout.fnmatch_lines([why])


def test_another_version_than_that_of_simulated_nodes_is_skipped(pytester: pytest.Pytester) -> None:
    found = run(pytester, PASSING, "--scylla-version=2025.1")
    found.assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("marker", "why"),
    [
        (
            "capture='x', node=3",
            "test_scenario.py::test_x: @pytest.mark.cluster(node=...): no such name; there are: capture, nodes,*",
        ),
        ("3", "test_scenario.py::test_x: @pytest.mark.cluster takes names only: capture, nodes,*"),
    ],
)
def test_a_marker_with_other_names_is_refused(
    pytester: pytest.Pytester, captures: Path, marker: str, why: str
) -> None:
    found = replay(pytester, f"@pytest.mark.cluster({marker})\ndef test_x(cluster):\n    pass\n")
    assert found.ret == pytest.ExitCode.INTERRUPTED
    found.stdout.fnmatch_lines([why])
    assert "Traceback" not in found.stdout.str()
    assert "pluggy" not in found.stdout.str().partition("ERRORS")[2]


def test_each_capture_of_the_name_is_replayed(pytester: pytest.Pytester, captures: Path) -> None:
    write_demo(captures / "old")
    write_demo(captures / "new" / "base")
    found = replay(pytester, PASSING, "-v")
    found.assert_outcomes(passed=3)
    found.stdout.fnmatch_lines_random(
        ["*test_insert[[]old]*", "*test_insert[[]new/base]*", "*test_insert[[].]*"]
    )


def test_other_lines_are_left_out_with_the_reason(pytester: pytest.Pytester, captures: Path) -> None:
    body = PASSING.replace("nodes=3", "nodes=3, lines=('2025.1',), because='Raft changes it'")
    found = replay(pytester, body, "-rs")
    found.assert_outcomes(skipped=1)
    found.stdout.fnmatch_lines(["*not of 4.2: Raft changes it*"])
    found = replay(pytester, PASSING, "-rs", "--scylla-version=2025.1")
    found.stdout.fnmatch_lines(["*the cluster speaks 4.2, not 2025.1 (--scylla-version)*"])


def test_a_capture_of_another_line_need_not_be_there(pytester: pytest.Pytester, captures: Path) -> None:
    body = PASSING.replace("lwt_insert_twice", "tablets").replace(
        "nodes=3", "nodes=3, tablets=True, because='new'"
    )
    found = replay(pytester, body, "-rs")
    found.assert_outcomes(skipped=1)
    found.stdout.fnmatch_lines(["*no capture named tablets in *captures: new*"])


def test_ordinary_failures_stay_what_they_are(pytester: pytest.Pytester, captures: Path) -> None:
    found = replay(
        pytester,
        """
@pytest.mark.cluster(capture="lwt_insert_twice")
def test_assertion(cluster, session):
    assert session.execute(INSERT).one().applied is False
""",
    )
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(
        [">   *assert session.execute(INSERT).one().applied is False", "E  *assert True is False"]
    )


def test_tests_without_a_cluster_see_nothing_of_it(pytester: pytest.Pytester) -> None:
    found = run(pytester, "def test_x():\n    pass\n")
    found.assert_outcomes(passed=1)
    assert "= wire =" not in found.stdout.str()
    assert not (pytester.path / "reports").exists()


@pytest.mark.parametrize(
    ("head", "options", "times"),
    [
        (HEAD, [], 1),
        (HEAD, ["--cluster=simulated"], 1),
        (HEAD, ["--cluster=replay", "--pcap=."], 0),
        (HEAD, ["--collect-only"], 0),
        ("", [], 0),
    ],
)
def test_what_nodes_run_is_loaded_while_scenarios_are_imported(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, head: str, options: list[str], times: int
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("harness.backends.node_template.node_template", lambda: asked.append("once"))
    pytester.makepyfile(test_scenario=head + "def test_of_no_cluster(): pass")
    pytester.runpytest("-W", "ignore::pytest.PytestAssertRewriteWarning", *options)
    assert len(asked) == times


def test_processes_side_by_side_report_into_one_place(pytester: pytest.Pytester, captures: Path) -> None:
    body = PASSING + PASSING.replace("test_insert", "test_again") + FAILING
    pytester.makepyfile(test_scenario=HEAD + body)
    found = pytester.runpytest_subprocess(
        "-n2", "--cluster=replay", f"--pcap={captures}", "--report-dir=out", "-p", "no:cacheprovider"
    )
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(["claims: 12 PASS, 1 FAIL", "reports: file://*/out/index.html"])
    runs = {path.parent.name for path in (pytester.path / "out").glob("*/*/report.html")}
    assert len(list((pytester.path / "out").glob("*/*/report.html"))) == 3
    assert all(re.search(r"-gw\d-\d+$", name) for name in runs)


def test_junit_shows_verdict_capture_and_report(pytester: pytest.Pytester, captures: Path) -> None:
    replay(pytester, PASSING, "--junitxml=junit.xml")
    (case,) = ET.parse(pytester.path / "junit.xml").iter("testcase")
    properties = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
    assert properties["wire.verdict"] == "PASS"
    assert properties["wire.line"] == "4.2"
    assert properties["wire.capture"].endswith("captures/lwt_insert_twice.pcapng")
    assert Path(properties["wire.report"]).is_file()


def test_no_color_is_obeyed(
    pytester: pytest.Pytester, captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in replay(pytester, PASSING + FAILING).stdout.str()


def test_a_report_that_cannot_be_written_is_said_and_spoils_nothing(
    pytester: pytest.Pytester, captures: Path
) -> None:
    (pytester.path / "blocked").write_text("a file")
    found = replay(pytester, PASSING, "--report-dir=blocked", "-rA")
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["*none: cannot write the report*"])


def test_the_scenarios_pass_on_captures_of_a_real_cluster(
    pytester: pytest.Pytester, reference: Path, pytestconfig: pytest.Config
) -> None:
    found = pytester.runpytest_subprocess(
        str(pytestconfig.rootpath / "scenarios" / "write_path"),
        f"--rootdir={pytestconfig.rootpath}",
        "--cluster=replay",
        f"--pcap={reference / 'scylla-4.2' / 'base'}",
        f"--report-dir={pytester.path / 'reports'}",
        "-p",
        "no:cacheprovider",
    )
    found.assert_outcomes(passed=12, skipped=1)
    found.stdout.fnmatch_lines(["claims: * PASS", "reports: file://*"])


def test_scenarios_that_can_share_a_cluster_stand_together(pytester: pytest.Pytester) -> None:
    body = """
@pytest.mark.cluster(capture="a", nodes=3)
def test_first(cluster): pass

@pytest.mark.cluster(capture="b", nodes=5)
def test_second(cluster): pass

@pytest.mark.cluster(capture="c", nodes=3, lines=("4.2",), because="of that")
def test_third(cluster): pass
"""
    pytester.makepyfile(test_scenario=HEAD + body)

    def order(backend: str) -> list[str]:
        ignored = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        found = pytester.runpytest("--collect-only", "-q", f"--cluster={backend}", *ignored)
        return re.findall(r"::test_(\w+)", found.stdout.str())

    assert order("simulated") == ["first", "second", "third"]
    assert order("docker") == ["first", "third", "second"]
