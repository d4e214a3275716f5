"""The pytest plugin: scenarios as tests, with a cluster, a session and recordings as fixtures.

    pytest scenarios                                        (on a simulated cluster)
    pytest scenarios --cluster=replay --pcap FILE|FOLDER

A verdict that is not PASS fails the scenario, with the transcript as its text; INCONCLUSIVE does so under its own name.
"""

import inspect
import os
import re
import sys
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import BackendError, HarnessError
from harness.interrupts import end_in_order
from harness.pytest_options import add_options, choice_of, expect_sensible

if TYPE_CHECKING:
    from harness.backends.contract import Cluster, Needs, Session
    from harness.recording import Judged, Wire
    from harness.run import Run

RUN: "pytest.StashKey[Run]" = pytest.StashKey()
RUN_ID = pytest.StashKey[str]()
STARTED = pytest.StashKey[datetime]()
VERDICT, CAPTURE, LINE, REPORT = "wire.verdict", "wire.capture", "wire.line", "wire.report"
"""Properties of a scenario's report, which JUnit's file shows too."""
_PROPERTIES = (VERDICT, CAPTURE, LINE, REPORT)
INCONCLUSIVE = "INCONCLUSIVE"
_MARKER = (
    "cluster(capture=NAME, nodes=N, datacenters=N, shards=N, compression=NAME, lines=(LINE, ...), tablets=BOOL, "
    "hints=BOOL, because=TEXT): what a scenario needs; capture names the file that replay looks for in a folder"
)
_MARKER_NAMES = (
    "capture",
    "nodes",
    "datacenters",
    "shards",
    "compression",
    "lines",
    "tablets",
    "hints",
    "because",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which cluster scenarios run on, and what becomes of them."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense before anything is collected.

    Raises:
        pytest.UsageError: a cluster of an unknown name, a capture that is missing or superfluous.
    """
    config.addinivalue_line("markers", _MARKER)
    expect_sensible(config)
    if config.getoption("--cluster") in {"docker", "executable"}:
        # Their nodes are other people's programs, which take memory and time until somebody ends them.
        config.add_cleanup(end_in_order())
    config.stash[STARTED] = datetime.now(UTC)
    config.pluginmanager.register(_Summary(config), "wire-summary")


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Have the program of simulated nodes loaded, by a process of its own, while the first scenario is imported."""
    config = collector.config
    is_simulated = config.getoption("--cluster") in {None, "simulated"} and sys.platform == "linux"
    if (
        not is_simulated
        or config.option.collectonly
        or not isinstance(collector, pytest.Module)
        or not _is_scenario(collector.path)
    ):
        return
    from harness.backends.node_template import node_template  # noqa: PLC0415  (costs time that other tests need not spend)

    # Who needs it for a cluster says what is wrong.
    with suppress(OSError):
        node_template()


def _is_scenario(path: Path) -> bool:
    """Whether a file looks like one of scenarios: it takes the harness's names, and somewhere a cluster."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return "from harness import" in text and "cluster" in text


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Replay a scenario on each capture of its name in the folder.

    Raises:
        pytest.Collector.CollectError: its marker makes no sense.
    """
    if "cluster" not in metafunc.fixturenames:
        return
    try:
        name = _marked(metafunc.definition).get("capture")
    except pytest.UsageError as error:
        # Of this kind alone pytest shows the text without the way that it took through pytest.
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from None
    if metafunc.config.getoption("--cluster") != "replay":
        return
    folder = Path(metafunc.config.getoption("--pcap"))
    if not folder.is_dir() or not isinstance(name, str):
        return
    from harness.backends.replay.captures import captures_named  # noqa: PLC0415  (replay alone needs it)

    try:
        captures = captures_named(folder, name)
    except BackendError:
        # The fixture says so for this scenario alone; the others go on.
        return
    if len(captures) > 1:
        ids = [path.parent.relative_to(folder).as_posix() for path in captures]
        metafunc.parametrize("cluster", captures, indirect=True, ids=ids)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let scenarios with the same needs stand together where they share a cluster."""
    backend = config.getoption("--cluster")
    if backend is None:
        return
    from harness.clusters import shares_clusters  # noqa: PLC0415  (costs time that other tests need not spend)

    if shares_clusters(backend):
        items.sort(key=_order_of_needs)


def _order_of_needs(item: pytest.Item) -> str:
    try:
        marked = _marked(item)
    except pytest.UsageError:
        # Told when it was collected, if it wants a cluster.
        return ""
    for name in ("capture", "because", "lines"):
        marked.pop(name, None)
    return str(sorted(marked.items(), key=lambda pair: pair[0]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Bring no nodes back behind the last scenario: with real ones that takes long."""
    if nextitem is None:
        _expect_no_more()


def pytest_keyboard_interrupt() -> None:
    """Nor behind one that was interrupted."""
    _expect_no_more()


def _expect_no_more() -> None:
    clusters = sys.modules.get("harness.clusters")
    if clusters is not None:
        clusters.expect_no_more()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the cluster that scenarios have shared."""
    clusters = sys.modules.get("harness.clusters")
    if clusters is not None:
        try:
            clusters.end_shared(config.getoption("--cluster"))
        except HarnessError as error:
            # All scenarios have been judged.
            sys.stderr.write(f"what was started cannot be ended: {error}\n")


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> "Iterator[Cluster]":
    """The cluster of the scenario, as ``@pytest.mark.cluster`` asks for it."""
    run = _opened_or_why(request)
    if isinstance(run, str):
        pytest.fail(run, pytrace=False)
    request.node.stash[RUN] = run
    yield run.cluster
    run.close()


@pytest.fixture
def session(request: pytest.FixtureRequest, cluster: "Cluster") -> "Session":  # noqa: ARG001
    """A session whose statements all go to the first node."""
    return request.node.stash[RUN].session()  # type: ignore[no-any-return]  # the stash of a request's node is Any


@pytest.fixture
def wire(request: pytest.FixtureRequest, cluster: "Cluster") -> "Wire":  # noqa: ARG001
    """Recordings: ``with wire.statement() as first: ...``, then ``first.expect(...)``."""
    return request.node.stash[RUN].wire  # type: ignore[no-any-return]  # the same


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Say errors of the harness without its inside; then hold the run against what every run has to pass."""
    why = ""
    try:
        yield
        if RUN in item.stash:
            item.stash[RUN].finish()
    except HarnessError as error:
        place = _place(traceback.extract_tb(error.__traceback__), item)
        why = f"{error}\n\n{place}{type(error).__name__}"
    if why:
        pytest.fail(why, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write the report, and put verdict, capture and report into what pytest reports."""
    report = yield
    run = item.stash.get(RUN, None)
    if run is None or call.when != "call":
        return report
    properties: list[tuple[str, object]] = [(LINE, run.cluster.line.value)]
    if run.outcome is not None:
        properties.append((VERDICT, str(run.outcome)))
    if run.opened.capture is not None and not run.opened.is_temporary:
        properties.append((CAPTURE, str(run.opened.capture)))
    try:
        written = run.write_report(_report_folder(item.config), _run_id(item))
    except HarnessError as error:
        written = None
        report.sections.append(("report", f"none: {error}"))
    if written is not None:
        if run.opened.is_temporary:
            properties.append((CAPTURE, str(written.capture)))
        properties.append((REPORT, str(written.page)))
        report.sections.append(("report", written.page.absolute().as_uri()))
    # The summary reads them from this report, JUnit's file from that of the teardown; of an earlier attempt nobody does.
    others = [pair for pair in item.user_properties if pair[0] not in _PROPERTIES]
    report.user_properties = others + properties
    item.user_properties[:] = others + properties
    return report


def pytest_report_teststatus(
    report: pytest.TestReport,
) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Show INCONCLUSIVE under its own name."""
    if _is_inconclusive(report):
        return "inconclusive", "I", (INCONCLUSIVE, {"yellow": True})
    return None


class _Summary:
    """What stands at the end: verdicts, and where the reports are."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the reports of scenarios; those of other processes come here too."""
        if report.when == "call" and any(name == LINE for name, _ in report.user_properties):
            self._reports.append(report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write the summary."""
        for report in self._reports:
            if _is_inconclusive(report):
                terminalreporter.section(f"{INCONCLUSIVE} {report.nodeid}", sep="_", yellow=True)
                terminalreporter.line(report.longreprtext)
        pages = [
            Path(str(value))
            for report in self._reports
            for name, value in report.user_properties
            if name == REPORT
        ]
        if not pages:
            return
        from harness.run import index_runs, summary_lines  # noqa: PLC0415  (costs time that others need not spend)

        terminalreporter.section("wire")
        try:
            index = index_runs(_report_folder(self._config))
        except HarnessError as error:
            index = None
            terminalreporter.line(str(error), red=True)
        for line in summary_lines(pages, index):
            terminalreporter.line(line.text, **_COLOURS.get(line.outcome, {}))


_COLOURS = {"PASS": {"green": True}, "FAIL": {"red": True}, INCONCLUSIVE: {"yellow": True}}


def _is_inconclusive(report: pytest.TestReport) -> bool:
    return report.when == "call" and report.failed and (VERDICT, INCONCLUSIVE) in report.user_properties


def _report_folder(config: pytest.Config) -> Path:
    """Relative to the project where there is one, else to where pytest was called."""
    base = config.rootpath if config.inipath is not None else config.invocation_params.dir
    return base / str(config.getoption("--report-dir"))


def _run_id(item: pytest.Item) -> str:
    """One for all scenarios of this process: their reports belong together, but for later attempts (--reruns)."""
    config = item.config
    if RUN_ID not in config.stash:
        from harness.run import new_run_id  # noqa: PLC0415  (costs time that others need not spend)

        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        config.stash[RUN_ID] = new_run_id(config.stash[STARTED], f"{worker}-{os.getpid()}")
    attempt = getattr(item, "execution_count", 1)
    return config.stash[RUN_ID] if attempt == 1 else f"{config.stash[RUN_ID]}-{attempt}"


def _opened_or_why(request: pytest.FixtureRequest) -> "Run | str":
    try:
        return _opened(request)
    except HarnessError as error:
        return str(error)


def _opened(request: pytest.FixtureRequest) -> "Run":
    from harness.backends.contract import Needs  # noqa: PLC0415  (costs time that other tests need not spend)
    from harness.clusters import DEFAULT_BACKEND, open_cluster, why_not  # noqa: PLC0415  (the same)
    from harness.run import Run  # noqa: PLC0415  (the same)

    config = request.config
    backend = config.getoption("--cluster") or DEFAULT_BACKEND
    marked = _marked(request.node)
    capture: Path | None = getattr(request, "param", None)
    if capture is None and backend == "replay":
        capture = Path(config.getoption("--pcap"))
        name = marked.pop("capture", None)
        if capture.is_dir():
            if not isinstance(name, str):
                raise BackendError(
                    "the scenario names no capture to look for in a folder: @pytest.mark.cluster(capture=NAME)"
                )
            capture = _only_capture(capture, name, marked)
    marked.pop("capture", None)
    because = marked.pop("because", "")
    marked.setdefault("nodes", config.getoption("--nodes"))
    needs = Needs(**marked)
    choice = replace(choice_of(config, backend), capture=capture, needs=needs)
    version = config.getoption("--scylla-version")
    reason = why_not(choice)
    if not reason and version is not None:
        reason = why_not(replace(choice, needs=Needs(lines=(version,))))
    if reason:
        pytest.skip(f"{reason}: {because}" if because else reason)
    opened = open_cluster(choice)
    try:
        _skip_others(opened.cluster, needs, str(because), version)
    except BaseException:
        opened.close()
        raise
    doc = inspect.getdoc(getattr(request.node, "function", None)) or ""
    run = Run(
        opened,
        _scenario_name(request.node),
        doc=doc,
        on_verdict=lambda judged: _refuse(run, judged, request.node),
    )
    return run


def _only_capture(folder: Path, name: str, marked: dict[str, Any]) -> Path:
    """The capture of a name; a scenario that is not about every cluster can do without one."""
    from harness.backends.replay.captures import captures_named  # noqa: PLC0415  (replay alone needs it)

    try:
        (capture,) = captures_named(folder, name)
    except BackendError:
        if marked.get("lines") or marked.get("tablets") is not None:
            because = marked.get("because") or f"of {', '.join(marked.get('lines', ())) or 'tablets'} alone"
            pytest.skip(f"no capture named {name} in {folder}: {because}")
        raise
    return capture


def _skip_others(cluster: "Cluster", needs: "Needs", because: str, version: str | None) -> None:
    line = cluster.line.value
    if version is not None and version != line:
        pytest.skip(f"the cluster speaks {line}, not {version} (--scylla-version)")
    if needs.lines and line not in needs.lines:
        pytest.skip(f"not of {line}: {because}" if because else f"of {', '.join(needs.lines)}, not of {line}")
    if needs.tablets is not None and needs.tablets is not cluster.has_tablets:
        kind = "with" if cluster.has_tablets else "without"
        pytest.skip(f"not of clusters {kind} tablets{f': {because}' if because else ''}")


def _refuse(run: "Run", judged: "Judged", item: pytest.Item) -> None:
    if not judged.verdict:
        place = _place(traceback.extract_stack(), item)
        pytest.fail(f"{run.text_of(judged)}\n\n{place}{judged.verdict.outcome}", pytrace=False)


def _marked(node: pytest.Item | pytest.Function) -> dict[str, Any]:
    """What the markers of a scenario say; the nearest one wins."""
    found: dict[str, Any] = {}
    for marker in node.iter_markers("cluster"):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.cluster takes names only: {', '.join(_MARKER_NAMES)}")
        for name, value in marker.kwargs.items():
            if name not in _MARKER_NAMES:
                raise pytest.UsageError(
                    f"@pytest.mark.cluster({name}=...): no such name; there are: {', '.join(_MARKER_NAMES)}"
                )
            found.setdefault(name, value)
    return found


def _scenario_name(item: pytest.Item) -> str:
    """File and test, fit for a folder's name."""
    path = item.path.stem.removeprefix("test_")
    return re.sub(r"[^\w.-]+", "-", f"{path}.{item.name.removeprefix('test_')}").strip("-")


def _place(frames: traceback.StackSummary, item: pytest.Item) -> str:
    """Where in the scenario it happened, as editors take it."""
    lines = [frame.lineno for frame in frames if frame.filename == str(item.path)]
    return f"{item.path.name}:{lines[-1]}: " if lines else ""
