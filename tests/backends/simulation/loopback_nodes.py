"""Several nodes in one process, which really talk to each other over loopback.

    async with loopback_nodes(3, "CREATE TABLE t (k int PRIMARY KEY, v int)") as nodes:
        writes = [Writes(node.context, NoSchema()) for node in nodes]
        ...
        nodes[0].sent      # what it has sent, decoded

All know each other as alive members; what each sends is recorded.
"""

import asyncio
import io
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.journal import Journal, NoJournal
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.messaging import LINE, Messaging
from harness.backends.simulation.messaging.outgoing import Outgoing
from harness.backends.simulation.messaging.rpc_error import RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.table_properties import TableProperties
from harness.codec.verbs.registry import Role, encode_payload
from harness.codec.verbs.table import TABLE
from harness.replication import Replication
from harness.topology import Node
from tests.backends.simulation.tables import catalog_of

_networks = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request or one-way message as a node has sent it."""

    receiver: str
    verb: Verb
    body: Any
    timeout_ms: int
    tenant: Tenant


class RecordingMessaging(Messaging):
    """Remembers what it sends, and loses what is to be lost."""

    def __init__(self, world: RealWorld, *, address: str, port: int) -> None:
        super().__init__(world, address=address, port=port)
        self.sent: list[Sent] = []
        self.loses: Callable[[str, Verb], bool] = lambda _receiver, _verb: False

    def send_payload(
        self,
        address: str,
        verb: Verb,
        payload: bytes,
        *,
        timeout_ms: int = 0,
        tenant: Tenant = Tenant.USER,
    ) -> None:
        body = TABLE.decode(verb, LINE, Role.REQUEST, payload).body
        self.sent.append(Sent(receiver=address, verb=verb, body=body, timeout_ms=timeout_ms, tenant=tenant))
        if not self.loses(address, verb):
            super().send_payload(address, verb, payload, timeout_ms=timeout_ms, tenant=tenant)

    async def call(
        self, address: str, verb: Verb, body: object, *, timeout_ms: int = 0, tenant: Tenant = Tenant.USER
    ) -> Any:  # noqa: ANN401  (as in the class that it stands for)
        self.sent.append(
            Sent(
                receiver=address,
                verb=verb,
                body=TABLE.decode(verb, LINE, Role.REQUEST, encode_payload(body)).body,
                timeout_ms=timeout_ms,
                tenant=tenant,
            )
        )
        if self.loses(address, verb):
            await asyncio.sleep(timeout_ms / 1000)
            raise RpcTimeoutError(f"{verb.name} to {address} is lost")
        return await super().call(address, verb, body, timeout_ms=timeout_ms, tenant=tenant)

    def connection_to(self, address: str, index: int) -> Outgoing | None:
        return self._outgoing.get((address, index))


@dataclass(slots=True)
class LoopbackNode:
    """One of them."""

    context: NodeContext
    messaging: RecordingMessaging
    log: io.StringIO

    @property
    def address(self) -> str:
        return self.context.address

    @property
    def sent(self) -> list[Sent]:
        return self.messaging.sent

    def sent_of(self, verb: Verb) -> list[Sent]:
        return [sent for sent in self.sent if sent.verb is verb]


class NoSchema:
    """Knows nobody who knows a table."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, UUID, UUID]] = []

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        self.asked.append((address, table_id, version))


@asynccontextmanager
async def loopback_nodes(
    number: int,
    cql: str = "",
    *,
    replication: Replication | None = None,
    places: Sequence[tuple[str, str]] = (),
    settings: Mapping[str, Any] | None = None,
    properties: Mapping[tuple[str, str], TableProperties] | None = None,
    catalog: Catalog | None = None,
    journals: Sequence[Journal] = (),
) -> AsyncIterator[list[LoopbackNode]]:
    """Nodes that listen, n1 first.

    Args:
        number: how many.
        cql: the tables of keyspace ``ks``.
        replication: of that keyspace; None: SimpleStrategy, three.
        places: datacenter and rack of each; none: all in one.
        settings: of all nodes.
        properties: of tables.
        catalog: instead of ``cql``.
        journals: of the nodes; none: nothing is kept.
    """
    network = (os.getpid() * 16 + next(_networks)) % 60_000
    prefix, port = f"127.{10 + network // 256}.{network % 256}.", _free_port()
    known = catalog_of(cql, properties) if catalog is None else catalog
    if replication is not None:
        keyspaces = tuple(
            replace(keyspace, replication=replication) if keyspace.name == "ks" else keyspace
            for keyspace in known.schema.known_keyspaces
        )
        known = Catalog(replace(known.schema, known_keyspaces=keyspaces), known.properties)
    rng = Random(7)
    members = [
        Node(
            name=f"n{index + 1}",
            address=f"{prefix}{index + 1}",
            host_id=UUID(int=index + 1),
            datacenter=places[index][0] if places else "datacenter1",
            rack=places[index][1] if places else "rack1",
            tokens=tuple(sorted(rng.randrange(-(2**63), 2**63) for _ in range(4))),
        )
        for index in range(number)
    ]
    nodes: list[LoopbackNode] = []
    worlds: list[RealWorld] = []
    for index, member in enumerate(members):
        log = io.StringIO()
        world = RealWorld(seed=index, log=log)
        messaging = RecordingMessaging(world, address=member.address, port=port)
        known_members = Members(member, world.random)
        for other in members:
            known_members.join(other)
            if other is not member:
                known_members.mark_up(other)
        context = NodeContext(
            config=NodeConfig(
                name=member.name,
                listen_address=member.address,
                seeds=(members[0].address,),
                data_folder="",
                datacenter=member.datacenter,
                rack=member.rack,
                storage_port=port,
                **(settings or {}),
            ),
            world=world,
            messaging=messaging,
            members=known_members,
            storage=Storage(known),
            journal=journals[index] if journals else NoJournal(),
        )
        await messaging.listen()
        worlds.append(world)
        nodes.append(LoopbackNode(context, messaging, log))
    try:
        yield nodes
    finally:
        for node in nodes:
            node.messaging.close()
        for world in worlds:
            await world.close()
    failures = [failure for world in worlds for failure in world.failures]
    assert not failures, failures


async def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    """Return when something has become true.

    Raises:
        TimeoutError: it has not.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (there is no event for what any test may wait for)
            await asyncio.sleep(0.001)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
