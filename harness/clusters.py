"""Clusters for scenarios: which one is wanted, and how it is started or found, with what records it."""

import gc
import shlex
import sys
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.backends.contract import Cluster, Needs
from harness.backends.docker.options import DockerOptions
from harness.backends.executable.options import ExecutableOptions
from harness.backends.live.machine import Site
from harness.backends.live.rest_client import API_PORT
from harness.backends.live.reuse import ReusableSite, Reuse
from harness.backends.node_template import LINE as SIMULATED_LINE
from harness.backends.node_template import node_template
from harness.backends.scylla_settings import kind_of
from harness.capture.dumpcap import CQL_PORT, RunningCapture
from harness.errors import BackendError, HarnessError
from harness.events.trace import Trace
from harness.recording import Recorder, ReplayRecorder

if TYPE_CHECKING:
    from harness.backends.live.cluster import LiveCluster
    from harness.backends.simulated import SimulatedSite
    from harness.live_recorder import LiveRecorder

SIMULATED = "simulated"
DOCKER = "docker"
EXECUTABLE = "executable"
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
_TRACES_KEPT = 2

_reuse = Reuse()


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
    return replace(opened, capture=choice.capture)


@lru_cache(maxsize=_TRACES_KEPT)
def _trace_of(path: Path) -> Trace:
    """Read a capture; several scenarios in a row may replay the same one."""
    from harness.dissect.reading import read_trace  # noqa: PLC0415  (see _LOADED_MEANWHILE)

    return read_trace(path)


def _open_simulated(choice: Choice) -> Opened:
    reason = why_not(choice)
    if reason:
        raise BackendError(reason)
    return started(_simulated_site(choice.needs))


def _simulated_site(needs: Needs, ring: Sequence[Sequence[int]] = ()) -> "SimulatedSite":
    # What nodes run takes longest to load; the modules of the network are loaded beside it. Errors come again below.
    with suppress(OSError):
        node_template()
    from harness.backends.simulated import SimulatedSite  # noqa: PLC0415  (see above)

    return SimulatedSite.create(needs, ring=ring)


def _open_docker(choice: Choice) -> Opened:
    from harness.backends.docker.site import DockerSite  # noqa: PLC0415  (the SDK is loaded for nothing else)

    options = choice.docker
    if options.attach is not None:
        return _shared((DOCKER, options), lambda: DockerSite.attach(options), is_running=True)
    return _shared(
        (DOCKER, options, kind_of(choice.needs, options.has_tablets)),
        lambda: DockerSite.create(choice.needs, options),
    )


def _open_executable(choice: Choice) -> Opened:
    from harness.backends.executable.site import ExecutableSite  # noqa: PLC0415  (others need none of it)

    options = _executable_of(choice)
    return _shared(
        (EXECUTABLE, options, kind_of(choice.needs, options.has_tablets)),
        lambda: ExecutableSite.create(choice.needs, options),
    )


def _executable_of(choice: Choice) -> ExecutableOptions:
    if choice.executable is None:
        raise BackendError("--cluster=executable needs the path of one: --scylla-exe PATH")
    return choice.executable


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
        clean_up_own = getattr(sys.modules.get("harness.backends.docker.reaper"), "clean_up_own", None)
        if backend == DOCKER and clean_up_own is not None:
            clean_up_own()


def start_simulated(needs: Needs, ring: Sequence[Sequence[int]] = ()) -> "Running":
    """Start a simulated cluster that stays until it is closed.

    Args:
        needs: what it has to have.
        ring: tokens of each node, in order of their names, such as those of a real cluster; else by chance.

    Raises:
        BackendError: it cannot be started.
        CaptureError: packets cannot be recorded.
    """
    reason = why_not(Choice(backend=SIMULATED, needs=needs))
    if reason:
        raise BackendError(reason)
    site = _simulated_site(needs, ring)
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
    from harness.backends.docker.engine import connected  # noqa: PLC0415  (the SDK is loaded for nothing else)
    from harness.backends.docker.engine_address import is_engine_named  # noqa: PLC0415  (the same)
    from harness.backends.docker.reaper import clean_up  # noqa: PLC0415  (the same)
    from harness.backends.network.cleanup import clean as clean_networks  # noqa: PLC0415  (loaded with networks)

    removed = [str(item) for item in clean_networks()]
    try:
        engine = connected()
    except BackendError:
        if is_engine_named():
            raise
        # Where no engine answers, nothing of it can be left.
        return tuple(removed)
    return (*removed, *clean_up(engine, with_kept=with_kept))


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


_BACKENDS: dict[str, Callable[[Choice], Opened]] = {
    SIMULATED: _open_simulated,
    DOCKER: _open_docker,
    EXECUTABLE: _open_executable,
    "replay": _open_replay,
}
