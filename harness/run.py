"""Runs: a cluster for a scenario, what was recorded of it, its verdicts and its report.

This module alone knows all stages; the command line and the pytest plugin only call it.
"""

import gc
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.backends.contract import Cluster, Needs, Session
from harness.backends.docker.options import DockerOptions
from harness.backends.executable.options import ExecutableOptions
from harness.backends.live.machine import Site
from harness.backends.live.rest_client import API_PORT
from harness.backends.live.reuse import ReusableSite, Reuse
from harness.backends.node_template import LINE as SIMULATED_LINE
from harness.backends.node_template import node_template
from harness.backends.scylla_settings import count_of
from harness.capture.dumpcap import CQL_PORT, RunningCapture
from harness.errors import BackendError, ExpectationError, HarnessError, ReportError
from harness.events.trace import Trace
from harness.expect.explain import explain
from harness.expect.monitors import monitors
from harness.expect.verdict import Outcome, Verdict, all_of
from harness.recording import Judged, Recorder, ReplayRecorder, Wire, verdict_on
from harness.report.verdict import ReportVerdict

if TYPE_CHECKING:
    from harness.backends.live.cluster import LiveCluster
    from harness.backends.simulated import SimulatedSite
    from harness.live_recorder import LiveRecorder
    from harness.report.run_folder import RunFolder
    from harness.report.summary import SummaryLine

CAPTURE_SUFFIXES = (".pcapng", ".pcap")
MONITORS = "every run"
"""What the verdict on what every run has to pass is called."""
LOGS = "logs"
"""Folder beside a report."""
_TRACES_KEPT = 2
_NAMES_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A cluster that a scenario can use, with what records it."""

    cluster: Cluster
    recorder: Recorder
    capture: Path | None = None
    """The file that its packets are in."""
    is_temporary: bool = False
    """Whether that file is gone when the cluster is closed."""
    site: ReusableSite | None = None
    """Where it runs, if another scenario may use it afterwards."""

    def close(self) -> None:
        """Give everything back."""
        try:
            self.recorder.close()
        finally:
            if self.site is None:
                self.cluster.close()
            else:
                _reuse.give_back(cast("LiveCluster", self.cluster), self.site)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which cluster is wanted."""

    backend: str
    capture: Path | None = None
    """Of replay: the file."""
    needs: Needs = field(default_factory=Needs)
    docker: DockerOptions = field(default_factory=DockerOptions)
    executable: ExecutableOptions | None = None


def known_backends() -> tuple[str, ...]:
    """Names of the backends that there are."""
    return tuple(_BACKENDS)


def why_not(choice: Choice) -> str:
    """Why a backend never gives what is needed, so that nobody need start a cluster; empty: it may.

    Raises:
        BackendError: it does not say what it gives.
    """
    needs = choice.needs
    if choice.backend == DOCKER:
        # Only here: the SDK is loaded for nothing else.
        from harness.backends.docker.site import why_not as why_not_docker  # noqa: PLC0415

        return why_not_docker(needs, choice.docker)
    if choice.backend == EXECUTABLE:
        from harness.backends.executable.version import release_of  # noqa: PLC0415  (others need none of it)

        return release_of(_executable_of(choice)).why_not(needs, "the executable is")
    if choice.backend != SIMULATED:
        return ""
    line = SIMULATED_LINE.value
    if needs.lines and line not in needs.lines:
        return f"not of {line}, which simulated nodes speak, but of {', '.join(needs.lines)}"
    if needs.tablets:
        return f"simulated nodes speak {line}, which has no tablets"
    if needs.shards is not None and needs.shards > 1:
        return f"simulated nodes have one shard, not {needs.shards}"
    return ""


def open_cluster(choice: Choice) -> Opened:
    """Start a cluster, or open what stands for one.

    Raises:
        BackendError: there is no such backend, or it cannot give such a cluster.
        CaptureError: of replay: the capture cannot be read.
        ContextError: of replay: what stands beside the capture cannot be read.
    """
    opened = _BACKENDS.get(choice.backend)
    if opened is None:
        raise BackendError(
            f"no cluster is called {choice.backend!r}; there are: {', '.join(known_backends())}"
        )
    return opened(choice)


