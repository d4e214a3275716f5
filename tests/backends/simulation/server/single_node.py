"""A node without peers behind a real CQL port, on an event loop in a thread of its own."""

import asyncio
import io
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.moment import Moment
from harness.backends.simulation.cql.pager import ReadAnswer, TableRead
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.cql.write_plan import ConditionalPlan
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.schema.builtin_schema import local_catalog, shared_keyspace
from harness.backends.simulation.server.client_state import ClientState
from harness.backends.simulation.server.cql_server import CqlServer
from harness.backends.simulation.server.statement_runner import Roles, StatementRunner
from harness.backends.simulation.server.tracing import Tracing
from harness.backends.simulation.world import Endpoint
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.consistency import Consistency
from harness.codec.cql.events import SchemaChange
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.cql.results import Result, Rows
from harness.codec.verbs.common import ConsistencyLevel, TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.schema import Schema
from harness.topology import Node
from tests.backends.simulation.cql.node import LocalNode

T = TypeVar("T")

ADDRESS = "127.0.0.1"


class LocalRoles:
    """Carries plans out on one storage, and writes down what it was asked."""

    def __init__(self, node: LocalNode) -> None:
        self.node = node
        self.asked: list[tuple[object, ...]] = []
        self.traces: list[TraceInfo] = []
        self.heard: Callable[[SchemaChange], None] = lambda _: None
        self.before_write: Callable[[], Awaitable[None]] | None = None
        self.context: NodeContext

    async def change(self, plan: SchemaPlan, *, replan: Callable[[], SchemaPlan]) -> None:
        plan = replan()
        self.node.catalog = plan.apply(
            self.node.catalog,
            make_id=self.context.make_time_uuid,
            version_of=lambda _: self.context.make_uuid(),
        )
        self.node.storage.use(self.node.catalog)
        if plan.event is not None:
            self.heard(plan.event)

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        write_type: WriteType,
        timeout_ms: int | None = None,
        trace: TraceInfo | None = None,
    ) -> None:
        if trace is not None:
            self.traces.append(trace)
        if timeout_ms is not None:
            self.asked.append(("timeout", timeout_ms))
        self.asked.append((write_type, consistency, len(mutations)))
        if self.before_write is not None:
            await self.before_write()
        for mutation in mutations:
            self.node.write(mutation)

    async def truncate(self, keyspace: str, table: str) -> None:
        layout = self.node.catalog.table(keyspace, table)
        assert layout is not None
        for one in (layout, *self.node.catalog.views_of(layout.table)):
            assert one.table.id is not None
            self.node.storage.truncate(one.table.id)

    async def read(
        self, read: TableRead, consistency: ConsistencyLevel, *, trace: TraceInfo | None = None
    ) -> ReadAnswer:
        if trace is not None:
            self.traces.append(trace)
        self.asked.append(("read", consistency))
        return self.node.answer(read)

    async def run_reads(
        self,
        plan: ReadPlan,
        moment: Moment,
        consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        reading = plan.run(moment)
        answers: tuple[ReadAnswer, ...] | None = None
        while True:
            try:
                reads = next(reading) if answers is None else reading.send(answers)
            except StopIteration as stop:
                rows: Rows = stop.value
                return rows
            answers = tuple([await self.read(read, consistency, trace=trace) for read in reads])


class LocalTransactions:
    def __init__(self, roles: LocalRoles) -> None:
        self.roles = roles

    async def execute(
        self,
        plan: ConditionalPlan,
        consistency: ConsistencyLevel,
        serial_consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        if trace is not None:
            self.roles.traces.append(trace)
        self.roles.asked.append(("paxos", consistency, serial_consistency))
        rows = self.roles.node.carry_out(plan, self.roles.context.world.now_us)
        assert rows is not None
        return rows

    async def read(
        self,
        plan: ReadPlan,
        moment: Moment,
        serial_consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> Rows:
        self.roles.asked.append(("paxos read", serial_consistency))
        return await self.roles.run_reads(plan, moment, serial_consistency, trace=trace)


class LocalBatches:
    def __init__(self, roles: LocalRoles, kind: WriteType) -> None:
        self.roles = roles
        self.kind = kind

    async def write(
        self,
        mutations: Sequence[Mutation],
        consistency: ConsistencyLevel,
        *,
        trace: TraceInfo | None = None,
    ) -> None:
        await self.roles.write(mutations, consistency, write_type=self.kind, trace=trace)


class SingleNode:
    """Everything of it belongs to its event loop; ``call`` runs a coroutine there."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = io.StringIO()
        self.roles = LocalRoles(LocalNode(catalog=builtin_catalog(), keyspace=None))
        self.loop = asyncio.new_event_loop()
        self.config = NodeConfig(
            name="n1",
            listen_address=ADDRESS,
            seeds=(ADDRESS,),
            data_folder=str(folder),
            native_transport_port=self.port,
            api_port=free_port(),
        )
        self.context: NodeContext
        self.runner: StatementRunner
        self.server: CqlServer
        self._thread = threading.Thread(target=self.loop.run_forever, name="node")

    def start(self) -> None:
        self._thread.start()
        self.call(self._start())

    def stop(self) -> None:
        self.call(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def call(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(timeout=20)

    def run(self, text: str) -> Result:
        return self.call(self._run(text))

    async def _run(self, text: str) -> Result:
        parameters = query_parameters(Consistency.ONE)
        return await self.runner.run(
            Query(query=text, parameters=parameters), ClientState(peer=Endpoint(ADDRESS, 0))
        )

    async def _start(self) -> None:
        world = RealWorld(log=self.log)
        own = Node(name="n1", address=ADDRESS, datacenter="datacenter1", rack="rack1", tokens=(0,))
        members = Members(own, world.random)
        members.join(own)
        self.context = NodeContext(
            config=self.config,
            world=world,
            messaging=Messaging(world, address=ADDRESS, port=7000),
            members=members,
            storage=self.roles.node.storage,
        )
        self.roles.context = self.context
        roles = Roles(
            schema=self.roles,
            reads=self.roles,
            writes=self.roles,
            batches=LocalBatches(self.roles, WriteType.BATCH),
            counters=LocalBatches(self.roles, WriteType.COUNTER),
            transactions=LocalTransactions(self.roles),
            truncations=self.roles,
        )
        self.runner = StatementRunner(self.context, roles)
        self.server = CqlServer(self.context, self.runner, tracing=Tracing(self.context, self.roles))
        self.roles.heard = self.server.schema_changed
        await self._fill_system_tables()
        await self.server.start()

    async def _fill_system_tables(self) -> None:
        await self._run(
            "INSERT INTO system.local (key, cluster_name, data_center, rack, partitioner, release_version, tokens,"
            " host_id, schema_version, cql_version, broadcast_address, listen_address, rpc_address) VALUES ('local',"
            " 'Test Cluster', 'datacenter1', 'rack1', 'org.apache.cassandra.dht.Murmur3Partitioner', '3.0.8', {'0'},"
            " 922638fc-f198-4428-9e99-9a6b681652c3, ea90ab84-2e67-4e6c-932a-33a2efc21580, '3.3.1', '127.0.0.1',"
            " '127.0.0.1', '127.0.0.1')"
        )

    async def _stop(self) -> None:
        self.server.stop()
        world = self.context.world
        assert isinstance(world, RealWorld)
        await world.close()
        assert world.failures == []


@contextmanager
def running_node(folder: Path) -> Iterator[SingleNode]:
    node = SingleNode(folder)
    node.start()
    try:
        yield node
    finally:
        node.stop()


def builtin_catalog() -> Catalog:
    """The tables of every node, and those of traces."""
    local, traces = local_catalog(), shared_keyspace("system_traces")
    schema = Schema(
        tables=(*local.schema.tables, *traces.schema.tables),
        known_keyspaces=(*local.schema.known_keyspaces, *traces.schema.known_keyspaces),
    )
    return Catalog(schema, {**local.properties, **traces.properties})


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind((ADDRESS, 0))
        port: int = opened.getsockname()[1]
        return port
