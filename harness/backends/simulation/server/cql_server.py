"""The CQL port of a node.

Source:
    Scylla (branch 4.2), transport/server.cc (process_options), transport/event_notifier.cc; the options of SUPPORTED
    measured on captures.
"""

from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.server.client_connection import ClientConnection, Statements
from harness.backends.simulation.server.client_events import (
    IS_NOT_READY,
    IS_READY,
    ClientEvents,
    ReadinessGossip,
)
from harness.backends.simulation.server.tracing import Tracing
from harness.backends.simulation.world import Connection, Listener
from harness.codec.cql.events import Event, SchemaChange
from harness.codec.cql.messages import Supported
from harness.codec.verbs.gossip import ApplicationState

CQL_VERSION = "3.3.1"

_SHARD_OPTIONS = (
    ("SCYLLA_NR_SHARDS", ("1",)),
    ("SCYLLA_PARTITIONER", ("org.apache.cassandra.dht.Murmur3Partitioner",)),
    ("SCYLLA_SHARD", ("0",)),
    ("SCYLLA_SHARDING_ALGORITHM", ("biased-token-round-robin",)),
    ("SCYLLA_SHARDING_IGNORE_MSB", ("12",)),
)
"""Where drivers that know of shards send what."""

SUPPORTED = Supported(
    options=(("COMPRESSION", ("lz4", "snappy")), ("CQL_VERSION", (CQL_VERSION,)), *_SHARD_OPTIONS)
)
"""What OPTIONS is answered."""


class CqlServer:
    """Accepts clients and tells them of events.

    Args:
        context: of the node.
        statements: carries out what they ask for.
        gossip: by which nodes tell each other that their CQL ports are open; None: nobody tells.
        tracing: keeps traces; None: nobody does, and requests that ask for one get none.
    """

    def __init__(
        self,
        context: NodeContext,
        statements: Statements,
        gossip: ReadinessGossip | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.world = context.world
        self.statements = statements
        self.tracing = tracing
        self.supported = SUPPORTED
        self._context = context
        self._gossip = gossip
        # A dict, for a set has no order in which to tell them.
        self._clients: dict[ClientConnection, None] = {}
        self._listener: Listener | None = None
        self._events = ClientEvents(context, gossip, self.tell)

    async def start(self) -> None:
        """Accept clients, and let other nodes know.

        Raises:
            OSError: the port is in use, or the address is none of ours.
        """
        port = self._context.config.native_transport_port
        self._listener = await self.world.listen(self._context.address, port, self._accept)
        self._announce(IS_READY)

    def stop(self) -> None:
        """Accept no more clients, and close the connections of those that are there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._announce(IS_NOT_READY)
        for client in tuple(self._clients):
            client.close()

    @property
    def is_open(self) -> bool:
        """Whether clients are accepted."""
        return self._listener is not None

    @property
    def clients_count(self) -> int:
        """How many connections are open."""
        return len(self._clients)

    def tell(self, event: Event) -> None:
        """Send an event to the clients that have asked for such."""
        for client in tuple(self._clients):
            client.tell(event)

    def schema_changed(self, change: SchemaChange) -> None:
        """Tell of a change of the schema."""
        self.tell(Event(change=change))

    def forget(self, client: ClientConnection) -> None:
        """A connection is closed."""
        self._clients.pop(client, None)

    def _announce(self, value: str) -> None:
        if self._gossip is not None:
            self._gossip.set_state(ApplicationState.RPC_READY, value)

    def _accept(self, connection: Connection) -> ClientConnection:
        client = ClientConnection(connection, self)
        self._clients[client] = None
        return client
