"""The version that an executable says it is."""

import subprocess
from functools import lru_cache
from pathlib import Path

from harness.backends.executable.options import ExecutableOptions
from harness.backends.scylla_settings import Release
from harness.errors import BackendError

_TIMEOUT_S = 60.0
_SHOWN_LINES = 5


@lru_cache
def release_of(options: ExecutableOptions) -> Release:
    """Ask an executable for its version.

    Raises:
        BackendError: it cannot be started, fails, or says nothing that is a version.
    """
    _expect_file(options)
    try:
        answer = subprocess.run(  # noqa: S603  (the user's own)
            [*options.command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise BackendError(
            f"{options} cannot be started: there is no {error.filename}; is --scylla-exe right, and does it need a "
            "wrapper (--exe-prefix)?"
        ) from error
    except OSError as error:
        raise BackendError(
            f"{options} cannot be started: {error.strerror}; --scylla-exe wants a program that this user may run"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BackendError(f"{options} --version says nothing within {_TIMEOUT_S:g} s") from error
    if answer.returncode != 0:
        said = [line for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
        raise BackendError(
            f"{options} --version ends with exit code {answer.returncode}:\n"
            + "\n".join(f"  {line}" for line in said[-_SHOWN_LINES:])
        )
    return Release.of(answer.stdout.strip().splitlines()[-1] if answer.stdout.strip() else "")


def _expect_file(options: ExecutableOptions) -> None:
    """Refuse a path where nothing is, as far as that can be seen from here."""
    root = options.root
    path = root / str(options.executable).lstrip("/")
    # What another root's links mean is seen in there alone; and so is everything where a wrapper may have one.
    is_unseen = path.is_symlink() or (options.prefix and root == Path("/"))
    if options.executable.is_absolute() and not is_unseen and not path.is_file():
        inside = f"; behind chroot, it is a path inside of {root}" if root != Path("/") else ""
        raise BackendError(f"--scylla-exe: there is no file {path}{inside}")
