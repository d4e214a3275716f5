"""The pytest plugin: scenarios as tests, with a cluster, a session and recordings as fixtures.

    pytest scenarios                                        (on a simulated cluster)
    pytest scenarios --cluster=replay --pcap FILE|FOLDER

A verdict that is not PASS fails the scenario, with the transcript as its text; INCONCLUSIVE does so under its own name.
"""

import inspect
import os
import re
import shlex
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

if TYPE_CHECKING:
    from harness.backends.contract import Cluster, Needs, Session
    from harness.clusters import Choice
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
    group = parser.getgroup("wire", "ScyllaDB on the wire")
    group.addoption(
        "--cluster",
        metavar="BACKEND",
        help="the cluster that scenarios run on; simulated (the default): nodes of our own, one process each, on a "
        "network of their own; docker: containers (--image); executable: your own scylla (--scylla-exe); replay: none, "
        "a capture answers (--pcap)",
    )
    group.addoption(
        "--pcap",
        metavar="FILE|FOLDER",
        help="of --cluster=replay: one capture for all scenarios, or a folder in which each finds those of its name",
    )
    group.addoption(
        "--nodes", type=int, metavar="N", help="nodes of clusters whose scenario asks for no number"
    )
    group.addoption(
        "--scylla-version",
        metavar="LINE",
        help="run only scenarios of this version line, such as 4.2 or 2025.1; of replay, only its captures",
    )
    group.addoption(
        "--keep",
        action="store_true",
        help="leave the cluster running, for --attach; containers can, other nodes end with pytest (harness up starts "
        "a simulated cluster that stays)",
    )
    _add_options_of_real_nodes(parser.getgroup("wire nodes", "ScyllaDB on the wire: real nodes"))
    group.addoption(
        "--report-dir", metavar="FOLDER", default="reports", help="where reports go; default: reports"
    )


def _add_options_of_real_nodes(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--image",
        metavar="IMAGE",
        help="of --cluster=docker: what nodes are made of; default: a scylladb/scylla",
    )
    group.addoption(
        "--attach",
        metavar="CLUSTER",
        nargs="?",
        const="",
        help="of --cluster=docker: use a cluster that runs (docker compose up, or --keep) and start none; scenarios "
        "drop all its keyspaces; with --attach=NAME if there are several",
    )
    group.addoption(
        "--capture-by",
        choices=["auto", "bridge", "sidecar", "nodes"],
        default="auto",
        help="of --cluster=docker: who records; bridge: dumpcap on this machine; sidecar: a container in the network of "
        "the engine's machine; nodes: one in the network of each node; auto: the first of these that can",
    )
    group.addoption(
        "--connect-by",
        choices=["auto", "direct", "relay"],
        default="auto",
        help="of --cluster=docker: how nodes are reached; relay: through a container and the engine, where this machine "
        "has no way to them (Docker Desktop, DOCKER_HOST); auto: by itself where it can",
    )
    group.addoption(
        "--sidecar-image",
        metavar="IMAGE",
        help="of --cluster=docker: what sidecars are made of: has dumpcap, python3, iptables and tc",
    )
    group.addoption(
        "--docker-subnet",
        metavar="SUBNET",
        default="",
        help="of --cluster=docker: for the nodes, such as 10.9.8.0/24; default: one that is free",
    )
    group.addoption("--scylla-exe", metavar="PATH", help="of --cluster=executable: the scylla to run")
    group.addoption(
        "--exe-prefix",
        metavar="WORDS",
        default="",
        help='of --cluster=executable: what stands before it, such as "chroot DIR env NAME=VALUE"; paths are then those '
        "inside of DIR: of --scylla-exe, and of the work folders, which are made in DIR/tmp; behind other wrappers the "
        "folder for temporary files (TMPDIR) has to be visible",
    )
    group.addoption(
        "--scylla-args", metavar="WORDS", default="", help="added to the command line of real nodes"
    )
    group.addoption(
        "--scylla-yaml", metavar="FILE", help="settings of real nodes, which win over those of the harness"
    )
    group.addoption(
        "--tablets",
        choices=["on", "off"],
        default="off",
        help="whether keyspaces of real nodes have tablets where scenarios do not care; default: off",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that make no sense before anything is collected.

    Raises:
        pytest.UsageError: a cluster of an unknown name, a capture that is missing or superfluous.
    """
    config.addinivalue_line("markers", _MARKER)
    backend, capture = config.getoption("--cluster"), config.getoption("--pcap")
    if backend is not None:
        from harness.clusters import known_backends  # noqa: PLC0415  (costs time that other tests need not spend)

        if backend not in known_backends():
            known = ", ".join(known_backends())
            raise pytest.UsageError(f"--cluster={backend}: no cluster is called that; there are: {known}")
    if backend == "replay" and capture is None:
        raise pytest.UsageError(
            "--cluster=replay needs a capture, or a folder of captures: --pcap FILE|FOLDER"
        )
    if config.getoption("--keep") and backend in {None, "simulated", "executable"}:
        raise pytest.UsageError(
            f"--keep: {backend or 'simulated'} nodes end with pytest; harness up starts a cluster that stays"
        )
    if config.getoption("--attach") is not None and backend != "docker":
        raise pytest.UsageError("--attach is for --cluster=docker")
    if (config.getoption("--scylla-exe") is None) is (backend == "executable"):
        raise pytest.UsageError(
            "--scylla-exe is for --cluster=executable, which needs the path of your scylla: --scylla-exe PATH"
        )
    if backend != "replay" and capture is not None:
        raise pytest.UsageError("--pcap is for --cluster=replay")
    if capture is not None and not Path(capture).exists():
        raise pytest.UsageError(f"--pcap {capture}: there is no such file or folder")
    if backend in {"docker", "executable"}:
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
    from harness.backends.node_template import node_template  # noqa: PLC0415  (the same)

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
    choice = replace(_choice_of(config, backend), capture=capture, needs=needs)
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


def _choice_of(config: pytest.Config, backend: str) -> "Choice":
    """What the options say of the cluster."""
    from harness.backends.docker import options as docker_options  # noqa: PLC0415  (the same)
    from harness.backends.executable.options import ExecutableOptions  # noqa: PLC0415  (the same)
    from harness.clusters import Choice  # noqa: PLC0415  (the same)

    arguments = tuple(shlex.split(config.getoption("--scylla-args")))
    yaml = config.getoption("--scylla-yaml")
    overlay = None if yaml is None else Path(yaml)
    has_tablets = config.getoption("--tablets") == "on"
    executable = config.getoption("--scylla-exe")
    return Choice(
        backend=backend,
        docker=docker_options.DockerOptions(
            image=config.getoption("--image") or docker_options.IMAGE,
            sidecar_image=config.getoption("--sidecar-image") or docker_options.SIDECAR_IMAGE,
            connect_by=docker_options.ConnectBy(config.getoption("--connect-by")),
            capture_by=docker_options.CaptureBy(config.getoption("--capture-by")),
            arguments=arguments,
            yaml=overlay,
            has_tablets=has_tablets,
            subnet=config.getoption("--docker-subnet"),
            stays=config.getoption("--keep"),
            attach=config.getoption("--attach"),
        ),
        executable=None
        if executable is None
        else ExecutableOptions(
            executable=Path(executable) if "/" not in executable else Path(executable).absolute(),
            prefix=tuple(shlex.split(config.getoption("--exe-prefix"))),
            arguments=arguments,
            yaml=overlay,
            has_tablets=has_tablets,
        ),
    )


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
