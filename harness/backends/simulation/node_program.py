"""The process of one simulated node: ``python -m harness.backends.simulation.node_program CONFIG.json [GATE]``.

Behind a gate, the number of an open descriptor, it stands ready but opens no socket before a byte can be read from that;
it ends if none can come any more. Then it runs until SIGTERM or SIGINT, which it takes as ``nodetool drain`` and the end.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from harness.backends.simulation.cql.parser import parse
from harness.backends.simulation.journal import FileJournal
from harness.backends.simulation.node import Node
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.real_world import RealWorld
from harness.errors import HarnessError

JOURNAL_BYTES_MAX = 4 << 20
"""A journal that is longer when a node starts is written anew, without what has been undone or done with since."""


async def run_node(config: NodeConfig, gate: int | None = None) -> None:
    """Run a node until the process is told to end.

    Args:
        config: its settings.
        gate: a descriptor; the node begins when a byte can be read from it. None: at once.

    Raises:
        HarnessError: it cannot start.
        OSError: a port or its folder cannot be used.
    """
    world = RealWorld(seed=config.seed)
    journal = FileJournal(Path(config.data_folder, "journal"))
    node = Node(config, world, journal)
    if journal.size_bytes > JOURNAL_BYTES_MAX:
        journal.rewrite(node.kept())
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        node.prepare()
        # Nothing runs yet that would have to go on meanwhile.
        if gate is not None and not os.read(gate, 1):
            return
        world.log(f"{config.name} starts on {config.listen_address}")
        await node.start()
        world.log(f"{config.name} serves clients on port {config.native_transport_port}")
        await told.wait()
        world.log(f"{config.name} stops")
        await node.stop()
    finally:
        await world.close()
        journal.close()


def prepare() -> None:
    """Have the parser of CQL ready, which takes its time to be made, so that copies of this process need not."""
    parse("SELECT key FROM system.local")


def main(arguments: list[str]) -> int:
    """Run the node that a file describes.

    Returns:
        The exit code: 0 after an orderly stop, 1 if it cannot start, 2 for wrong usage.
    """
    path, *gates = arguments or [""]
    if not path or len(gates) > 1 or not all(gate.isdecimal() for gate in gates):
        sys.stderr.write("usage: python -m harness.backends.simulation.node_program CONFIG.json [GATE]\n")
        return 2
    try:
        asyncio.run(run_node(NodeConfig.read(Path(path)), *map(int, gates)))
    except (HarnessError, OSError) as error:
        sys.stderr.write(f"the node cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
