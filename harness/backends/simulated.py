"""The site of the simulated cluster: each node a process of its own in a network namespace of its own."""

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from cassandra.connection import Connection

from harness.backends.contract import Needs
from harness.backends.live.machine import Machine
from harness.backends.network.bridge_tap import BridgeTap
from harness.backends.network.driver_connection import connection_class_of
from harness.backends.network.network import Network, NetworkNode
from harness.backends.network.process import Process
from harness.backends.network.template import Template
from harness.backends.simulation.faults import chosen, known
from harness.backends.simulation.node_config import NodeConfig
from harness.codec.verbs.line import Line
from harness.errors import BackendError

NODES = 3
"""Where nobody asks for a number."""
NODE_PROGRAM = "harness.backends.simulation.node_program"
LINE = Line.V4_2
_DATACENTER = "datacenter1"
_RACK = "rack1"


class SimulatedMachine:
    """A simulated node's process; the contract of ``Machine``."""

    def __init__(
        self, network: Network, node: NetworkNode, config: NodeConfig, *, template: Template
    ) -> None:
        self.config = config
        """What the node is told."""
        self._template = template
        self._network = network
        self._node = node
        self._process: Process | None = None
        self._folder = network.folder / config.name
        self._log = network.folder / f"{config.name}.log"

    @property
    def name(self) -> str:
        """The node's name."""
        return self.config.name

    @property
    def address(self) -> str:
        """Where the node listens."""
        return self.config.listen_address

    @property
    def datacenter(self) -> str:
        """The node's datacenter."""
        return self.config.datacenter

    @property
    def rack(self) -> str:
        """The node's rack."""
        return self.config.rack

    @property
    def is_seed(self) -> bool:
        """Whether it joins without streaming."""
        return self.address in self.config.seeds

    def start(self) -> None:
        """Start its process.

        Raises:
            BackendError: it runs already, or cannot be started.
        """
        if self._process is not None and self._process.exit_code() is None:
            raise BackendError(f"{self.name} runs already (process {self._process.pid})")
        Path(self.config.data_folder).mkdir(parents=True, exist_ok=True)
        path = self._folder / "config.json"
        self.config.write(path)
        self._process = self._node.start_copy(self._template, [str(path)], log=self._log)

    def exit_code(self) -> int | None:
        """None while its process runs, and before it was first started."""
        return None if self._process is None else self._process.exit_code()

    def last_words(self) -> str:
        """The end of its log, as part of a sentence."""
        return "it was never started" if self._process is None else self._process.last_words()

    def kill(self) -> None:
        """End its process at once.

        Raises:
            BackendError: it is not gone in time.
        """
        self._running("kill").kill()

    def stop(self) -> None:
        """Let it shut down.

        Raises:
            BackendError: it still runs after a minute, or ended otherwise than in order.
        """
        process = self._running("stop")
        exit_code = process.stop()
        if exit_code != 0:
            raise BackendError(f"{self.name} stopped with exit code {exit_code}; {process.last_words()}")

    def pause(self) -> None:
        """Let its process stand still.

        Raises:
            BackendError: it has ended.
        """
        self._running("pause").pause()

    def resume(self) -> None:
        """Let its process go on.

        Raises:
            BackendError: it has ended.
        """
        self._running("resume").resume()

    def isolate(self, peers: Iterable[str] = ()) -> None:
        """Drop all packets between it and nodes of these names; none named: all of them.

        Raises:
            BackendError: the kernel refuses.
        """
        self._network.links.isolate(self.name, tuple(peers))

    def heal(self) -> None:
        """End ``isolate``.

        Raises:
            BackendError: the kernel refuses.
        """
        self._network.links.heal(self.name)

    def _running(self, what: str) -> Process:
        if self._process is None:
            raise BackendError(f"cannot {what} {self.name}: it was never started")
        return self._process


