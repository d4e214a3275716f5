"""The site of the simulated cluster: each node a process of its own in a network namespace of its own."""

import socket
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.backends.contract import Needs
from harness.backends.held_launch import HeldLaunch
from harness.backends.live.machine import Machine
from harness.backends.network.bridge_tap import BridgeTap
from harness.backends.network.network import Network
from harness.backends.network.process import Process
from harness.backends.network.template import Template
from harness.backends.node_template import LINE, node_template
from harness.backends.process_machine import ProcessMachine
from harness.backends.scylla_settings import Place, count_of, next_place
from harness.backends.simulation.faults import chosen, known
from harness.backends.simulation.node_config import NodeConfig
from harness.errors import BackendError

if TYPE_CHECKING:
    from cassandra.connection import Connection


class SimulatedSite:
    """A network with simulated nodes; made by ``create``."""

    line = LINE
    has_tablets = False
    boots_together = True

    def __init__(
        self,
        network: Network,
        template: Template,
        needs: Needs,
        faults: tuple[str, ...] = (),
        ring: Sequence[Sequence[int]] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.network = network
        self._template = template
        self._faults = faults
        self._ring = ring
        self._settings = settings or {}
        self._needs = needs
        self._count = count_of(needs)
        self._machines: list[ProcessMachine] = []
        self._launches: list[HeldLaunch] = []
        self._configs: dict[str, NodeConfig] = {}

    @classmethod
    def create(
        cls,
        needs: Needs,
        faults: Iterable[str] | None = None,
        ring: Sequence[Sequence[int]] = (),
        settings: Mapping[str, Any] | None = None,
    ) -> "SimulatedSite":
        """Make a network for the nodes that are needed; each gets its place there when it is first asked for.

        Args:
            needs: of the scenario.
            faults: bugs that the nodes are to have, as ``simulation.faults`` lists them; None: those that the
                environment names.
            ring: tokens of each node, in order of their names; of nodes behind its end they are chosen by chance.
            settings: other fields of ``NodeConfig``, of all nodes.

        Raises:
            BackendError: the simulation knows nothing of what is needed, or this machine has no namespaces.
        """
        count_of(needs)
        bugs = chosen() if faults is None else known(faults)
        # Loaded, where it is not yet, while the network is made.
        template = node_template()
        return cls(Network.create(), template, needs, bugs, ring, settings)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The nodes' machines, in order of their names.

        Raises:
            BackendError: there is no room for all that are needed.
        """
        self._make_room()
        return tuple(self._machines)

    @property
    def configs(self) -> Mapping[str, NodeConfig]:
        """What each node is told, by its name.

        Raises:
            BackendError: there is no room for all that are needed.
        """
        self._make_room()
        return self._configs

    @property
    def tap(self) -> BridgeTap:
        """Where all packets pass."""
        return self.network.tap

    @property
    def folder(self) -> Path:
        """For files of this run; gone after ``close``."""
        return self.network.folder

    @property
    def connection_class(self) -> "type[Connection]":
        """The driver's class of connections that reach the nodes."""
        # The driver takes a while to load, and the network can be there before.
        from harness.backends.network.driver_connection import connection_class_of  # noqa: PLC0415

        return connection_class_of(self.network.client)

    @property
    def command_prefix(self) -> tuple[str, ...]:
        """What stands before the command line of a program so that it reaches the nodes."""
        return self.network.client.command_prefix

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""
        return self.network.client.socket()

    def prepare(self) -> None:
        """Have the processes of all nodes there, each held back until its node is started.

        Raises:
            BackendError: the program of the nodes cannot be loaded, or there is no room for all.
        """
        self._make_room()
        for launch in self._launches:
            try:
                launch.prepare()
            except OSError as error:
                raise BackendError(f"cannot write the settings of a node: {error}") from error

    def add_machine(self) -> Machine:
        """Make room for another node, in the datacenter that has the fewest.

        Raises:
            BackendError: the subnet is full.
        """
        self._make_room()
        return self._add_machine()

    def close(self) -> None:
        """End all processes and give everything back."""
        for launch in self._launches:
            launch.close()
        self.network.close()

    def _make_room(self) -> None:
        while len(self._machines) < self._count:
            self._add_machine()

    def _add_machine(self) -> ProcessMachine:
        node = self.network.add_node(f"n{len(self._machines) + 1}")
        place = next_place(
            [machine.place for machine in self._machines],
            self._needs,
            address=node.address,
            count=self._count,
            is_seed=len(self._machines) < self._count,
        )
        number = len(self._machines)
        tokens = tuple(self._ring[number]) if number < len(self._ring) else ()
        config = self._configs[place.name] = self._config_of(place, tokens)
        folder = self.network.folder / place.name

        def launch(gate: int | None) -> Process:
            Path(config.data_folder).mkdir(parents=True, exist_ok=True)
            path = folder / "config.json"
            config.write(path)
            log = self.network.folder / f"{place.name}.log"
            return node.start_copy(self._template, [str(path)], log=log, passed=gate)

        held = HeldLaunch(launch)
        machine = ProcessMachine(place, self.network.links, held)
        self._launches.append(held)
        self._machines.append(machine)
        return machine

    def _config_of(self, place: Place, tokens: tuple[int, ...]) -> NodeConfig:
        return NodeConfig(
            name=place.name,
            listen_address=place.address,
            # Those that begin the cluster are seeds, so that they can start together.
            seeds=tuple(str(self.network.subnet[number + 1]) for number in range(self._count)),
            data_folder=str(self.network.folder / place.name / "data"),
            cluster_name=self.network.name,
            datacenter=place.datacenter,
            rack=place.rack,
            initial_token=tokens,
            snitch="SimpleSnitch" if self._needs.datacenters == 1 else "GossipingPropertyFileSnitch",
            internode_compression=self._needs.compression or "none",
            hinted_handoff_enabled=self._needs.hints is not False,
            faults=self._faults,
            **self._settings,
        )
