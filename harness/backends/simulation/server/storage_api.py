"""What the REST API tells of the node, the ring and the schema: ``/storage_service``, ``/snitch`` and others.

Source:
    Scylla (branch 4.2), api/storage_service.cc, api/endpoint_snitch.cc, api/storage_proxy.cc, api/api-doc;
    service/storage_service.cc (get_ownership, effective_ownership, get_natural_endpoints); keys.cc
    (from_nodetool_style_string).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.cql.constants import constant_bytes
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.terms import Constant, ConstantKind
from harness.backends.simulation.gossip.own_states import RELEASE_VERSION
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.scylla_command import RELEASE
from harness.backends.simulation.server.http_connection import HttpError
from harness.backends.simulation.server.rest_api import Arguments, RestApi
from harness.codec.cql.types import CqlType
from harness.codec.verbs.gossip import ApplicationState
from harness.partitioner import token_of
from harness.replication import LOCAL_STRATEGY, Replication
from harness.topology import Node

_RING_SIZE = 2**64
_SYSTEM_KEYSPACES = frozenset(
    {"system", "system_schema", "system_auth", "system_distributed", "system_traces"}
)


class SchemaView(Protocol):
    """The schema, as far as operators ask."""

    @property
    def version(self) -> UUID:
        """Of the whole schema."""


class StatusGossip(Protocol):
    """What nodes say of their place in the ring."""

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a node says of itself; None: nothing."""


