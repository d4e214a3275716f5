"""One node in a container.

Source:
    Docker Engine API 1.41, "Containers", "Exec"; Scylla, dist/docker/scyllasetup.py (options of the image, where its
    settings are).
"""

import io
import tarfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from docker.errors import NotFound

from harness.backends.docker import supervision
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
_KILLED = 137
_NOT_IN_TIME = f"did not stop within {STOP_TIMEOUT_S} s"


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
        self._is_started = False
        self._supervised_exit: int | None = None
        """How the node has ended in a container that goes on."""
        self._looked_s = 0.0
        self._heard_s = 0
        """Until when its log has been looked through, by the engine's clock."""
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
            self._engine.api.start(self.container)
            self._is_started, self._supervised_exit, self._heard_s = True, None, 0
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
        return self._supervised_exit_code(state) if self._is_started and not state["Paused"] else None

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        try:
            with self._engine.refusing(self.name):
                state = self._engine.api.inspect_container(self.container)["State"]
                is_out_of_memory = state["OOMKilled"]
                text = self._last_text(state)
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
            BackendError: it still ran when its time was over, and was killed.
        """
        self._resume_if_paused()
        with self._engine.refusing(f"{self.name} cannot be stopped"):
            if self._is_supervised():
                failure = self._stop_supervised()
            else:
                self._engine.api.stop(self.container, timeout=STOP_TIMEOUT_S)
                is_killed = self._engine.api.inspect_container(self.container)["State"]["ExitCode"] == _KILLED
                failure = _NOT_IN_TIME if is_killed else ""
        if not wait_until(lambda: not self._is_running(), timeout_s=KILL_TIMEOUT_S):
            failure = failure or _NOT_IN_TIME
        if failure:
            raise BackendError(f"{self.name} {failure}, and was killed; {self.last_words()}")
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

    def _supervised_exit_code(self, state: Mapping[str, Any]) -> int | None:
        """With which code the node has ended inside a container that goes on, and starts it again.

        The log is looked through bit by bit: who starts again soon says so much that a glance at its end misses the rest.
        """
        if self._supervised_exit is not None or time.monotonic() - self._looked_s < _LOOKED_AT_S:
            return self._supervised_exit
        self._looked_s = time.monotonic()
        since = self._heard_s or _second_of(state["StartedAt"])
        with self._engine.refusing(self.name):
            text = self._engine.api.logs(self.container, since=since, timestamps=True).decode(
                errors="replace"
            )
        self._supervised_exit = supervision.exit_code_in(text)
        _, _, last = text.rstrip().rpartition("\n")
        if last:
            self._heard_s = _second_of(last.partition(" ")[0])
        return self._supervised_exit

    def _last_text(self, state: Mapping[str, Any]) -> str:
        if self._supervised_exit is None:
            return str(self._engine.api.logs(self.container, tail=_LINES), errors="replace")
        said = self._engine.api.logs(self.container, since=_second_of(state["StartedAt"]))
        return supervision.words_before_end(str(said, errors="replace"))

    def _stop_supervised(self) -> str:
        """Let the supervisor stop the node, then end the container; return what went wrong, as part of a sentence.

        Whether the first process would pass SIGTERM on differs from image to image, and its exit code says nothing.
        """
        execution = self._engine.api.exec_create(
            self.container, [supervision.CONTROL, "stop", supervision.PROGRAM]
        )["Id"]
        self._engine.api.exec_start(execution, detach=True)
        is_over = wait_until(
            lambda: not self._engine.api.exec_inspect(execution)["Running"], timeout_s=STOP_TIMEOUT_S
        )
        end = self._engine.api.logs(self.container, tail=_LINES * 10).decode(errors="replace")
        self._engine.api.kill(self.container)
        if supervision.was_killed(end):
            return "did not stop within the time that its supervisor gives it"
        return "" if is_over else _NOT_IN_TIME

    def _is_supervised(self) -> bool:
        """Whether a supervisor runs there: it tells its process number then."""
        if not self._is_running():
            return False
        try:
            execution = self._engine.api.exec_create(self.container, [supervision.CONTROL, "pid"])["Id"]
            return bool(self._engine.api.exec_start(execution).strip().isdigit())
        except NotFound:
            return False


def _second_of(time_told: str) -> int:
    """A time as engines tell it, as seconds since 1970."""
    return int(datetime.fromisoformat(time_told).timestamp())


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
