"""The system calls about namespaces that Python 3.11 has no functions for.

Source:
    Linux man pages unshare(2), setns(2), prctl(2).
"""

import ctypes
import os
import signal

CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NAME = 15

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give this process new namespaces of the kinds in flags; with CLONE_NEWPID, its next child.

    Raises:
        OSError: not permitted, or not known to this kernel.
    """
    _check(_libc.unshare(flags))


def enter_namespace(descriptor: int, kind: int) -> None:
    """Move this thread into a namespace that is open.

    Raises:
        OSError: not permitted, or of another kind.
    """
    _check(_libc.setns(descriptor, kind))


def die_with_parent(signal_number: int = signal.SIGKILL) -> None:
    """Have this process sent a signal when the thread that started it ends.

    Raises:
        OSError: no such signal.
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def be_inspectable() -> None:
    """Let the same user look at this process in /proc, though it has gained rights within its namespaces.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0))


def be_called(name: str) -> None:
    """Give this thread a name in lists of processes; of a longer one, its first 15 bytes.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
