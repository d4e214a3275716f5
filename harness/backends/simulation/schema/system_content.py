"""What a node says in its own tables of itself and of its peers: system.local and system.peers.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc (setup, update_peer_info), service/storage_service.cc
    (update_peer_info, handle_state_normal); values as captures of 4.2.4 show them.
"""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.own_states import FEATURES, RELEASE_VERSION
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.schema.local_rows import LocalRows
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node

CQL_VERSION = "3.3.1"
NATIVE_PROTOCOL_VERSION = "4"
THRIFT_VERSION = "20.1.0"
PARTITIONER = "org.apache.cassandra.dht.Murmur3Partitioner"

_TOLD = {
    ApplicationState.DC: "data_center",
    ApplicationState.RACK: "rack",
    ApplicationState.RELEASE_VERSION: "release_version",
    ApplicationState.RPC_ADDRESS: "rpc_address",
    ApplicationState.SCHEMA: "schema_version",
    ApplicationState.HOST_ID: "host_id",
    ApplicationState.SUPPORTED_FEATURES: "supported_features",
}
"""Which column of system.peers holds what a peer gossips."""

_BOOTSTRAPPED = {"BOOT": "IN_PROGRESS", "LEFT": "DECOMMISSIONED"}
"""What system.local says after a status; after others that the node is a member."""


class PeerStates(Protocol):
    """What peers say of themselves."""

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a peer told last; None: nothing."""

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        """Tell somebody of what peers tell from now on."""


class SystemContent:
    """Keeps both tables true; a ``MemberListener``.

    Args:
        context: the node.
        identity: who it is.
        peers: what the others say.
    """

    def __init__(self, context: NodeContext, identity: NodeIdentity, peers: PeerStates) -> None:
        self._context = context
        self._identity = identity
        self._peers = peers
        self._rows = LocalRows(context.storage)
        self._write_local()
        for node in context.members.topology.nodes:
            self.node_joined(node)
        context.members.subscribe(self)
        peers.on_state_change(self._hear)

    # Of other nodes.

    def node_joined(self, node: Node) -> None:
        """It is a member from now on."""
        if node.address == self._context.address:
            return
        values: dict[str, object] = {
            "data_center": node.datacenter,
            "rack": node.rack,
            "host_id": node.host_id,
            "rpc_address": ip_address(node.address),
            "tokens": _texts(node.tokens),
        }
        for state, column in _TOLD.items():
            told = self._peers.state_of(node.address, state)
            if told:
                values[column] = _value(column, told)
        self._write_peer(node.address, values)

    def node_left(self, node: Node) -> None:
        """It is none any more."""
        self._rows.delete("peers", {"peer": ip_address(node.address)}, self._context.world.now_us)

    def node_up(self, node: Node) -> None:
        """It can be reached, which these tables do not say."""

    def node_down(self, node: Node) -> None:
        """It cannot be reached, which these tables do not say."""

    def _hear(self, address: str, state: ApplicationState, value: str) -> None:
        if address == self._context.address:
            self._hear_own(state, value)
            return
        node = self._context.members.topology.node_at(address)
        if node is None:
            return
        if state in {ApplicationState.TOKENS, ApplicationState.STATUS}:
            self._write_peer(address, {"tokens": _texts(node.tokens)})
        elif state in _TOLD and value:
            self._write_peer(address, {_TOLD[state]: _value(_TOLD[state], value)})

    def _hear_own(self, state: ApplicationState, value: str) -> None:
        if state is ApplicationState.SCHEMA:
            self._write_own({"schema_version": UUID(value)})
        elif state is ApplicationState.STATUS:
            self._write_own({"bootstrapped": _BOOTSTRAPPED.get(value.partition(",")[0], "COMPLETED")})

    # Rows.

    def _write_local(self) -> None:
        config, identity = self._context.config, self._identity
        address = ip_address(config.listen_address)
        self._write_own(
            {
                "bootstrapped": "COMPLETED" if identity.is_member else "NEEDS_BOOTSTRAP",
                "broadcast_address": address,
                "cluster_name": config.cluster_name,
                "cql_version": CQL_VERSION,
                "data_center": config.datacenter,
                "gossip_generation": identity.generation,
                "host_id": identity.host_id,
                "listen_address": address,
                "native_protocol_version": NATIVE_PROTOCOL_VERSION,
                "partitioner": PARTITIONER,
                "rack": config.rack,
                "release_version": RELEASE_VERSION,
                "rpc_address": address,
                "supported_features": ",".join(FEATURES),
                "thrift_version": THRIFT_VERSION,
                "tokens": _texts(identity.tokens),
            }
        )

    def _write_own(self, values: dict[str, object]) -> None:
        self._rows.write("local", {"key": "local"}, values, self._context.world.now_us)

    def _write_peer(self, address: str, values: dict[str, object]) -> None:
        self._rows.write("peers", {"peer": ip_address(address)}, values, self._context.world.now_us)


def _texts(tokens: tuple[int, ...]) -> frozenset[str]:
    return frozenset(str(token) for token in tokens)


def _value(column: str, text: str) -> object:
    if column in {"schema_version", "host_id"}:
        return UUID(text)
    return ip_address(text) if column == "rpc_address" else text
