"""Starting a node's process, which may stand ready before it is to begin."""

import os
from collections.abc import Callable

from harness.backends.network.process import Process


class HeldLaunch:
    """Starts a process anew each time it is called; the first time, one that was prepared begins.

    Args:
        launch: starts the process; takes the gate that holds it back, None for one that begins at once.
    """

    def __init__(self, launch: Callable[[int | None], Process]) -> None:
        self._launch = launch
        self._prepared: Process | None = None
        self._opener = -1
        """Writing to it opens the gate; closing it lets the process end."""

    def prepare(self) -> None:
        """Start the process, but let it do nothing yet.

        Raises:
            BackendError: it cannot be started.
            OSError: what it reads cannot be written.
        """
        gate, self._opener = os.pipe()
        try:
            self._prepared = self._launch(gate)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(gate)

    def __call__(self) -> Process:
        """Let the prepared process begin, or else start one.

        Raises:
            BackendError: it cannot be started.
            OSError: what it reads cannot be written.
        """
        process = self._prepared
        if process is None:
            return self._launch(None)
        try:
            os.write(self._opener, b"\0")
        except BrokenPipeError:
            # It has ended; who waits for the node to be ready finds that out, and says why.
            pass
        finally:
            self.close()
        return process

    def close(self) -> None:
        """Let a prepared process that has not begun end."""
        self._prepared = None
        if self._opener >= 0:
            os.close(self._opener)
            self._opener = -1
