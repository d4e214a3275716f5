"""The site of a cluster of the user's own executable: namespaces on one bridge, and a work folder for each node."""

import os
import shlex
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cassandra.connection import Connection

from harness.backends.contract import Needs
from harness.backends.executable.options import ExecutableOptions
from harness.backends.executable.version import release_of
from harness.backends.live.machine import Machine
from harness.backends.network.driver_connection import connection_class_of
from harness.backends.network.network import Network, NetworkNode
from harness.backends.network.process import Process
from harness.backends.process_machine import WRAPPED_EXITS, ProcessMachine
from harness.backends.scylla_settings import (
    RACKDC,
    Place,
    Release,
    count_of,
    next_place,
    rackdc_text,
    read_overlay,
    runtime_options,
    settings_of,
    tablets_wanted,
    yaml_text,
)
from harness.errors import BackendError

_YAML = "scylla.yaml"
_STOP_TIMEOUT_S = 120.0
_TEST_TIMEOUT_S = 10.0


class ExecutableSite:
    """A network with nodes of one executable; made by ``create``."""

    is_ours = True
    stays = False

    def __init__(self, network: Network, needs: Needs, options: ExecutableOptions, release: Release) -> None:
        self.network = network
        self.tap, self.folder = network.tap, network.folder
        self.release = release
        self.line, self.boots_together = release.line, release.boots_together
        self.has_tablets = tablets_wanted(needs, options.has_tablets, release)
        self._needs = needs
        self._options = options
        self._overlay: dict[str, Any] = {} if options.yaml is None else read_overlay(options.yaml)
        self._count = count_of(needs)
        self._machines: list[ProcessMachine] = []

    @classmethod
    def create(cls, needs: Needs, options: ExecutableOptions) -> "ExecutableSite":
        """Make a network with room for the nodes that are needed; none is started.

        Raises:
            BackendError: there is no such executable, it says no version, or this machine has no namespaces.
        """
        release = release_of(options)
        count = count_of(needs)
        network = Network.create()
        try:
            site = cls(network, needs, options, release)
            for _ in range(count):
                site._add()
        except BaseException:
            network.close()
            raise
        return site

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The nodes' machines, in order of their names."""
        return tuple(self._machines)

    @property
    def logs(self) -> tuple[Path, ...]:
        """What the nodes have said."""
        return tuple(self._log_of(machine.place) for machine in self._machines)

    @property
    def connection_class(self) -> type[Connection]:
        """The driver's class of connections that reach the nodes."""
        return connection_class_of(self.network.client)

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""
        return self.network.client.socket()

    def prepare(self) -> None:
        """Nothing: real nodes send packets as soon as they run."""

    def add_machine(self) -> Machine:
        """Make room for another node, in the datacenter that has the fewest.

        Raises:
            BackendError: the subnet is full.
        """
        return self._add()

    def remove_machine(self, machine: Machine) -> bool:  # noqa: ARG002  (others can)
        """A namespace stays as long as its network: another cluster is made instead."""
        return False

    def remove(self) -> None:
        """As ``close``."""
        self.close()

    def close(self) -> None:
        """End all processes and give everything back."""
        self.network.close()

    def _add(self) -> ProcessMachine:
        count = len(self._machines)
        is_beginner = count < self._count
        network_node = self.network.add_node(f"n{count + 1}")
        place = next_place(
            [machine.place for machine in self._machines],
            self._needs,
            address=network_node.address,
            count=self._count,
            is_seed=is_beginner and (self.boots_together or count == 0),
        )
        folder = self.network.folder / place.name
        # A folder of the same name, as the executable sees it and as it is seen from here.
        outside = self.network.own_folder_of(self._options.root) / place.name
        settings = settings_of(
            place,
            self.release,
            self._needs,
            cluster_name=self.network.name,
            seeds=self._seeds(place),
            has_tablets=self.has_tablets,
        )

        def launch() -> Process:
            outside.mkdir(parents=True, exist_ok=True)
            (outside / _YAML).write_text(yaml_text(settings, self._overlay), encoding="utf-8")
            (outside / RACKDC).write_text(rackdc_text(place), encoding="utf-8")
            return network_node.start(
                self.command_of(place),
                log=self._log_of(place),
                # Where Scylla looks for cassandra-rackdc.properties.
                environment={**os.environ, "SCYLLA_CONF": str(folder)},
            )

        machine = ProcessMachine(
            place,
            self.network.links,
            launch,
            orderly_exits=WRAPPED_EXITS,
            stop_timeout_s=_STOP_TIMEOUT_S,
            explain=lambda: self._why_unseen(network_node, folder / _YAML),
        )
        self._machines.append(machine)
        return machine

    def command_of(self, place: Place) -> tuple[str, ...]:
        """The command line of a node."""
        folder = self.network.folder / place.name
        return (
            *self._options.command,
            *("--options-file", str(folder / _YAML), "--workdir", str(folder)),
            *runtime_options(self._needs, self.release),
            *self._options.arguments,
        )

    def _why_unseen(self, node: NetworkNode, settings: Path) -> str:
        """Why a node behind a prefix cannot have read its settings; empty: it could, or that cannot be known."""
        prefix = self._options.prefix

        def fails(*condition: str) -> bool:
            log = self.network.folder / "prefix.log"
            return node.start([*prefix, "test", *condition], log=log).wait(timeout_s=_TEST_TIMEOUT_S) != 0

        try:
            # What has no such program, or refuses it, says nothing about files.
            if not prefix or fails("-d", "/") or not fails("-r", str(settings)):
                return ""
        except BackendError:
            return ""
        return (
            f"behind {shlex.join(prefix)} it cannot read its work folder {settings.parent}: make "
            f"{tempfile.gettempdir()} visible there, or name a folder that is with TMPDIR"
        )

    def _log_of(self, place: Place) -> Path:
        return self.network.folder / f"{place.name}.log"

    def _seeds(self, place: Place) -> Iterable[str]:
        if self.boots_together:
            return [str(self.network.subnet[number + 1]) for number in range(self._count)]
        return [self._machines[0].address] if self._machines else [place.address]