class StorageApi:
    """Adds its paths to the API.

    Args:
        api: of the node.
        context: of the node.
        schema: of the node.
        gossip: what nodes say of themselves.
        has_clients_port: whether the CQL port is open.
    """

    def __init__(
        self,
        api: RestApi,
        context: NodeContext,
        schema: SchemaView,
        gossip: StatusGossip,
        *,
        has_clients_port: Callable[[], bool],
    ) -> None:
        self._context = context
        self._schema = schema
        self._gossip = gossip
        self._has_clients_port = has_clients_port
        for path, endpoint in {
            "/storage_service/hostid/local": self._own_host_id,
            "/storage_service/host_id": self._host_ids,
            "/storage_service/schema_version": self._schema_version,
            "/storage_service/scylla_release_version": self._release,
            "/storage_service/release_version": self._compatible_release,
            "/storage_service/cluster_name": self._cluster_name,
            "/storage_service/partitioner_name": self._partitioner,
            "/storage_service/operation_mode": self._operation_mode,
            "/storage_service/gossiping": self._is_gossiping,
            "/storage_service/native_transport": self._is_open_for_clients,
            "/storage_service/rpc_server": self._has_thrift,
            "/storage_service/tokens": self._tokens,
            "/storage_service/tokens/{endpoint}": self._tokens_of,
            "/storage_service/tokens_endpoint": self._token_owners,
            "/storage_service/nodes/joining": self._joining,
            "/storage_service/nodes/leaving": self._leaving,
            "/storage_service/nodes/moving": self._moving,
            "/storage_service/ownership": self._ownership,
            "/storage_service/ownership/{keyspace}": self._effective_ownership,
            "/storage_service/keyspaces": self._keyspaces,
            "/storage_service/natural_endpoints/{keyspace}": self._natural_endpoints,
            "/snitch/datacenter": self._datacenter,
            "/snitch/rack": self._rack,
            "/snitch/name": self._snitch,
            "/storage_proxy/hinted_handoff_enabled": self._has_hints,
        }.items():
            api.add("GET", path, endpoint)

    # The node.

    async def _own_host_id(self, _: Arguments) -> object:
        return _text(self._context.members.own.host_id)

    async def _schema_version(self, _: Arguments) -> object:
        return str(self._schema.version)

    async def _release(self, _: Arguments) -> object:
        return RELEASE

    async def _compatible_release(self, _: Arguments) -> object:
        return RELEASE_VERSION

    async def _cluster_name(self, _: Arguments) -> object:
        return self._context.config.cluster_name

    async def _partitioner(self, _: Arguments) -> object:
        return "org.apache.cassandra.dht.Murmur3Partitioner"

    async def _operation_mode(self, _: Arguments) -> object:
        status = self._status_of(self._context.address)
        return {"": "STARTING", "BOOT": "JOINING", "LEFT": "DECOMMISSIONED", "shutdown": "DRAINED"}.get(
            status, status
        )

    async def _is_gossiping(self, _: Arguments) -> object:
        return self._status_of(self._context.address) not in {"", "shutdown"}

    async def _is_open_for_clients(self, _: Arguments) -> object:
        return self._has_clients_port()

    async def _has_thrift(self, _: Arguments) -> object:
        return False

    async def _has_hints(self, _: Arguments) -> object:
        return self._context.config.hinted_handoff_enabled

    async def _snitch(self, _: Arguments) -> object:
        return f"org.apache.cassandra.locator.{self._context.config.snitch}"

    # The ring.

    async def _host_ids(self, _: Arguments) -> object:
        return _pairs({node.address: _text(node.host_id) for node in self._nodes})

    async def _tokens(self, _: Arguments) -> object:
        return [str(token) for token, _ in self._ring]

    async def _tokens_of(self, arguments: Arguments) -> object:
        return [str(token) for token in sorted(self._node_at(arguments["endpoint"]).tokens)]

    async def _token_owners(self, _: Arguments) -> object:
        return _pairs({str(token): node.address for token, node in self._ring})

    async def _joining(self, _: Arguments) -> object:
        return self._with_status("BOOT")

    async def _leaving(self, _: Arguments) -> object:
        return self._with_status("LEAVING")

    async def _moving(self, _: Arguments) -> object:
        return []

    async def _ownership(self, _: Arguments) -> object:
        return self._shares(lambda _, owner: (owner,))

    async def _effective_ownership(self, arguments: Arguments) -> object:
        replication = self._replication(arguments["keyspace"])
        topology = self._context.members.topology
        return self._shares(lambda token, _: topology.replicas(replication, token))

    async def _natural_endpoints(self, arguments: Arguments) -> object:
        keyspace, name = arguments["keyspace"], arguments.get("cf", "")
        replication = self._replication(keyspace)
        layout = self._context.catalog.table(keyspace, name)
        if layout is None:
            raise HttpError(400, f"Can't find a column family {name} in keyspace {keyspace}")
        types = [layout.types[column.name] for column in layout.table.partition_key]
        key = _key_of(arguments.get("key", ""), types)
        if replication.strategy == LOCAL_STRATEGY:
            return [self._context.address]
        return [node.address for node in self._context.members.replicas(replication, token_of(key))]

    async def _datacenter(self, arguments: Arguments) -> object:
        return self._node_at(arguments.get("host") or self._context.address).datacenter

    async def _rack(self, arguments: Arguments) -> object:
        return self._node_at(arguments.get("host") or self._context.address).rack

    # The schema.

    async def _keyspaces(self, arguments: Arguments) -> object:
        keyspaces = self._context.catalog.schema.keyspaces
        match arguments.get("type", "all"):
            case "user":
                return [name for name in keyspaces if name not in _SYSTEM_KEYSPACES]
            case "non_local_strategy":
                return [
                    name
                    for name, keyspace in keyspaces.items()
                    if keyspace.replication.strategy != LOCAL_STRATEGY
                ]
            case _:
                return list(keyspaces)

    # Where the answers come from.

    @property
    def _nodes(self) -> tuple[Node, ...]:
        return self._context.members.topology.nodes

    @property
    def _ring(self) -> tuple[tuple[int, Node], ...]:
        return self._context.members.topology.ring

    def _node_at(self, address: str) -> Node:
        members = self._context.members
        node = members.own if address == self._context.address else members.topology.node_at(address)
        if node is None:
            raise HttpError(400, f"{address} is no member of the cluster")
        return node

    def _replication(self, keyspace: str) -> Replication:
        return replication_of(self._context, keyspace)

    def _status_of(self, address: str) -> str:
        return (self._gossip.state_of(address, ApplicationState.STATUS) or "").partition(",")[0]

    def _with_status(self, status: str) -> list[str]:
        members = self._context.members
        addresses = dict.fromkeys(
            node.address for node in (members.own, *members.live, *members.topology.nodes)
        )
        return [address for address in addresses if self._status_of(address) == status]

    def _shares(self, replicas: Callable[[int, Node], Iterable[Node]]) -> object:
        """Which part of the ring lies with each node."""
        shares = {node.address: 0 for node in self._nodes}
        for token, width, owner in self._ranges():
            for node in replicas(token, owner):
                shares[node.address] += width
        return _pairs({address: f"{width / _RING_SIZE:.6g}" for address, width in shares.items()})

    def _ranges(self) -> Iterator[tuple[int, int, Node]]:
        ring = self._ring
        for number, (token, owner) in enumerate(ring):
            # Of a single token, the whole ring.
            yield token, (token - ring[number - 1][0]) % _RING_SIZE or _RING_SIZE, owner


def replication_of(context: NodeContext, keyspace: str) -> Replication:
    """How a keyspace is replicated.

    Raises:
        HttpError: there is none of that name.
    """
    found = context.catalog.keyspace(keyspace)
    if found is None:
        raise HttpError(400, f"Can't find a keyspace {keyspace}")
    return found.replication


def _pairs(values: Mapping[str, object]) -> list[dict[str, object]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _text(host_id: UUID | None) -> str:
    return "" if host_id is None else str(host_id)


def _key_of(text: str, types: list[CqlType]) -> list[bytes]:
    """A partition key as nodetool writes it: its values, with colons between them."""
    parts = text.split(":", len(types) - 1)
    if len(parts) != len(types):
        raise HttpError(400, f"partition key '{text}' has {len(parts)} parts instead of {len(types)}")
    return [_value_of(part, cql_type) for part, cql_type in zip(parts, types, strict=True)]


def _value_of(text: str, cql_type: CqlType) -> bytes:
    for kind in ConstantKind:
        written = f"0x{text}" if kind is ConstantKind.BLOB else text
        try:
            value = constant_bytes(Constant(kind, written), cql_type, "key")
        except RequestError:
            continue
        if value is not None:
            return value
    raise HttpError(400, f"'{text}' is no value of {cql_type}")
