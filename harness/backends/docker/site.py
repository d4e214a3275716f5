"""The site of a cluster in containers: one bridge, a container with a fixed address for each node."""

import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from cassandra.connection import Connection

from harness.backends.contract import Needs
from harness.backends.docker import labels
from harness.backends.docker.attendants import Attendants, EngineTap
from harness.backends.docker.engine import Engine, connected
from harness.backends.docker.firewall import Firewall
from harness.backends.docker.image_files import read_file
from harness.backends.docker.links import ContainerLinks
from harness.backends.docker.machine import CONFIGURATION, DockerMachine
from harness.backends.docker.network import DockerNetwork, make_network, network_of
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.reaper import clean_up, remove_all
from harness.backends.docker.running import address_of, needs_of, running_nodes, sidecar_image
from harness.backends.docker.temporary_folder import make_folder, remove_folder
from harness.backends.docker.version import release_of
from harness.backends.docker.way_in import WayIn
from harness.backends.live.machine import Machine
from harness.backends.scylla_settings import (
    DATACENTER,
    RACK,
    RACKDC,
    Place,
    Release,
    count_of,
    image_options,
    next_place,
    rackdc_text,
    read_overlay,
    settings_of,
    tablets_wanted,
    yaml_text,
)
from harness.errors import BackendError
from harness.interrupts import interrupts_wait

_YAML = "scylla.yaml"