class SimulatedSite:
    """A network with simulated nodes; made by ``create``."""

    line = LINE
    has_tablets = False
    boots_together = True

    def __init__(self, network: Network, needs: Needs, faults: tuple[str, ...] = ()) -> None:
        self.network = network
        self._faults = faults
        self._needs = needs
        # Loaded while the rest of the network is made.
        self._template = network.load(NODE_PROGRAM, environment=_environment())
        self._machines: list[SimulatedMachine] = []

    @classmethod
    def create(cls, needs: Needs, faults: Iterable[str] | None = None) -> "SimulatedSite":
        """Make a network with room for the nodes that are needed; none is started.

        Args:
            needs: of the scenario.
            faults: bugs that the nodes are to have, as ``simulation.faults`` lists them; None: those that the
                environment names.

        Raises:
            BackendError: the simulation knows nothing of what is needed, or this machine has no namespaces.
        """
        count = needs.nodes if needs.nodes is not None else max(NODES, needs.datacenters)
        if count < 1:
            raise BackendError("a cluster has at least one node")
        if needs.datacenters > count:
            raise BackendError(f"{count} nodes cannot be spread over {needs.datacenters} datacenters")
        bugs = chosen() if faults is None else known(faults)
        network = Network.create()
        try:
            site = cls(network, needs, bugs)
            for index in range(count):
                # Nodes beside each other fill a datacenter before the next one begins.
                site._add(index * needs.datacenters // count, seed_count=count)
        except BaseException:
            network.close()
            raise
        return site

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The nodes' machines, in order of their names."""
        return tuple(self._machines)

    @property
    def tap(self) -> BridgeTap:
        """Where all packets pass."""
        return self.network.tap

    @property
    def folder(self) -> Path:
        """For files of this run; gone after ``close``."""
        return self.network.folder

    @property
    def connection_class(self) -> type[Connection]:
        """The driver's class of connections that reach the nodes."""
        return connection_class_of(self.network.client)

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What stands before the command line of a program so that it reaches the nodes."""
        return self.network.client.command_prefix

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""
        return self.network.client.socket()

    def add_machine(self) -> Machine:
        """Make room for another node, in the datacenter that has the fewest.

        Raises:
            BackendError: the subnet is full.
        """
        counts = [0] * self._needs.datacenters
        for machine in self._machines:
            counts[self._datacenter_index(machine)] += 1
        return self._add(counts.index(min(counts)), seed_count=self._seed_count)

    def close(self) -> None:
        """End all processes and give everything back."""
        self.network.close()

    @property
    def _seed_count(self) -> int:
        return sum(machine.is_seed for machine in self._machines)

    def _datacenter_index(self, machine: SimulatedMachine) -> int:
        return 0 if self._needs.datacenters == 1 else int(machine.datacenter.removeprefix("dc")) - 1

    def _add(self, datacenter_index: int, *, seed_count: int) -> SimulatedMachine:
        name = f"n{len(self._machines) + 1}"
        node = self.network.add_node(name)
        is_single = self._needs.datacenters == 1
        beside = sum(self._datacenter_index(other) == datacenter_index for other in self._machines)
        config = NodeConfig(
            name=name,
            listen_address=node.address,
            # Those that begin the cluster are seeds, so that they can start together.
            seeds=tuple(str(self.network.subnet[number + 1]) for number in range(seed_count)),
            data_folder=str(self.network.folder / name / "data"),
            cluster_name=self.network.name,
            datacenter=_DATACENTER if is_single else f"dc{datacenter_index + 1}",
            rack=_RACK if is_single else f"r{beside + 1}",
            snitch="SimpleSnitch" if is_single else "GossipingPropertyFileSnitch",
            internode_compression=self._needs.compression or "none",
            hinted_handoff_enabled=self._needs.hints is not False,
            faults=self._faults,
        )
        machine = SimulatedMachine(self.network, node, config, template=self._template)
        self._machines.append(machine)
        return machine


def _environment() -> dict[str, str]:
    """Ours, but that the node finds the same modules, and its log comes as it is written."""
    paths = [path for path in sys.path if path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
