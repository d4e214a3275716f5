"""A simulated node where a ``scylla`` executable stands: ``python -m harness.backends.simulation.scylla_program``.

It takes Scylla's command line and scylla.yaml, writes its log to standard error, and ends with 0 after an orderly stop
and with 1, and one line that says why, if it cannot start. Without a listen address it takes its machine's own, as the
entry point of the image ``scylladb/scylla`` does.

Source:
    Scylla, main.cc (--version; exit codes); dist/docker/scyllasetup.py (addresses that nobody has named).
"""

import asyncio
import socket
import sys
from pathlib import Path

from harness.backends.simulation.node_program import run_node
from harness.backends.simulation.scylla_command import RELEASE, read_command
from harness.errors import HarnessError

DEFAULT_OPTIONS_FILE = Path("/etc/scylla/scylla.yaml")


def main(arguments: list[str]) -> int:
    """Run the node that a command line describes.

    Returns:
        The exit code.
    """
    try:
        config = read_command(
            arguments,
            default_options_file=DEFAULT_OPTIONS_FILE if DEFAULT_OPTIONS_FILE.is_file() else None,
            own_address=own_address(),
        )
        if config is None:
            sys.stdout.write(f"{RELEASE}\n")
            return 0
        Path(config.data_folder).mkdir(parents=True, exist_ok=True)
        asyncio.run(run_node(config))
    except (HarnessError, OSError) as error:
        sys.stderr.write(f"startup failed: {error}\n")
        return 1
    return 0


def own_address() -> str | None:
    """The address that this machine's name stands for, if others can reach it."""
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        return None
    return None if address.startswith("127.") else address


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
