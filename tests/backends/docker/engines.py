"""A Docker engine for tests: the one that runs, or one that is started for them and ended by the last to use it."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, TextIO

import pytest

from harness.backends.docker.engine import Engine
from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError
from harness.waiting import wait_until

_ours: list["subprocess.Popen[bytes]"] = []
"""The dockerd that this process has started."""
_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 30.0


@contextmanager
def engine_for_tests() -> Iterator[Engine]:
    """Connect to an engine; skips where there is none and none can be started."""
    folder = Path(tempfile.gettempdir(), f"scylla-wire-harness-tests-{os.geteuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    users = (folder / "dockerd.users").open("a")
    with users:
        # Each test process holds it shared, as long as it uses an engine.
        with (folder / "dockerd.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            engine = _connected(folder)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield engine
        finally:
            engine.close()
            _end_if_last(folder, users)


@contextmanager
def containers_watched(engine: Engine, label: str) -> Iterator[list[Mapping[str, Any]]]:
    """What an engine tells meanwhile about containers that have a label; it remembers little of what is over."""
    events: list[Mapping[str, Any]] = []
    stream = engine.api.events(filters={"type": "container", "label": label}, decode=True)

    def listen() -> None:
        with suppress(OSError, ValueError, AttributeError):
            for event in stream:
                events.append(event)  # noqa: PERF402  (others look at it meanwhile)

    listener = Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield events
    finally:
        stream.close()
        listener.join()


def _connected(folder: Path) -> Engine:
    try:
        return Engine.connect()
    except BackendError as error:
        reason = str(error).splitlines()[0]
    if os.environ.get("DOCKER_HOST") or os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip(f"{reason}; and none can be started here (that takes root and docker.io)")
    log = folder / "dockerd.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    _ours.append(process)
    started = ProcessIdentity.of(process.pid)
    assert started is not None
    (folder / "dockerd.pid").write_text(f"{started.pid} {started.started_ticks}")

    def answers() -> Engine | None:
        try:
            return Engine.connect()
        except BackendError:
            return None

    engine = wait_until(lambda: process.poll() is not None or answers(), timeout_s=_START_TIMEOUT_S)
    if not isinstance(engine, Engine):
        lines = log.read_text(errors="replace").splitlines()
        _end(folder)
        pytest.skip(f"no Docker engine runs, and dockerd does not start: {lines[-1] if lines else 'no word'}")
    return engine


def _end_if_last(folder: Path, users: TextIO) -> None:
    with (folder / "dockerd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _end(folder)


def _end(folder: Path) -> None:
    """End the dockerd that tests have started, if any."""
    path = folder / "dockerd.pid"
    if not path.exists():
        return
    pid, ticks = map(int, path.read_text().split())
    path.unlink()
    process = ProcessIdentity(pid, ticks)
    if process.is_alive():
        os.kill(pid, signal.SIGTERM)
        if not wait_until(process.has_ended, timeout_s=_END_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)
    while _ours:
        _ours.pop().wait()
