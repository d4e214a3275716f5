"""The lanes of a flow graph: clients first, then nodes, then addresses that nobody knows."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from harness.codec.tcp.segment import Endpoint
from harness.events.message import Message, Protocol
from harness.topology import Node, Topology


class LaneKind(Enum):
    """Who stands at the head of a lane."""

    CLIENT = "client"
    NODE = "node"
    ADDRESS = "address"
    """Someone who speaks RPC, but is none of the known nodes."""


class Lane(NamedTuple):
    """One participant."""

    kind: LaneKind
    name: str
    address: str
    place: str = ""
    """Datacenter, rack and shards, where known."""
    datacenter: str = ""
    rack: str = ""


class Lanes:
    """All lanes, and which ends of messages belong to which."""

    def __init__(self, messages: Iterable[Message], topology: Topology) -> None:
        clients: dict[str, None] = {}
        strangers: dict[str, None] = {}
        for message in messages:
            connection = message.connection
            if connection.protocol is Protocol.CQL:
                clients.setdefault(connection.client.address)
            elif connection.client_node is None:
                strangers.setdefault(connection.client.address)
            if connection.server_node is None:
                strangers.setdefault(connection.server.address)
        lanes = [
            Lane(
                LaneKind.CLIENT, "client" if len(clients) == 1 else f"client {number}", address, "CQL client"
            )
            for number, address in enumerate(clients, start=1)
        ]
        lanes += [
            Lane(LaneKind.NODE, node.name, node.address, _place(node), node.datacenter, node.rack)
            for node in topology.nodes
        ]
        lanes += [Lane(LaneKind.ADDRESS, address, address) for address in strangers]
        self.all: tuple[Lane, ...] = tuple(lanes)
        """From left to right; every known node has one, silent ones too."""
        self._clients = {lane.address: i for i, lane in enumerate(lanes) if lane.kind is LaneKind.CLIENT}
        self._nodes = {lane.name: i for i, lane in enumerate(lanes) if lane.kind is LaneKind.NODE}
        self._addresses = {lane.address: i for i, lane in enumerate(lanes) if lane.kind is LaneKind.ADDRESS}

    def ends_of(self, message: Message) -> tuple[int, int]:
        """Give the indices of the sender's and the receiver's lane."""
        connection = message.connection
        if connection.protocol is Protocol.CQL:
            # Whoever asks is a client here, even if it runs where a node runs.
            client = self._clients[connection.client.address]
        else:
            client = self._lane(connection.client, connection.client_node)
        server = self._lane(connection.server, connection.server_node)
        return (client, server) if message.from_client else (server, client)

    def _lane(self, endpoint: Endpoint, node: str | None) -> int:
        return self._addresses[endpoint.address] if node is None else self._nodes[node]


def _place(node: Node) -> str:
    shards = "" if node.shards is None else f"{node.shards} shard{'' if node.shards == 1 else 's'}"
    return " · ".join(part for part in (node.datacenter, node.rack, shards) if part)
