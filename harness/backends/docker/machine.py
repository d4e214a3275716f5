"""One node in a container.

Source:
    Docker Engine API 1.41, "Containers"; Scylla, dist/docker (scyllasetup.py: options of the image; scylla runs under
    supervisord there, which starts it again when it has failed).
"""

import io
import re
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from docker.errors import NotFound

from harness.backends.docker.engine import Engine, disk_is_full, says_disk_is_full
from harness.backends.docker.firewall import Firewall
from harness.backends.docker.links import ContainerLinks
from harness.backends.docker.node_taps import NodeTaps
from harness.backends.network.link_shape import LinkShape
from harness.backends.scylla_settings import Place
from harness.errors import BackendError
from harness.waiting import wait_until

STOP_TIMEOUT_S = 120
KILL_TIMEOUT_S = 20.0
CONFIGURATION = PurePosixPath("/etc/scylla")
_LINES = 5
_LOG_LINES_MAX = 20_000
_LOOKED_AT_S = 1.0
_SUPERVISED = re.compile(rb"exited: scylla(?:-server)? \(exit status (\d+); not expected\)")
_KILLED = 137
_NOT_THERE = (126, 127)


class DockerMachine:
    """A node's container; the contract of ``Machine``.

    Args:
        engine: where it is.
        container: its id.
        place: the node's name, address, datacenter and rack.
        firewall: of all nodes.
        links: of all nodes.
        taps: gives what records at the nodes, if packets are recorded there.
        files: gives what is to stand in the folder of settings when it starts.
    """

    def __init__(
        self,
        engine: Engine,
        container: str,
        place: Place,
        *,
        firewall: Firewall,
        links: ContainerLinks,
        taps: Callable[[], NodeTaps | None],
        files: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self.container = container
        self.place = place
        self.name, self.address = place.name, place.address
        self.datacenter, self.rack, self.is_seed = place.datacenter, place.rack, place.is_seed
        self._engine = engine
        self._firewall = firewall
        self._links = links
        self._taps = taps
        self._files = files
        self._started_s = 0.0
        self._looked_s = 0.0
        firewall.add(self)
        links.add(self)

    def start(self) -> None:
        """Start its container.

        Raises:
            BackendError: it runs already, or cannot be started.
            CaptureError: it cannot be recorded.
        """
        with self._engine.changing(f"{self.name} cannot be started"):
            if self._engine.api.inspect_container(self.container)["State"]["Running"]:
                raise BackendError(f"{self.name} runs already (container {self.container[:12]})")
            files = self._files()
            if files:
                self._engine.api.put_archive(self.container, str(CONFIGURATION), _archive_of(files))
            self._started_s = time.time()
            self._engine.api.start(self.container)
        taps = self._taps()
        if taps is not None:
            self._let_be_heard(taps)
        self._firewall.restarted(self.name)
        self._links.restarted(self.name)

    def exit_code(self) -> int | None:
        """None while it runs, and before it was first started.

        Raises:
            BackendError: the container is gone.
        """
        state = self._engine.inspect(self.container)["State"]
        if state["Status"] in {"exited", "dead"}:
            return int(state["ExitCode"])
        return self._supervised_exit_code() if self._started_s and not state["Paused"] else None

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        try:
            with self._engine.refusing(self.name):
                text = self._engine.api.logs(self.container, tail=_LINES).decode(errors="replace")
                is_out_of_memory = self._engine.api.inspect_container(self.container)["State"]["OOMKilled"]
        except BackendError as error:
            return f"its log cannot be read: {error}"
        killed = "it was killed for want of memory; " if is_out_of_memory else ""
        lines = [line for line in text.splitlines() if line.strip()]
        if not lines:
            return f"{killed}its log is empty"
        ends = f"{killed}its log ends with:\n" + "\n".join(f"  {line}" for line in lines[-_LINES:])
        return f"{ends}\n{disk_is_full('it says so')}" if says_disk_is_full(text) else ends

    def log(self) -> bytes:
        """What it has said since it was made, or the end of that.

        Raises:
            BackendError: the container is gone.
        """
        with self._engine.refusing(f"the log of {self.name} cannot be read"):
            return bytes(self._engine.api.logs(self.container, tail=_LOG_LINES_MAX))

    def kill(self) -> None:
        """End it at once.

        Raises:
            BackendError: it is not gone in time.
        """
        taps = self._taps()
        if taps is not None:
            taps.fetch(self)
        with self._engine.refusing(f"{self.name} cannot be killed"):
            if self._engine.api.inspect_container(self.container)["State"]["Running"]:
                self._engine.api.kill(self.container)
        if not wait_until(lambda: not self._is_running(), timeout_s=KILL_TIMEOUT_S):
            raise BackendError(f"{self.name} still runs {KILL_TIMEOUT_S:g} s after SIGKILL")
        if taps is not None:
            taps.leave(self)

    def stop(self) -> None:
        """Let it shut down.

        Raises:
            BackendError: it still ran after two minutes and was killed.
        """
        self._resume_if_paused()
        with self._engine.refusing(f"{self.name} cannot be stopped"):
            if self._is_supervised():
                # The container's first process is no node but its supervisor, which may not pass SIGTERM on.
                self._execute(["supervisorctl", "stop", "scylla"])
                self._engine.api.kill(self.container)
                is_killed = False
            else:
                self._engine.api.stop(self.container, timeout=STOP_TIMEOUT_S)
                is_killed = self._engine.api.inspect_container(self.container)["State"]["ExitCode"] == _KILLED
        if is_killed or not wait_until(lambda: not self._is_running(), timeout_s=KILL_TIMEOUT_S):
            raise BackendError(
                f"{self.name} did not stop within {STOP_TIMEOUT_S} s, and was killed; {self.last_words()}"
            )
        taps = self._taps()
        if taps is not None:
            taps.leave(self)

    def pause(self) -> None:
        """Let all its processes stand still.

        Raises:
            BackendError: it does not run.
        """
        with self._engine.refusing(f"cannot pause {self.name}"):
            self._engine.api.pause(self.container)

    def resume(self) -> None:
        """Let it go on.

        Raises:
            BackendError: it does not stand still.
        """
        with self._engine.refusing(f"cannot resume {self.name}"):
            self._engine.api.unpause(self.container)

    def isolate(self, peers: Iterable[str] = ()) -> None:
        """Drop all packets between it and nodes of these names; none named: all of them.

        Raises:
            BackendError: rules cannot be set.
        """
        self._firewall.isolate(self.name, peers)

    def heal(self) -> None:
        """End ``isolate``.

        Raises:
            BackendError: rules cannot be removed.
        """
        self._firewall.heal(self.name)

    def shape_links(self, peers: Iterable[str], shape: LinkShape) -> None:
        """Set how good the way from it to nodes of these names is.

        Raises:
            BackendError: the kernel under the containers lacks what it takes.
        """
        self._links.shape(self.name, peers, shape)

    def remove(self) -> None:
        """Remove the container with its data.

        Raises:
            BackendError: the engine refuses.
        """
        self._firewall.remove(self.name)
        self._links.remove(self.name)
        self._engine.remove_container(self.container)

    def _let_be_heard(self, taps: NodeTaps) -> None:
        """Let it stand still until its sidecar listens: nodes take far longer to say anything than this to begin.

        By signals to its first process, the only one yet: Podman lets nobody join the network of what is paused.
        """
        try:
            self._signal("SIGSTOP")
        except BackendError:
            # It has ended already; its log says why.
            return
        try:
            taps.join(self)
        finally:
            self._signal("SIGCONT")

    def _signal(self, name: str) -> None:
        with self._engine.refusing(f"{self.name} cannot be sent {name}"):
            self._engine.api.kill(self.container, name)

    def _is_running(self) -> bool:
        return self._engine.is_running(self.container)

    def _resume_if_paused(self) -> None:
        if self._engine.inspect(self.container)["State"]["Paused"]:
            self.resume()

    def _supervised_exit_code(self) -> int | None:
        """With which code the node has ended inside a container that goes on and starts it again."""
        if time.monotonic() - self._looked_s < _LOOKED_AT_S:
            return None
        self._looked_s = time.monotonic()
        with self._engine.refusing(self.name):
            text = self._engine.api.logs(self.container, tail=_LINES * 10, since=int(self._started_s))
        found = _SUPERVISED.search(text)
        return None if found is None else int(found[1])

    def _is_supervised(self) -> bool:
        return self._is_running() and self._execute(["supervisorctl", "pid"]) not in _NOT_THERE

    def _execute(self, command: list[str]) -> int:
        try:
            execution = self._engine.api.exec_create(self.container, command)["Id"]
            self._engine.api.exec_start(execution)
            return int(self._engine.api.exec_inspect(execution)["ExitCode"] or 0)
        except NotFound:
            return _NOT_THERE[1]


def _archive_of(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
