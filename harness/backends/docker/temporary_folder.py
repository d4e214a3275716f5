"""Folders for files of a run that are removed with it, or, if it was killed, by the next one."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError

_NAME = "scylla-wire-docker-{uid}-{pid}-{ticks}-{chance}"
_PATTERN = re.compile(r"scylla-wire-docker-\d+-(\d+)-(\d+)-[0-9a-f]+")


def make_folder() -> Path:
    """Make a folder for this process.

    Raises:
        BackendError: it cannot be made.
    """
    identity = ProcessIdentity.of(os.getpid())
    name = _NAME.format(
        uid=os.getuid(),
        pid=os.getpid(),
        ticks=0 if identity is None else identity.started_ticks,
        chance=secrets.token_hex(4),
    )
    folder = Path(tempfile.gettempdir(), name)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BackendError(f"cannot make the folder {folder}: {error.strerror}; is the disk full?") from error
    return folder


def left_over_folders() -> tuple[Path, ...]:
    """Those of this user's processes that have ended."""
    return tuple(path for path, owner in _folders() if owner.has_ended())


def own_folders() -> tuple[Path, ...]:
    """Those of this process."""
    return tuple(path for path, owner in _folders() if owner == ProcessIdentity.of(os.getpid()))


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _folders() -> Iterator[tuple[Path, ProcessIdentity]]:
    for path in sorted(Path(tempfile.gettempdir()).glob(f"scylla-wire-docker-{os.getuid()}-*")):
        match = _PATTERN.fullmatch(path.name)
        if match:
            yield path, ProcessIdentity(int(match[1]), int(match[2]))