class DockerSite:
    """A network with containers; made by ``create`` or ``attach``.

    Args:
        engine: where they are.
        network: that joins them.
        name: of the cluster.
        needs: how it is made.
        options: of the user.
        image_id: of the nodes.
        is_ours: whether we have made it, so that we remove it.
    """

    def __init__(
        self,
        engine: Engine,
        network: DockerNetwork,
        *,
        name: str,
        needs: Needs,
        options: DockerOptions,
        image_id: str,
        is_ours: bool,
    ) -> None:
        self.name = name
        self.network = network
        self.is_ours = is_ours
        self.image_id = image_id
        self.release: Release = release_of(engine, image_id, options.image)
        self.line, self.boots_together = self.release.line, self.release.boots_together
        self.has_tablets = tablets_wanted(needs, options.has_tablets, self.release)
        self._overlay: dict[str, Any] = {} if options.yaml is None else read_overlay(options.yaml)
        image = sidecar_image(engine, name, options)
        # Last of what may be refused.
        self.folder = make_folder()
        self._engine = engine
        self._needs = needs
        self._options = options
        self._labels = labels.of_cluster(name, stays=is_ours and options.stays)
        way_in = WayIn(engine, image=image, labels=labels.of_cluster(name))
        self._firewall, self._links = Firewall(way_in), ContainerLinks(way_in)
        self._machines: list[DockerMachine] = []
        self._count = count_of(needs)
        self._delivered: dict[str, Any] | None = None
        self._attendants = Attendants(
            engine, network, cluster=name, image=image, options=options, nodes=lambda: self._machines
        )

    @classmethod
    def create(cls, needs: Needs, options: DockerOptions) -> "DockerSite":
        """Make a network and the containers of the nodes that are needed; none is started.

        Before that, what killed runs of this machine have left behind is removed.

        Raises:
            BackendError: no engine answers, there is no such image, or it refuses; nothing is left then.
        """
        engine = connected()
        clean_up(engine)
        count = count_of(needs)
        image_id = engine.image_id(options.image)
        release = release_of(engine, image_id, options.image)
        tablets_wanted(needs, options.has_tablets, release)
        name = f"wire-{os.getpid()}-{secrets.token_hex(3)}"
        written = labels.of_cluster(name, stays=options.stays)
        folder: Path | None = None
        try:
            network = make_network(engine, name, labels=written, subnet=options.subnet)
            site = cls(
                engine, network, name=name, needs=needs, options=options, image_id=image_id, is_ours=True
            )
            folder = site.folder
            site._attendants.hold_bridge_up(image_id=image_id, name=f"{name}-anchor", written=written)
            site._attendants.make_way()
            for _ in range(count):
                site._add()
        except BaseException:
            with interrupts_wait():
                remove_all(engine, labels.of_cluster(name))
                if folder is not None:
                    remove_folder(folder)
            raise
        return site

    @classmethod
    def attach(cls, options: DockerOptions) -> "DockerSite":
        """Find a cluster that runs.

        Raises:
            BackendError: there is none of that name, or several without one.
        """
        engine = connected()
        clean_up(engine)
        found = running_nodes(engine, options.attach or "")
        first = found[0]
        network = network_of(engine, next(iter(first["NetworkSettings"]["Networks"])))
        name = first["Config"]["Labels"][labels.CLUSTER]
        site = cls(
            engine,
            network,
            name=name,
            needs=needs_of(found),
            options=options,
            image_id=first["Image"],
            is_ours=False,
        )
        try:
            for container in found:
                site._take(container["Id"], _place_of(container))
            site._attendants.make_way()
        except BaseException:
            site.remove()
            raise
        return site

    @property
    def stays(self) -> bool:
        """Whether its nodes go on when it is closed."""
        return not self.is_ours or labels.STAYS in self._labels

    @property
    def machines(self) -> tuple[Machine, ...]:
        """The nodes' machines, in order of their names."""
        return tuple(self._machines)

    @property
    def tap(self) -> EngineTap:
        """Where all packets pass.

        Raises:
            BackendError: this machine is to record, but cannot.
        """
        return self._attendants.tap

    @property
    def logs(self) -> tuple[Path, ...]:
        """What the nodes have said so far, fetched from the engine.

        Raises:
            BackendError: a container is gone, or a file cannot be written.
        """
        paths = []
        for machine in self._machines:
            path = self.folder / f"{machine.name}.log"
            try:
                path.write_bytes(machine.log())
            except OSError as error:
                raise BackendError(f"cannot write {path}: {error.strerror}; is the disk full?") from error
            paths.append(path)
        return tuple(paths)

    @property
    def connection_class(self) -> type[Connection]:
        """The driver's class of connections that reach the nodes."""
        return self._attendants.connection_class

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""
        return self._attendants.open_socket()

    def prepare(self) -> None:
        """Nothing: real nodes send packets as soon as they run."""

    def add_machine(self) -> Machine:
        """Make another container, in the datacenter that has the fewest.

        Raises:
            BackendError: the subnet is full, or the engine refuses.
        """
        return self._add()

    def remove_machine(self, machine: Machine) -> bool:
        """Remove the container of a node that has left."""
        for own in self._machines:
            if own is machine and own is self._machines[-1] and len(self._machines) > self._count:
                own.remove()
                self._machines.remove(own)
                return True
        return False

    @interrupts_wait()
    def close(self) -> None:
        """Give everything back, but leave running what is to stay."""
        if self.stays:
            self._leave()
        else:
            self.remove()

    @interrupts_wait()
    def remove(self) -> None:
        """Remove everything; of a cluster that somebody else has made, what is ours alone."""
        self._leave()
        # By what is written on it: who is interrupted while something is made does not know it yet.
        remove_all(self._engine, labels.of_cluster(self.name))

    def _leave(self) -> None:
        self._links.close()
        try:
            self._attendants.close()
        finally:
            remove_folder(self.folder)

    def _add(self) -> DockerMachine:
        count = len(self._machines)
        is_beginner = count < self._count
        place = next_place(
            [machine.place for machine in self._machines],
            self._needs,
            address=self._next_address(),
            count=self._count,
            is_seed=is_beginner and (self.boots_together or count == 0),
        )
        seeds = self._seeds(place)
        container = self._make_container(place, seeds)
        files = {_YAML: self._yaml_text(place, seeds, container), RACKDC: rackdc_text(place)}
        return self._take(container, place, lambda: files)

    def _make_container(self, place: Place, seeds: list[str]) -> str:
        """Make the container of a node; return its id."""
        api = self._engine.api
        with self._engine.changing(f"no container for {place.name} can be made"):
            return str(
                api.create_container(
                    self.image_id,
                    [
                        *("--seeds", ",".join(seeds), "--listen-address", place.address),
                        *image_options(self._needs, self.release),
                        *self._options.arguments,
                    ],
                    name=f"{self.name}-{place.name}",
                    hostname=place.name,
                    labels={
                        **self._labels,
                        labels.NODE: place.name,
                        labels.DATACENTER: place.datacenter,
                        labels.RACK: place.rack,
                        labels.NEEDS: json.dumps(asdict(self._needs)),
                    },
                    host_config=api.create_host_config(network_mode=self.network.name),
                    networking_config=api.create_networking_config(
                        {self.network.name: api.create_endpoint_config(ipv4_address=place.address)}
                    ),
                )["Id"]
            )

    def _yaml_text(self, place: Place, seeds: list[str], container: str) -> str:
        """scylla.yaml of a node."""
        settings = settings_of(
            place,
            self.release,
            self._needs,
            cluster_name=self.name if self.is_ours else None,
            seeds=seeds,
            has_tablets=self.has_tablets,
        )
        delivered = self._delivered_settings(container if self.is_ours else self._machines[0].container)
        return yaml_text(delivered, settings, self._overlay)

    def _delivered_settings(self, container: str) -> dict[str, Any]:
        """scylla.yaml as the image, or the first node, has it; settings of ours are put into it."""
        if self._delivered is None:
            text = read_file(self._engine, container, str(CONFIGURATION / _YAML))
            told = yaml.safe_load(text) if text else {}
            self._delivered = told if isinstance(told, dict) else {}
        return self._delivered

    def _take(
        self, container: str, place: Place, files: Callable[[], Mapping[str, str]] = dict
    ) -> DockerMachine:
        """Take a container for the next node."""
        machine = DockerMachine(
            self._engine,
            container,
            place,
            firewall=self._firewall,
            links=self._links,
            taps=lambda: self._attendants.node_taps,
            files=files,
        )
        self._machines.append(machine)
        return machine

    def _next_address(self) -> str:
        if self.is_ours:
            return self.network.address_of(len(self._machines))
        taken = {machine.address for machine in self._machines}
        for index in range(self.network.subnet.num_addresses):
            address = self.network.address_of(index)
            if address not in taken:
                return address
        raise BackendError(f"the subnet {self.network.subnet} has no room for another node")

    def _seeds(self, place: Place) -> list[str]:
        if self.is_ours and self.boots_together:
            return [self.network.address_of(index) for index in range(self._count)]
        return [self._machines[0].address] if self._machines else [place.address]


def _place_of(container: Mapping[str, Any]) -> Place:
    """The place of a node that somebody has started."""
    written = container["Config"]["Labels"]
    return Place(
        name=written[labels.NODE],
        address=address_of(container),
        datacenter=written.get(labels.DATACENTER, DATACENTER),
        rack=written.get(labels.RACK, RACK),
        is_seed=True,
    )


def why_not(needs: Needs, options: DockerOptions) -> str:
    """Why containers never give what is needed; empty: they may.

    Raises:
        BackendError: no engine answers, there is no such image, or no such cluster.
    """
    engine = connected()
    if options.attach is None:
        release = release_of(engine, engine.image_id(options.image), options.image)
        return release.why_not(needs, "the image is")
    found = running_nodes(engine, options.attach)
    release = release_of(engine, found[0]["Image"], options.image)
    reason = release.why_not(needs, "the image is")
    if reason:
        return reason
    there = needs_of(found)
    for name in ("nodes", "datacenters", "shards", "compression", "hints"):
        wanted, has = getattr(needs, name), getattr(there, name)
        if wanted is not None and wanted != has:
            return f"the cluster that is attached to has {name} = {has}, not {wanted}"
    return ""
