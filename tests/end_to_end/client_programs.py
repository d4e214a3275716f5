"""Clients that cannot live beside the stock driver, for they have its name: in a virtual environment of their own.

It stands in the user's cache folder, and is made when a test first wants it.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

PACKAGES = ("scylla-driver>=3.29", "scylla-cqlsh>=6.0")
_TIMEOUT_S = 300


class NotInstallableError(Exception):
    """The packages cannot be had; the text says why."""


def client_programs() -> Path:
    """The folder with ``python`` and ``cqlsh``.

    Raises:
        NotInstallableError: no index of packages answers, or these do not run here.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scylla-wire-harness"
    key = sha256("\0".join((*PACKAGES, sys.version)).encode()).hexdigest()[:12]
    folder = cache / f"clients-{key}"
    cache.mkdir(parents=True, exist_ok=True)
    # Several processes of one run, and several runs, may want it at once.
    with (cache / "clients.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "ready"
        if not ready.exists():
            _run([sys.executable, "-m", "venv", "--clear", str(folder)])
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
            _run([*pip, "--disable-pip-version-check", "--retries=1", *PACKAGES])
            ready.touch()
    return folder / "bin"


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise NotInstallableError(f"{' and '.join(PACKAGES)} cannot be installed: {''.join(last)}")
