"""Where the runs of one user on this machine tell each other what they use."""

import os
import stat
import tempfile
from pathlib import Path

from harness.errors import BackendError

_NAME = "scylla-wire-harness"


def default_state_folder() -> Path:
    """The folder of this user: the same for every run, and gone after the next boot where that is possible."""
    # Root goes without XDG_RUNTIME_DIR: it differs between a login and sudo, which share interfaces and routes.
    runtime = Path("/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    if runtime.is_dir() and os.access(runtime, os.W_OK):
        return runtime / _NAME
    return Path(tempfile.gettempdir(), f"{_NAME}-{os.geteuid()}")


def make_state_folder(folder: Path) -> None:
    """Make it, for this user alone.

    Raises:
        BackendError: it cannot be made, or somebody else was there first.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise BackendError(
            f"cannot make the folder {folder} for leases of networks: {error.strerror}"
        ) from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise BackendError(
            f"{folder} is not a folder of this user, so it cannot be trusted; remove it, or set XDG_RUNTIME_DIR"
        )
