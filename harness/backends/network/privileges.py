"""Whether namespaces can be made here, with which rights, and what to do if not."""

import errno
import os
from pathlib import Path

from harness.errors import BackendError

_CAP_SYS_ADMIN = 21

_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ("user/max_net_namespaces", "0", "user.max_net_namespaces=10000"),
    ("user/max_pid_namespaces", "0", "user.max_pid_namespaces=10000"),
)
"""File in /proc/sys, the value that forbids what we need, and what allows it."""


def may_make_namespaces() -> bool:
    """Whether this process may make namespaces as it is; otherwise it takes a user namespace around them.

    Source:
        Linux man pages capabilities(7), proc_pid_status(5).
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return os.geteuid() == 0
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False


def refused(step: str, error_number: int) -> BackendError:
    """The error for a kernel that does not give what a network needs.

    Args:
        step: what was to be made, such as ``a user namespace``.
        error_number: the kernel's answer.
    """
    why = os.strerror(error_number)
    if error_number in (errno.EINVAL, errno.ENOSYS):
        return BackendError(
            f"cannot make {step} ({why}): this kernel is built without it; run on another kernel"
        )
    forbidding = [setting for name, value, setting in _SETTINGS if _setting(name) == value]
    if forbidding:
        advice = f"run as root, or allow it to users with: sudo sysctl -w {' '.join(forbidding)}"
    elif error_number == errno.ENOSPC:
        advice = "the limits in /proc/sys/user are reached; raise them with sysctl, or end other runs"
    else:
        advice = "run as root; inside a container, start that container with --privileged"
    return BackendError(
        f"cannot make {step} ({why}); nodes in network namespaces need root or a kernel that gives user "
        f"namespaces to everybody: {advice}"
    )


def _setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return None