def replayed(trace: Trace, name: str, needs: Needs | None = None) -> Opened:
    """A cluster that answers from a trace.

    Raises:
        BackendError: the trace's cluster is not as needed.
    """
    from harness.backends.replay.cluster import ReplayCluster  # noqa: PLC0415  (others need none of it)

    cluster = ReplayCluster(trace, name, needs)
    return Opened(cluster=cluster, recorder=ReplayRecorder(trace, lambda: cluster.conversation.taken))


def _open_replay(choice: Choice) -> Opened:
    if choice.capture is None:
        raise BackendError("replay needs a capture")
    opened = replayed(_trace_of(choice.capture), choice.capture.name, choice.needs)
    return Opened(cluster=opened.cluster, recorder=opened.recorder, capture=choice.capture)


def _open_simulated(choice: Choice) -> Opened:
    reason = why_not(choice)
    if reason:
        raise BackendError(reason)
    return started(_simulated_site(choice.needs))


def _simulated_site(needs: Needs) -> "SimulatedSite":
    # What nodes run takes longest to load; the modules of the network are loaded beside it. Errors come again below.
    with suppress(OSError):
        node_template()
    from harness.backends.simulated import SimulatedSite  # noqa: PLC0415  (see above)

    return SimulatedSite.create(needs)


def _open_docker(choice: Choice) -> Opened:
    from harness.backends.docker.site import DockerSite  # noqa: PLC0415  (the SDK is loaded for nothing else)

    options = choice.docker
    if options.attach is not None:
        return _shared((DOCKER, options), lambda: DockerSite.attach(options), is_running=True)
    return _shared(
        (DOCKER, options, _kind_of(choice.needs)), lambda: DockerSite.create(choice.needs, options)
    )


def _open_executable(choice: Choice) -> Opened:
    from harness.backends.executable.site import ExecutableSite  # noqa: PLC0415  (others need none of it)

    options = _executable_of(choice)
    return _shared(
        (EXECUTABLE, options, _kind_of(choice.needs)), lambda: ExecutableSite.create(choice.needs, options)
    )


def _executable_of(choice: Choice) -> ExecutableOptions:
    if choice.executable is None:
        raise BackendError("--cluster=executable needs the path of one: --scylla-exe PATH")
    return choice.executable


def _kind_of(needs: Needs) -> Needs:
    """What is needed, as far as clusters differ by it."""
    return replace(
        needs, nodes=count_of(needs), lines=(), hints=needs.hints is not False, shards=needs.shards or 1
    )


def _shared(key: Hashable, make: Callable[[], ReusableSite], *, is_running: bool = False) -> Opened:
    """A cluster of a kind: the one that the scenario before has used, or else a new one."""
    site = _reuse.take(key)
    if site is not None:
        try:
            return replace(_joined(site), site=site)
        except HarnessError:
            if not site.is_ours:
                raise
            # What has become of it says nothing about this scenario.
            _reuse.discard()
    site = make()
    if is_running:
        _reuse.keep(key, site)
        return replace(_joined(site), site=site)
    opened = started(site)
    _reuse.keep(key, site)
    return replace(opened, site=site)


def _joined(site: Site) -> Opened:
    """Use a cluster that runs, recorded from now on."""
    from harness.backends.live.cluster import LiveCluster  # noqa: PLC0415  (see _LOADED_MEANWHILE)
    from harness.live_recorder import LiveRecorder  # noqa: PLC0415  (the same)

    cluster = LiveCluster.attach(site)
    path = site.folder / _CAPTURE
    for attempt in range(_JOINS_MAX):
        recorder = LiveRecorder(RunningCapture.start(site.tap, path), cluster)
        try:
            # What is under way now will be over soon, and cannot be read from its middle on.
            if recorder.begins_between_messages or attempt == _JOINS_MAX - 1:
                break
            recorder.close()
        except BaseException:
            recorder.close()
            raise
    return Opened(cluster=cluster, recorder=recorder, capture=path, is_temporary=True)


def shares_clusters(backend: str) -> bool:
    """Whether scenarios of the same needs use the same cluster, one after the other."""
    return backend in {DOCKER, EXECUTABLE}


