"""What the REST API tells of loads, of replicas by ranges, and of tables, as ``nodetool`` asks it.

Source:
    Scylla (branch 4.2), api/storage_service.cc, api/column_family.cc, api/api-doc; service/storage_service.cc
    (describe_ring, get_load_map).
"""

from collections.abc import Iterator

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.http_connection import HttpError
from harness.backends.simulation.server.rest_api import Arguments, RestApi
from harness.backends.simulation.server.storage_api import StatusGossip, replication_of
from harness.codec.verbs.gossip import ApplicationState
from harness.replication import LOCAL_STRATEGY
from harness.topology import Node


class RingApi:
    """Adds its paths to the API.

    Args:
        api: of the node.
        context: of the node.
        gossip: what nodes say of themselves.
    """

    def __init__(self, api: RestApi, context: NodeContext, gossip: StatusGossip) -> None:
        self._context = context
        self._gossip = gossip
        api.add("GET", "/storage_service/load", self._load)
        api.add("GET", "/storage_service/load_map", self._loads)
        api.add("GET", "/storage_service/describe_ring/{keyspace}", self._describe_ring)
        api.add("GET", "/column_family", self._tables)
        api.add("GET", "/column_family/name", self._table_names)
        api.add("GET", "/column_family/name/keyspace", self._keyspace_names)

    async def _load(self, _: Arguments) -> object:
        return self._load_of(self._context.address) or 0.0

    async def _loads(self, _: Arguments) -> object:
        loads = {node.address: self._load_of(node.address) for node in self._context.members.topology.nodes}
        return [{"key": address, "value": load} for address, load in loads.items() if load is not None]

    def _load_of(self, address: str) -> float | None:
        """What a node has said last that it stores, in bytes."""
        told = self._gossip.state_of(address, ApplicationState.LOAD)
        return None if told is None else float(told)

    async def _describe_ring(self, arguments: Arguments) -> object:
        replication = replication_of(self._context, arguments["keyspace"])
        if replication.strategy == LOCAL_STRATEGY:
            raise HttpError(400, f"{arguments['keyspace']} has no ring: each node has its own")
        members = self._context.members
        return [
            {
                "start_token": start,
                "end_token": end,
                "endpoints": [node.address for node in replicas],
                "rpc_endpoints": [node.address for node in replicas],
                "endpoint_details": [_details_of(node) for node in replicas],
            }
            for start, end, owned in self._ranges()
            for replicas in [members.replicas(replication, owned)]
        ]

    def _ranges(self) -> Iterator[tuple[str, str, int]]:
        """The ranges between tokens, each with a token in it; the ends of the ring have no token of their own."""
        tokens = [token for token, _ in self._context.members.topology.ring]
        for start, end in zip([None, *tokens], [*tokens, None], strict=True):
            owned = tokens[0] if end is None else end
            yield "" if start is None else str(start), "" if end is None else str(end), owned

    async def _tables(self, _: Arguments) -> object:
        return [
            {"ks": table.keyspace, "cf": table.name, "type": "ColumnFamilies"}
            for table in self._context.catalog.schema.tables
        ]

    async def _table_names(self, _: Arguments) -> object:
        return [f"{table.keyspace}:{table.name}" for table in self._context.catalog.schema.tables]

    async def _keyspace_names(self, _: Arguments) -> object:
        return list(dict.fromkeys(table.keyspace for table in self._context.catalog.schema.tables))


def _details_of(node: Node) -> dict[str, str]:
    return {"host": node.address, "datacenter": node.datacenter, "rack": node.rack}
