"""Containers of a cluster that are no nodes: what holds the bridge up, passes clients on, records."""

import socket
from collections.abc import Callable, Iterable, Mapping

from cassandra.cluster import DefaultConnection
from cassandra.connection import Connection

from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.host_tap import HostTap, bridge_with, sees_bridge, why_not_here
from harness.backends.docker.network import DockerNetwork
from harness.backends.docker.node_taps import Hub, NodeTaps
from harness.backends.docker.options import CaptureBy, ConnectBy, DockerOptions
from harness.backends.docker.reaper import remove_all
from harness.backends.docker.relay import Relay
from harness.backends.docker.running import address_of
from harness.backends.docker.sidecar import SidecarTap
from harness.backends.docker.way_in import Steered
from harness.errors import BackendError

EngineTap = HostTap | SidecarTap | NodeTaps
"""Who may record what containers say."""


class Attendants:
    """Those of one cluster; they end with this process, even if the cluster stays.

    Args:
        engine: where they are.
        network: of the nodes.
        cluster: its name.
        image: of those that need dumpcap or Python.
        options: of the user.
        nodes: gives those that there are.
    """

    def __init__(
        self,
        engine: Engine,
        network: DockerNetwork,
        *,
        cluster: str,
        image: str,
        options: DockerOptions,
        nodes: Callable[[], Iterable[Steered]],
    ) -> None:
        self._engine = engine
        self._network = network
        self._image = image
        self._options = options
        self._nodes = nodes
        self._labels = labels.of_cluster(cluster) | {labels.CAPTURE: "sidecar"}
        self._tap: EngineTap | None = None
        self._anchor = ""
        self._relay: Relay | None = None

    @property
    def tap(self) -> EngineTap:
        """Where all packets pass.

        Raises:
            BackendError: this machine is to record, but cannot.
        """
        if self._tap is None:
            self._tap = self._chosen_tap()
        return self._tap

    @property
    def node_taps(self) -> NodeTaps | None:
        """What records at the nodes themselves, if that is how packets are recorded."""
        return self._tap if isinstance(self._tap, NodeTaps) else None

    @property
    def connection_class(self) -> type[Connection]:
        """The driver's class of connections that reach the nodes."""
        if self._relay is not None:
            return self._relay.connection_class
        drivers_own: type[Connection] = DefaultConnection
        return drivers_own

    def open_socket(self) -> socket.socket:
        """A TCP socket that reaches the nodes."""
        if self._relay is not None:
            return self._relay.socket()
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def hold_bridge_up(self, *, image_id: str, name: str, written: Mapping[str, str]) -> None:
        """Join a container that does nothing: a bridge that nobody is joined to takes no packets, hence no marks.

        Args:
            image_id: that it is made of.
            name: of the container.
            written: its labels; unlike the others it stays with the cluster.

        Raises:
            BackendError: it cannot be started.
        """
        self._anchor = self._idle_container(
            written,
            image_id=image_id,
            purpose="the container that holds the bridge up",
            name=name,
            address=str(self._network.subnet[2]),
        )

    def make_way(self) -> None:
        """Start a relay to the nodes if it takes one.

        Raises:
            BackendError: it cannot be started.
        """
        wanted = self._options.connect_by
        if wanted is ConnectBy.DIRECT or (wanted is ConnectBy.AUTO and sees_bridge(self._bridge)):
            return
        container = self._idle_container(
            self._labels,
            image_id=self._engine.image_id(self._image),
            purpose="the container that clients reach the nodes through",
        )
        self._relay = Relay(self._engine, container)

    def close(self) -> None:
        """Remove all but what holds the bridge up.

        Raises:
            BackendError: something cannot be removed.
        """
        if isinstance(self._tap, SidecarTap | NodeTaps):
            self._tap.close()
        self._relay = None
        remove_all(self._engine, self._labels)

    @property
    def _bridge(self) -> str:
        """The network's bridge; of engines that have names of their own for it, as this machine sees it."""
        told = self._network.bridge
        # Of an engine elsewhere, a network may have the same addresses as one that is here.
        if sees_bridge(told) or not self._engine.is_of_this_machine:
            return told
        return bridge_with(self._network.gateway) or told

    def _chosen_tap(self) -> EngineTap:
        bridge, wanted = self._bridge, self._options.capture_by
        reason = why_not_here(bridge) if wanted in {CaptureBy.AUTO, CaptureBy.BRIDGE} else ""
        if wanted is CaptureBy.BRIDGE and reason:
            raise BackendError(
                f"--capture-by=bridge: {reason}; or let a container do it: --capture-by=sidecar"
            )
        if wanted is CaptureBy.NODES or (reason and not self._sidecar_sees(bridge)):
            return NodeTaps(
                self._engine, image=self._image, labels=self._labels, hub=self._hub(), nodes=self._nodes
            )
        if wanted is CaptureBy.SIDECAR or reason:
            return SidecarTap(self._engine, bridge, image=self._image, labels=self._labels)
        return HostTap(bridge)

    def _sidecar_sees(self, bridge: str) -> bool:
        """Whether a container may join the network of the engine's machine, and finds the bridge there."""
        try:
            code, _ = self._engine.run_once(
                self._engine.image_id(self._image),
                ["ls", "-d", f"/sys/class/net/{bridge}"],
                labels=self._labels,
                network_mode="host",
            )
        except BackendError:
            # Whatever is wrong with the image or the engine, who records at the nodes instead is told it as well.
            return False
        return code == 0

    def _hub(self) -> Hub:
        """A container on the network that is no node: what holds the bridge up, or one like it."""
        container = self._anchor or self._idle_container(
            self._labels,
            image_id=self._engine.image_id(self._image),
            purpose="the container that stands for the network",
        )
        return Hub(container=container, address=address_of(self._engine.inspect(container)))

    def _idle_container(
        self,
        written: Mapping[str, str],
        *,
        image_id: str,
        purpose: str,
        name: str | None = None,
        address: str | None = None,
    ) -> str:
        """Start a container on the nodes' network that does nothing; return its id."""
        api = self._engine.api
        with self._engine.changing(f"{purpose} cannot be started"):
            container = str(
                api.create_container(
                    image_id,
                    ["infinity"],
                    entrypoint="sleep",
                    name=name,
                    labels=dict(written),
                    host_config=api.create_host_config(network_mode=self._network.name),
                    networking_config=api.create_networking_config(
                        {self._network.name: api.create_endpoint_config(ipv4_address=address)}
                    ),
                )["Id"]
            )
            api.start(container)
        return container