def expect_no_more() -> None:
    """No scenario comes after the one that runs, so that no cluster need be made ready for it."""
    _reuse.expect_no_more()


def end_shared(backend: str | None) -> None:
    """Give up the cluster that is left over for another scenario, and what an interrupt has left besides.

    Args:
        backend: what scenarios ran on; None: nobody has said.

    Raises:
        BackendError: something of it cannot be removed.
    """
    try:
        _reuse.close()
    finally:
        # Who was interrupted while this was loaded has made nothing, and can load it no more.
        clean_up_own = getattr(sys.modules.get("harness.backends.docker.site"), "clean_up_own", None)
        if backend == DOCKER and clean_up_own is not None:
            clean_up_own()


def start_simulated(needs: Needs) -> "Running":
    """Start a simulated cluster that stays until it is closed.

    Raises:
        BackendError: it cannot be started.
        CaptureError: packets cannot be recorded.
    """
    reason = why_not(Choice(backend=SIMULATED, needs=needs))
    if reason:
        raise BackendError(reason)
    site = _simulated_site(needs)
    opened = started(site)
    recorder = cast("LiveRecorder", opened.recorder)
    return Running(opened=opened, recorder=recorder, command_prefix=site.command_prefix)


def clean(*, with_kept: bool = False) -> tuple[str, ...]:
    """Remove what killed runs of this user have left behind; name what that was.

    Args:
        with_kept: remove clusters that were to stay (``--keep``), too.

    Raises:
        BackendError: something of it cannot be removed, or the engine that the environment names does not answer.
    """
    from harness.backends.docker import site as docker_site  # noqa: PLC0415  (the SDK is loaded for nothing else)
    from harness.backends.network.cleanup import clean as clean_networks  # noqa: PLC0415  (loaded with networks)

    removed = [str(item) for item in clean_networks()]
    try:
        engine = docker_site.connected()
    except BackendError:
        if docker_site.is_engine_named():
            raise
        # Where no engine answers, nothing of it can be left.
        return tuple(removed)
    return (*removed, *docker_site.clean_up(engine, with_kept=with_kept))


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A cluster that somebody wants to look at."""

    opened: Opened
    recorder: "LiveRecorder"
    command_prefix: tuple[str, ...]
    """What stands before the command line of a program so that it reaches the nodes."""

    @property
    def how_to_connect(self) -> tuple[str, ...]:
        """Command lines of clients."""
        first = self.opened.cluster.nodes[0]
        prefix = [*self.command_prefix]
        return (
            shlex.join([*prefix, "cqlsh", first.address, str(CQL_PORT)]),
            shlex.join([*prefix, "curl", f"http://{first.address}:{API_PORT}/storage_service/host_id"]),
        )


def started(site: Site, capture: Path | None = None) -> Opened:
    """Start the nodes of a site, recorded from before the first packet; on errors, all is given back.

    Args:
        site: where the nodes are to run.
        capture: the file to record to; None: one in the site's folder, gone when the cluster is closed.

    Raises:
        BackendError: a node ended, or is not ready in time.
        CaptureError: packets cannot be recorded.
    """
    path = capture or site.folder / _CAPTURE
    try:
        # Until it records a quarter of a second goes by, in which no node may send anything.
        running = RunningCapture.launch(site.tap, path)
        try:
            from harness.backends.live.cluster import LiveCluster  # noqa: PLC0415  (see _LOADED_MEANWHILE)

            running.begin()
            _load_the_rest()
            from harness.live_recorder import LiveRecorder  # noqa: PLC0415  (the same)

            site.prepare()
            running.wait_until_it_records()
            cluster = LiveCluster.start(site)
        except BaseException:
            running.close()
            raise
    except BaseException:
        site.close()
        raise
    recorder = LiveRecorder(running, cluster)
    return Opened(cluster=cluster, recorder=recorder, capture=path, is_temporary=capture is None)


@cache
def _load_the_rest() -> None:
    """Load what is needed when nodes run."""
    is_enabled = gc.isenabled()
    gc.disable()
    try:
        for name in _LOADED_MEANWHILE:
            import_module(name)
        from harness.ddl import load_parser  # noqa: PLC0415  (see _LOADED_MEANWHILE)
        from harness.report.html_page import load_templates  # noqa: PLC0415  (the same)

        load_parser()
        load_templates()
    finally:
        if is_enabled:
            gc.enable()
    # None of it ever becomes garbage; to look for that anew each time, and five times when pytest ends, takes a quarter
    # of all the time that the processor has for a scenario.
    gc.freeze()


SIMULATED = "simulated"
DOCKER = "docker"
EXECUTABLE = "executable"
_reuse = Reuse()
DEFAULT_BACKEND = SIMULATED
"""Where nobody chooses."""
_LOADED_MEANWHILE = (
    "harness.backends.live.cluster",
    "harness.live_recorder",
    "harness.report.run_folder",
    "harness.report.index_page",
    "harness.report.summary",
)
"""What takes long to load, the driver and the dissector above all, and is not needed until nodes run."""
_JOINS_MAX = 10
_CAPTURE = "capture.pcapng"
_BACKENDS: dict[str, Callable[[Choice], Opened]] = {
    SIMULATED: _open_simulated,
    DOCKER: _open_docker,
    EXECUTABLE: _open_executable,
    "replay": _open_replay,
}


@lru_cache(maxsize=_TRACES_KEPT)
def _trace_of(path: Path) -> Trace:
    """Read a capture; several scenarios in a row may replay the same one."""
    from harness.dissect.reading import read_trace  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return read_trace(path)


def captures_named(folder: Path, name: str) -> tuple[Path, ...]:
    """The captures of a name in a folder and those below it, in the order of their paths.

    Raises:
        BackendError: the folder cannot be read, or holds none of that name.
    """
    if not folder.is_dir():
        raise BackendError(f"{folder} is no folder, and no file")
    captures = [path for path in sorted(folder.rglob("*")) if path.suffix in CAPTURE_SUFFIXES]
    found = tuple(path for path in captures if path.stem == name)
    if found:
        return found
    names = sorted({path.stem for path in captures})
    if not names:
        raise BackendError(f"{folder} holds no captures ({' or '.join(CAPTURE_SUFFIXES)})")
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    shown = ", ".join(names[:_NAMES_MAX]) + (", ..." if len(names) > _NAMES_MAX else "")
    raise BackendError(f"{folder} holds no capture named {name}{hint}\nit holds: {shown}")


class Run:
    """One run of a scenario.

    Args:
        opened: its cluster.
        name: the scenario's.
        doc: what the scenario says of itself.
        on_verdict: is told each verdict on what the scenario claims, and may raise.
    """

    def __init__(
        self,
        opened: Opened,
        name: str,
        *,
        doc: str = "",
        on_verdict: Callable[[Judged], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.doc = doc
        self.opened = opened
        self.verdicts: list[Judged] = []
        self._started = datetime.now(UTC)
        self._on_verdict = on_verdict
        self.wire = Wire(opened.recorder, self._judge)

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.opened.cluster

    @property
    def trace(self) -> Trace:
        """All messages so far."""
        return self.opened.recorder.trace()

    def session(self) -> Session:
        """The scenario's own session: everything it sends goes to the first node."""
        nodes = self.cluster.nodes
        return self.cluster.session(nodes[0] if nodes else None)

    @property
    def outcome(self) -> Outcome | None:
        """The worst verdict so far; None if nothing was claimed."""
        return all_of(judged.verdict for judged in self.verdicts).outcome if self.verdicts else None

    def finish(self) -> None:
        """Hold all messages of the run against what every run has to pass.

        Raises:
            ExpectationError: nothing was claimed about one of its recordings, which so proves nothing.
            CaptureError: the run could not be recorded to its end.
        """
        self.opened.recorder.end()
        if self.wire.unchecked:
            names = ", ".join(self.wire.unchecked)
            raise ExpectationError(
                f"nothing was claimed about {names}: a recording without expect() proves nothing"
            )
        always = monitors()
        for era in self.opened.recorder.eras():
            verdict = always.check(era.trace, era.scope)
            self._judge(Judged(name=MONITORS, verdict=verdict, claims=(always,), scope=era.scope))
        if not self.trace.missing.is_complete:
            self._judge_again()

    def text_of(self, judged: Judged) -> str:
        """A verdict as people read it, beside what was seen."""
        return f"{judged.name}: {explain(judged.verdict, self.trace)}"

    def write_report(self, folder: Path, run_id: str) -> "RunFolder | None":
        """Write the report of what is known so far; None where there is no capture to report on.

        Raises:
            ReportError: it cannot be written.
            CaptureError: the capture cannot be read.
        """
        from harness.dissect.reading import context_beside, read_context  # noqa: PLC0415  (see _LOADED_MEANWHILE)
        from harness.report.run_folder import write_report  # noqa: PLC0415  (the same)

        capture = self.opened.capture
        if capture is None:
            return None
        self.opened.recorder.end()
        beside = context_beside(capture)
        written = write_report(
            self.trace,
            capture_path=capture,
            folder=folder,
            scenario=self.name,
            run_id=run_id,
            verdicts=[verdict for judged in self.verdicts for verdict in report_verdicts(judged, self.trace)],
            context=None if beside is None else read_context(beside),
            doc=self.doc,
            started=self._started,
        )
        self._copy_logs(written.page.parent / LOGS)
        return written

    def close(self) -> None:
        """Give the cluster back."""
        self.opened.close()

    def _copy_logs(self, folder: Path) -> None:
        """Put what the nodes have said beside the report."""
        if self.opened.site is None:
            return
        for log in self.opened.site.logs:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(log, folder / log.name)
            except OSError as error:
                raise ReportError(f"cannot copy {log} to {folder}: {error.strerror}") from error

    def _judge_again(self) -> None:
        """Judge anew what held before it was known that the capture has losses."""
        trace = self.trace
        for judged in [judged for judged in self.verdicts if judged.verdict and judged.name != MONITORS]:
            verdict = all_of([verdict_on(claim, trace, judged.scope) for claim in judged.claims])
            if not verdict:
                self._judge(
                    Judged(name=judged.name, verdict=verdict, claims=judged.claims, scope=judged.scope)
                )

    def _judge(self, judged: Judged) -> None:
        self.verdicts.append(judged)
        self._on_verdict(judged)


