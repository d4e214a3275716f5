"""Removing what killed runs have left behind.

Mostly that is files: processes, namespaces, veths and bridges end with the keeper, which ends with its run. Should a
keeper have outlived its run all the same, it is ended here. What a living run holds is never touched.
"""

import os
import shutil
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from harness.backends.network.interfaces import Interfaces
from harness.backends.network.lease import Claims, Lease, claims_of, lease_paths
from harness.backends.network.state_folder import default_state_folder
from harness.errors import BackendError
from harness.waiting import wait_until

_END_TIMEOUT_S = 10.0
_LEASE_TIMEOUT_S = 5.0
_INTERFACE_TIMEOUT_S = 2.0


class Kind(Enum):
    """What can be left over."""

    PROCESS = "process"
    INTERFACE = "interface"
    FOLDER = "folder"
    LEASE = "lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """One thing that was left over and is no more."""

    kind: Kind
    name: str
    """Number of a process, name of an interface, path of a file or folder."""

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


def clean(*, state_folder: Path | None = None) -> tuple[Removed, ...]:
    """Remove everything that runs of this user have left behind, and nothing that a living one uses.

    Args:
        state_folder: where leases are; None: where this user's are.

    Raises:
        BackendError: something of that cannot be removed.
    """
    folder = state_folder or default_state_folder()
    removed: list[Removed] = []
    if folder.is_dir():
        for path in lease_paths(folder):
            removed += _clean_lease(path)
    return tuple(removed)


def alias_of(status: os.stat_result) -> str:
    """What is written on the interface of a network, so that it can be told from one of the same name.

    Args:
        status: of the file of its lease.
    """
    return f"scylla-wire-harness {status.st_dev}:{status.st_ino}"


def _clean_lease(path: Path) -> list[Removed]:
    claims = claims_of(path)
    removed: list[Removed] = []
    lease = Lease.take_over(path)
    if lease is None:
        if claims.owner is None or claims.owner.is_alive():
            return []
        removed += _end_keepers(claims)
        # A keeper that has just lost its run ends by itself, but needs a moment for it.
        lease = wait_until(lambda: Lease.take_over(path), timeout_s=_LEASE_TIMEOUT_S)
        if lease is None:
            # A child that the run has forked still holds the lease, and maybe uses what is in it.
            return removed
        claims = claims_of(path)
    if claims.interface is not None and _remove_interface(
        claims.interface, alias_of(os.fstat(lease.descriptor))
    ):
        removed.append(Removed(kind=Kind.INTERFACE, name=claims.interface))
    for folder in (claims.folder, claims.other_folder):
        if folder is not None and folder.is_dir():
            _remove_folder(folder)
            removed.append(Removed(kind=Kind.FOLDER, name=str(folder)))
    lease.release()
    removed.append(Removed(kind=Kind.LEASE, name=str(path)))
    return removed


def _end_keepers(claims: Claims) -> list[Removed]:
    removed = []
    for keeper in claims.keepers:
        if keeper.is_alive():
            with suppress(ProcessLookupError):
                os.kill(keeper.pid, signal.SIGKILL)
            if not wait_until(keeper.has_ended, timeout_s=_END_TIMEOUT_S):
                raise BackendError(f"process {keeper.pid} of a run that has ended does not end on SIGKILL")
            removed.append(Removed(kind=Kind.PROCESS, name=str(keeper.pid)))
    return removed


def _remove_interface(name: str, alias: str) -> bool:
    """Remove an interface that was left over; whether it took us.

    The kernel removes it by itself a moment after the last process of its network.
    """
    if not Path("/sys/class/net", name).exists():
        return False
    with Interfaces() as interfaces:
        if interfaces.alias_of(name) != alias:
            return False
        if wait_until(lambda: interfaces.index_of(name) is None, timeout_s=_INTERFACE_TIMEOUT_S):
            return False
        return interfaces.remove(name)


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BackendError(f"cannot remove the folder {folder} of a run that has ended: {error}") from error
