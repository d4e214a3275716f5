"""Whole nodes with all their roles, in one process, which the stock driver talks to.

    with whole_nodes(3, tmp_path) as nodes:
        nodes.run("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}")
        nodes.run("SELECT * FROM k.t", at=1)      # by the second of them

All run on one event loop in a thread of its own. The messages that each sends are recorded.
"""

import asyncio
import io
import os
import socket
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.policies import WhiteListRoundRobinPolicy
from cassandra.query import SimpleStatement, tuple_factory

from harness.backends.simulation.journal import FileJournal
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.messaging import LINE
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node import Node
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.codec.verbs.registry import Role, encode_payload
from harness.codec.verbs.table import TABLE
from tests.backends.simulation.loopback_nodes import Sent

T = TypeVar("T")
_networks = count(1)
_TIMEOUT_S = 20


class WholeNode:
    """One of them; everything of it belongs to the event loop."""

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self.log = io.StringIO()
        self.sent: list[Sent] = []
        self.world: RealWorld
        self.node: Node
        self._journal: FileJournal

    @property
    def address(self) -> str:
        return self.config.listen_address

    @property
    def context(self) -> NodeContext:
        context: NodeContext = self.node._context
        return context

    def sent_of(self, verb: Verb) -> list[Sent]:
        return [sent for sent in self.sent if sent.verb is verb]

    async def start(self, *, is_shortened: bool = False) -> None:
        """Start; with a shorter journal, if that is said."""
        self.world = RealWorld(log=self.log)
        self._journal = FileJournal(Path(self.config.data_folder, "journal"))
        self.node = Node(self.config, self.world, self._journal)
        if is_shortened:
            self._journal.rewrite(self.node.kept())
        self._record()
        await self.node.start()

    async def stop(self) -> None:
        """In order, as by SIGTERM."""
        await self.node.stop()
        await self._end()

    async def kill(self) -> None:
        """At once: peers see closed connections, and nobody is told."""
        self.node._server.stop()
        self.node._api.stop()
        self.context.messaging.close()
        await self._end()

    async def _end(self) -> None:
        await self.world.close()
        self._journal.close()
        assert self.world.failures == []

    def _record(self) -> None:
        messaging = self.context.messaging
        send_payload, call = messaging.send_payload, messaging.call

        def note(address: str, verb: Verb, payload: bytes, timeout_ms: int, tenant: Tenant) -> None:
            body = TABLE.decode(verb, LINE, Role.REQUEST, payload).body
            self.sent.append(
                Sent(receiver=address, verb=verb, body=body, timeout_ms=timeout_ms, tenant=tenant)
            )

        def recorded_send(
            address: str,
            verb: Verb,
            payload: bytes,
            *,
            timeout_ms: int = 0,
            tenant: Tenant = Tenant.USER,
        ) -> None:
            note(address, verb, payload, timeout_ms, tenant)
            send_payload(address, verb, payload, timeout_ms=timeout_ms, tenant=tenant)

        async def recorded_call(
            address: str, verb: Verb, body: object, *, timeout_ms: int = 0, tenant: Tenant = Tenant.USER
        ) -> object:
            note(address, verb, encode_payload(body), timeout_ms, tenant)
            return await call(address, verb, body, timeout_ms=timeout_ms, tenant=tenant)

        messaging.send_payload = recorded_send  # type: ignore[method-assign]  # a tap, in place
        messaging.call = recorded_call  # type: ignore[method-assign]  # the same


class WholeNodes:
    """All of them."""

    def __init__(self, nodes: Sequence[WholeNode]) -> None:
        self.nodes = nodes
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="nodes")
        self._sessions: dict[int, Session] = {}
        self._thread.start()

    def __getitem__(self, index: int) -> WholeNode:
        return self.nodes[index]

    def call(self, work: Awaitable[T]) -> T:
        """Run a coroutine where the nodes are."""

        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=_TIMEOUT_S)

    def until(self, condition: Callable[[], object]) -> None:
        """Return when something has become true; it is asked where the nodes are."""

        async def hold() -> None:
            async with asyncio.timeout(_TIMEOUT_S):
                while not condition():  # noqa: ASYNC110  (there is no event for what any test may wait for)
                    await asyncio.sleep(0.002)

        self.call(hold())

    def session(self, at: int = 0) -> Session:
        """The stock driver's, which asks one node alone."""
        if at not in self._sessions:
            address = self.nodes[at].address
            profile = ExecutionProfile(
                load_balancing_policy=WhiteListRoundRobinPolicy([address]),
                row_factory=tuple_factory,
                request_timeout=_TIMEOUT_S,
            )
            cluster = Cluster(
                [address],
                port=self.nodes[at].config.native_transport_port,
                execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                protocol_version=4,
            )
            self._sessions[at] = cluster.connect()
        return self._sessions[at]

    def run(self, text: str, *, at: int = 0, level: int = ConsistencyLevel.ALL) -> list[tuple[Any, ...]]:
        """Have a node run a statement; gives rows."""
        return list(self.session(at).execute(SimpleStatement(text, consistency_level=level)))

    def disconnect(self, at: int) -> None:
        """End the driver's session with a node."""
        if at in self._sessions:
            self._sessions.pop(at).cluster.shutdown()

    def get(self, path: str, *, at: int = 0) -> bytes:
        """Ask a node's REST API."""
        node = self.nodes[at]
        with urllib.request.urlopen(
            f"http://{node.address}:{node.config.api_port}{path}", timeout=_TIMEOUT_S
        ) as answer:
            body: bytes = answer.read()
        return body

    def close(self) -> None:
        for at in list(self._sessions):
            self.disconnect(at)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def whole_nodes(number: int, folder: Path, **settings: Any) -> Iterator[WholeNodes]:  # noqa: ANN401
    """Nodes that serve clients, n1 first, which is their seed.

    Args:
        number: how many.
        folder: for their data.
        settings: of all of them.
    """
    network = (os.getpid() * 16 + next(_networks)) % 20_000
    prefix = f"127.{20 + network // 250}.{1 + network % 250}."
    ports = [_free_port(f"{prefix}1") for _ in range(3)]
    nodes = [
        WholeNode(
            NodeConfig(
                name=f"n{index + 1}",
                listen_address=f"{prefix}{index + 1}",
                seeds=(f"{prefix}1",),
                data_folder=str(folder / f"n{index + 1}"),
                storage_port=ports[0],
                native_transport_port=ports[1],
                api_port=ports[2],
                **{"gossip_interval_ms": 100, "auto_bootstrap": False, "num_tokens": 4, **settings},
            )
        )
        for index in range(number)
    ]
    for node in nodes:
        Path(node.config.data_folder).mkdir()
    running = WholeNodes(nodes)
    started: list[WholeNode] = []
    try:
        try:
            for node in nodes:
                started.append(node)
                running.call(node.start())
            running.until(lambda: all(len(node.context.members.live) == number - 1 for node in nodes))
            yield running
        finally:
            for node in started:
                running.call(node.kill())
    finally:
        running.close()


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