def report_verdicts(judged: Judged, trace: Trace) -> tuple[ReportVerdict, ...]:
    """Each claim with its verdict, as reports take them."""
    verdict = judged.verdict
    return tuple(
        ReportVerdict(
            name=judged.name,
            outcome=str(part.outcome),
            claim=part.claim,
            explanation=explain(part, trace),
            message_numbers=tuple(dict.fromkeys(item.number for item in part.evidence)),
        )
        for part in _single_verdicts(verdict)
    )


def _single_verdicts(verdict: Verdict) -> Iterator[Verdict]:
    if not verdict.parts:
        yield verdict
    for part in verdict.parts:
        yield from _single_verdicts(part)


def new_run_id(started: datetime, process: str) -> str:
    """The name of the runs of one process; names sort as the processes began.

    Args:
        started: when it began, with a time zone.
        process: what tells it from others that began at the same time.
    """
    from harness.report.run_folder import run_id_of  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return run_id_of(started, process)


def index_runs(folder: Path) -> Path:
    """Write the page over all runs in a folder.

    Raises:
        ReportError: it cannot be written.
    """
    from harness.report.index_page import write_index  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return write_index(folder)


def summary_lines(pages: Iterable[Path], index: Path | None) -> "tuple[SummaryLine, ...]":
    """Tell of runs, in a few lines, by the pages of their reports."""
    from harness.report.run_folder import VERDICTS  # noqa: PLC0415  (see _LOADED_MEANWHILE)
    from harness.report.summary import FinishedRun, summary_of  # noqa: PLC0415  (the same)

    finished = []
    for page in pages:
        told = json.loads(page.with_name(VERDICTS).read_text(encoding="utf-8"))
        verdicts = [
            ReportVerdict(item["name"], item["outcome"], item["claim"], item["explanation"])
            for item in told["verdicts"]
        ]
        finished.append(FinishedRun(told["scenario"], verdicts, page))
    return summary_of(finished, index=index)
