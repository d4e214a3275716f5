"""Nodes that gossip with each other over loopback, in one event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from harness.backends.simulation.gossip.gossiper import Gossiper
from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.storage.storage import Storage
from harness.topology import Node

GENERATION = 1_795_337_581


def address(number: int) -> str:
    return f"127.0.0.{50 + number}"


@dataclass
class Running:
    """A node with its gossip."""

    context: NodeContext
    gossip: Gossiper
    identity: NodeIdentity

    @property
    def address(self) -> str:
        return self.context.address

    def live(self) -> set[str]:
        return {node.address for node in self.context.members.live}

    def members(self) -> set[str]:
        return {node.address for node in self.context.members.topology.nodes}

    def kill(self) -> None:
        """Be gone, as a process that is killed."""
        gossip = self.gossip
        gossip._is_enabled = False
        gossip._broadcasts.stop()
        if gossip._rounds is not None:
            gossip._rounds.cancel()
        self.context.messaging.close()


@dataclass
class Cluster:
    """Nodes that know how to find each other."""

    world: RealWorld
    port: int
    seeds: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    make_storage: Callable[[], Storage] = Storage
    running: list[Running] = field(default_factory=list)

    async def node(self, number: int, identity: NodeIdentity | None = None, **settings: Any) -> Running:  # noqa: ANN401
        """Make a node that listens and has yet to start."""
        config = NodeConfig(
            name=f"n{number}",
            listen_address=address(number),
            seeds=self.seeds,
            data_folder="",
            storage_port=self.port,
            **{"gossip_interval_ms": 100, "failure_timeout_ms": 600, **self.settings, **settings},
        )
        messaging = Messaging(self.world, address=address(number), port=self.port)
        own = Node(
            name=config.name,
            address=address(number),
            datacenter=config.datacenter,
            rack=config.rack,
        )
        random = Random(number)
        identity = identity or NodeIdentity(
            host_id=UUID(int=number, version=4),
            tokens=tuple(random.randrange(-(2**63), 2**63) for _ in range(4)),
            generation=GENERATION,
        )
        context = NodeContext(config, self.world, messaging, Members(own, random), self.make_storage())
        await messaging.listen()
        gossip = Gossiper(
            context,
            identity,
            load_bytes=lambda: 77_042,
            hit_rates=lambda: [("ks.t", 0.5)],
        )
        node = Running(context, gossip, identity)
        self.running.append(node)
        return node

    async def start(self, *numbers: int) -> list[Running]:
        """Start nodes in the same moment."""
        nodes = [await self.node(number) for number in numbers]
        await asyncio.gather(*(node.gossip.start() for node in nodes))
        return nodes


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (a condition of any kind)
            await asyncio.sleep(0.01)


def free_port(numbers: Sequence[int] = range(1, 6)) -> int:
    """A port that nobody uses on any of the addresses."""
    while True:
        with socket.socket() as first:
            first.bind((address(numbers[0]), 0))
            port: int = first.getsockname()[1]
        try:
            for number in numbers[1:]:
                with socket.socket() as other:
                    other.bind((address(number), port))
        except OSError:
            continue
        return port


def in_cluster(story: Callable[[Cluster], Awaitable[Any]], seeds: Sequence[int], **settings: Any) -> Any:  # noqa: ANN401
    """Let something happen in a cluster; nothing that works in the background may fail."""

    async def run() -> Any:  # noqa: ANN401  (whatever the story gives)
        world = RealWorld(seed=1)
        cluster = Cluster(world, free_port(), tuple(address(number) for number in seeds), settings)
        try:
            async with asyncio.timeout(20):
                return await story(cluster)
        finally:
            for node in cluster.running:
                node.context.messaging.close()
            await world.close()
            assert world.failures == []

    return asyncio.run(run())
