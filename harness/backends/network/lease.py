"""What one network has claimed: a subnet, and with it the names of its bridge and of the interface on the host.

A lease is a file that is locked while anything of its network lives: by the process that made it, and by the keeper,
to which the open file is handed on. The lock ends with the last of them, however they end; so a lease that can be
locked is left over, and what its file says can be removed.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Self

from harness.backends.network.process_identity import ProcessIdentity
from harness.errors import BackendError

SUBNETS = IPv4Network("198.18.0.0/15")
"""For networks that are built to measure something, hence in nobody's intranet (RFC 2544, appendix C.2.2)."""

SUBNET_PREFIX = 24
_SUFFIX = ".lease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What the file of a lease says."""

    owner: ProcessIdentity | None = None
    """Who made it."""

    keepers: tuple[ProcessIdentity, ...] = ()
    """Who holds the namespaces."""

    folder: Path | None = None
    """Of temporary files."""

    other_folder: Path | None = None
    """Of temporary files of nodes whose root is another one."""

    interface: str | None = None
    """On the host."""


class Lease:
    """A lease that is held; made by ``take`` or ``take_over``."""

    def __init__(self, path: Path, descriptor: int, subnet: IPv4Network) -> None:
        self.path = path
        self.subnet = subnet
        self.descriptor = descriptor
        """The open file; whoever inherits it holds the lease as well."""

    @classmethod
    def take(cls, folder: Path, subnet: IPv4Network) -> Self | None:
        """Claim a subnet; None if it is claimed already, also by a run that has left things behind.

        Raises:
            BackendError: the file cannot be made.
        """
        path = folder / f"{subnet.network_address}-{subnet.prefixlen}{_SUFFIX}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return None
        except OSError as error:
            raise BackendError(f"cannot make the lease {path}: {error.strerror}") from error
        if not _lock(descriptor, path):
            os.close(descriptor)
            return None
        lease = cls(path, descriptor, subnet)
        lease.record(owner=ProcessIdentity.of(os.getpid()))
        return lease

    @classmethod
    def take_over(cls, path: Path) -> Self | None:
        """Lock the lease of a run that has ended; None if it is still held, or gone.

        Raises:
            BackendError: the file cannot be opened.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackendError(f"cannot open the lease {path}: {error.strerror}") from error
        if not _lock(descriptor, path):
            os.close(descriptor)
            return None
        return cls(path, descriptor, subnet_of(path))

    @property
    def name(self) -> str:
        """What the bridge is called: unique among networks, and short enough for an interface."""
        _, second, third, _ = str(self.subnet.network_address).split(".")
        return f"harness{second}-{third}"

    def record(
        self,
        *,
        owner: ProcessIdentity | None = None,
        keepers: tuple[ProcessIdentity | None, ...] = (),
        folder: Path | None = None,
        other_folder: Path | None = None,
        interface: str | None = None,
    ) -> None:
        """Add to what the file says; to be called before the thing is made."""
        said: dict[str, object] = {
            "owner": owner,
            "keepers": [keeper for keeper in keepers if keeper is not None],
            "folder": None if folder is None else str(folder),
            "other_folder": None if other_folder is None else str(other_folder),
            "interface": interface,
        }
        line = json.dumps({key: value for key, value in said.items() if value}) + "\n"
        # One line at a time: whoever is killed in between leaves whole lines.
        os.lseek(self.descriptor, 0, os.SEEK_END)
        os.write(self.descriptor, line.encode())

    def release(self) -> None:
        """Give it back; the second call does nothing."""
        if self.descriptor >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self.descriptor)
            self.descriptor = -1


def claims_of(path: Path) -> Claims:
    """Read the file of a lease, as far as it was written."""
    said: dict[str, object] = {}
    with suppress(OSError, ValueError):
        for line in path.read_text(encoding="utf-8").splitlines():
            part = json.loads(line)
            if isinstance(part, dict):
                said |= part
    interface, keepers = said.get("interface"), said.get("keepers")
    return Claims(
        owner=_identity(said.get("owner")),
        keepers=tuple(
            identity
            for identity in map(_identity, keepers if isinstance(keepers, list) else ())
            if identity is not None
        ),
        folder=_path(said.get("folder")),
        other_folder=_path(said.get("other_folder")),
        interface=interface if isinstance(interface, str) else None,
    )


def lease_paths(folder: Path) -> Iterator[Path]:
    """The files of all leases, held or left over, in order of their names."""
    yield from sorted(path for path in folder.glob(f"*{_SUFFIX}") if _is_lease(path))


def subnet_of(path: Path) -> IPv4Network:
    """The subnet that a lease is for; its file is named after it."""
    address, prefix = path.name.removesuffix(_SUFFIX).split("-")
    return IPv4Network(f"{address}/{prefix}")


def _is_lease(path: Path) -> bool:
    try:
        subnet_of(path)
    except ValueError:
        return False
    return True


def _lock(descriptor: int, path: Path) -> bool:
    """Lock an open lease; whether it could be done, and the file is still the one in the folder."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (status.st_ino, status.st_dev) == (ours.st_ino, ours.st_dev)


def _path(value: object) -> Path | None:
    return Path(value) if isinstance(value, str) else None


def _identity(value: object) -> ProcessIdentity | None:
    if isinstance(value, list) and len(value) == 2 and all(isinstance(number, int) for number in value):
        return ProcessIdentity(*value)
    return None
