"""Whole nodes in this process, on addresses of the loopback interface."""

import asyncio
import io
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import WhiteListRoundRobinPolicy

from harness.backends.simulation.journal import FileJournal
from harness.backends.simulation.node import Node
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.real_world import RealWorld

_networks = count(1)


def addresses(number: int) -> list[str]:
    """So many addresses that no other test uses now."""
    network = f"127.{os.getpid() % 200 + 20}.{next(_networks) % 250}"
    return [f"{network}.{host + 1}" for host in range(number)]


def free_ports(address: str) -> list[int]:
    """Three ports that nobody uses."""
    held = [socket.socket() for _ in range(3)]
    try:
        for one in held:
            one.bind((address, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def config_of(
    address: str,
    seeds: list[str],
    folder: Path,
    ports: list[int],
    **settings: Any,  # noqa: ANN401  (of all kinds)
) -> NodeConfig:
    """Settings of a node that keeps its data in a folder of its own."""
    data = folder / address
    data.mkdir(exist_ok=True)
    storage_port, cql_port, api_port = ports
    return NodeConfig(
        name=f"n{address.rpartition('.')[2]}",
        listen_address=address,
        seeds=tuple(seeds),
        data_folder=str(data),
        storage_port=storage_port,
        native_transport_port=cql_port,
        api_port=api_port,
        gossip_interval_ms=100,
        shutdown_announce_in_ms=0,
        **settings,
    )


@asynccontextmanager
async def running(config: NodeConfig) -> AsyncIterator[Node]:
    """A node from its start to its stop; what its background work raises comes out."""
    log = io.StringIO()
    world = RealWorld(seed=1, log=log)
    journal = FileJournal(Path(config.data_folder, "journal"))
    node = Node(config, world, journal)
    try:
        await node.start()
        yield node
        await node.stop()
    finally:
        await world.close()
        journal.close()
    if world.failures:
        raise world.failures[0]


async def asked(config: NodeConfig, work: Callable[[Any], Any]) -> Any:  # noqa: ANN401  (the driver has no types)
    """Do work with a session of the stock driver, connected to one node."""

    def ask() -> Any:  # noqa: ANN401  (the same)
        profile = ExecutionProfile(
            WhiteListRoundRobinPolicy([config.listen_address]), consistency_level=ConsistencyLevel.ALL
        )
        cluster = Cluster(
            [config.listen_address],
            port=config.native_transport_port,
            protocol_version=4,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            # Where all tests run at once, an answer may take longer than the driver's two seconds.
            control_connection_timeout=30,
            connect_timeout=30,
        )
        try:
            return work(cluster.connect())
        finally:
            cluster.shutdown()

    return await asyncio.to_thread(ask)
