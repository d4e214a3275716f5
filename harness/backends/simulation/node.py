"""One simulated node: its roles, put together, from the journal to the CQL port.

Source:
    Scylla (branch 4.2), main.cc (the order in which a node starts), service/storage_service.cc (prepare_to_join,
    join_token_ring, do_drain).
"""

from collections.abc import Iterator

from harness.backends.simulation.gossip.gossiper import Gossiper
from harness.backends.simulation.journal import Journal, RecordKind
from harness.backends.simulation.kept_identity import KeptIdentity
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.paxos.paxos_coordinator import PaxosCoordinator
from harness.backends.simulation.paxos.paxos_replica import PaxosReplica
from harness.backends.simulation.reads.read_coordinator import ReadCoordinator
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.repair.repair import Repair
from harness.backends.simulation.repair.repair_follower import RepairFollower
from harness.backends.simulation.schema.membership_keeper import MembershipKeeper
from harness.backends.simulation.schema.schema_service import SchemaService
from harness.backends.simulation.schema.system_content import SystemContent
from harness.backends.simulation.server.cql_server import CqlServer
from harness.backends.simulation.server.default_role import DefaultRole
from harness.backends.simulation.server.gossip_api import GossipApi
from harness.backends.simulation.server.operations_api import OperationsApi
from harness.backends.simulation.server.rest_api import RestApi
from harness.backends.simulation.server.ring_api import RingApi
from harness.backends.simulation.server.statement_runner import Roles, StatementRunner
from harness.backends.simulation.server.storage_api import StorageApi
from harness.backends.simulation.server.tracing import Tracing
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.streaming.membership_changes import MembershipChanges
from harness.backends.simulation.streaming.stream_sessions import StreamSessions
from harness.backends.simulation.world import World
from harness.backends.simulation.writes.writes import Writes
from harness.errors import BackendError
from harness.topology import Node as Member

_HAS_LEFT = (
    "This node was decommissioned and will not rejoin the ring unless override_decommission=true has been set,"
    "or all existing data is removed and the node is bootstrapped again"
)
SCHEMA_AGREEMENT_S = 30.0
"""How long a node that starts waits for the others to tell the same schema."""


class Node:
    """A node; made in the world in which it runs.

    Args:
        config: its settings.
        world: time, chance and network.
        journal: what it knows of earlier runs.

    Raises:
        DecodeError: the journal holds what no node has written.
    """

    def __init__(self, config: NodeConfig, world: World, journal: Journal) -> None:
        self._config = config
        self._is_prepared = False
        self._kept = KeptIdentity(config, journal)
        messaging = Messaging(
            world,
            address=config.listen_address,
            port=config.storage_port,
            compresses=self._compresses,
            accepts_compression=config.internode_compression != "none",
        )
        records = list(journal.records())
        for kind, data in records:
            if kind is RecordKind.NODE:
                self._kept.restore(data)
        identity = self._kept.begin(now_s=world.now_us // 1_000_000, random=world.random)
        own = Member(
            name=config.name,
            address=config.listen_address,
            host_id=identity.host_id,
            datacenter=config.datacenter,
            rack=config.rack,
            shards=1,
        )
        context = self._context = NodeContext(
            config=config,
            world=world,
            messaging=messaging,
            members=Members(own, world.random),
            storage=Storage(journal=journal),
            journal=journal,
        )
        self._schema = SchemaService(context)
        self._writes = Writes(context, self._schema)
        reader = ReplicaReader(context, self._schema.for_reads)
        self._paxos = PaxosReplica(context, reader, self._writes.replica)
        self._restore(records)
        self._schema_records = [data for kind, data in records if kind is RecordKind.SCHEMA]
        self._gossiper = Gossiper(
            context, identity, backlog=self._tell_backlog, hit_rates=reader.hit_rates.calculate
        )
        SystemContent(context, identity, self._gossiper)
        MembershipKeeper(context, self._kept, self._gossiper)
        sessions = StreamSessions(context, self._writes.replica)
        self._membership = MembershipChanges(context, self._gossiper, sessions, self._writes.batchlog.replay)
        RepairFollower(context, self._writes.replica)
        self._repair = Repair(context, self._writes.replica)
        reads = ReadCoordinator(context, reader, self._writes.coordinator)
        roles = Roles(
            schema=self._schema,
            reads=reads,
            writes=self._writes.coordinator,
            batches=self._writes.batchlog,
            counters=self._writes.counters,
            transactions=PaxosCoordinator(context, self._paxos, reads, self._writes.coordinator),
            truncations=self._writes.truncation,
        )
        tracing = context.traces = Tracing(context, self._writes.coordinator)
        self._server = CqlServer(context, StatementRunner(context, roles), self._gossiper, tracing)
        self._role = DefaultRole(context, reads, self._writes.coordinator, self._schema.agreement)
        self._schema.subscribe(self._server.schema_changed)
        self._api = self._make_api()

    def kept(self) -> Iterator[tuple[RecordKind, bytes]]:
        """Give the records of a shorter journal with which the node could start as well; before ``start``."""
        yield RecordKind.NODE, self._kept.record
        yield from ((RecordKind.SCHEMA, data) for data in self._schema_records)
        yield from self._context.storage.kept(self._context.now_s)
        yield from ((RecordKind.PAXOS, data) for data in self._paxos.kept())
        yield from ((RecordKind.HINT, data) for data in self._writes.hints.kept())

    def prepare(self) -> None:
        """Do of the start what nobody hears of; ``start`` does it if nobody has, and the second call nothing."""
        if self._is_prepared or self._has_left:
            return
        self._is_prepared = True
        self._schema.use_gossip(self._gossiper)
        if not self._gossiper.has_to_bootstrap:
            self._schema.add_shared_keyspaces()

    async def start(self) -> None:
        """Become a member, and serve clients.

        Raises:
            BackendError: no seed answers, the schema of the others cannot be had, or the node was decommissioned.
            HarnessError: the data of its ranges cannot be had.
            OSError: a port cannot be used.
        """
        try:
            await self._begin()
        except BaseException:
            self._close()
            raise

    async def stop(self) -> None:
        """Tell the others, and serve nobody any more."""
        self._server.stop()
        await self._gossiper.stop()
        self._close()

    @property
    def _has_left(self) -> bool:
        return self._kept.current.has_left and not self._config.override_decommission

    async def _begin(self) -> None:
        if self._has_left:
            raise BackendError(_HAS_LEFT)
        self.prepare()
        await self._context.messaging.listen()
        await self._api.start()
        await self._gossiper.start()
        if self._gossiper.has_to_bootstrap:
            await self._join()
        self._writes.start()
        self._schema.subscribe(lambda _: self._writes.view_builder.look())
        await self._server.start()
        self._role.start()

    def _close(self) -> None:
        """Serve nobody any more."""
        self._server.stop()
        self._api.stop()
        self._context.messaging.close()

    async def _join(self) -> None:
        """Fetch the schema, then the data."""
        if not await self._schema.agreement(SCHEMA_AGREEMENT_S):
            raise BackendError(f"the schema of the other nodes could not be had in {SCHEMA_AGREEMENT_S:g} s")
        await self._membership.bootstrap()

    def _restore(self, records: list[tuple[RecordKind, bytes]]) -> None:
        for kind, data in records:
            match kind:
                case RecordKind.SCHEMA:
                    self._schema.restore(data)
                case RecordKind.PAXOS:
                    self._paxos.restore(data)
                case RecordKind.HINT | RecordKind.BATCH:
                    self._writes.restore(kind, data)
                case _:
                    self._context.storage.restore(kind, data)

    def _make_api(self) -> RestApi:
        api = RestApi(self._context)
        StorageApi(
            api,
            self._context,
            self._schema,
            self._gossiper,
            has_clients_port=lambda: self._server.is_open,
        )
        GossipApi(api, self._context, self._gossiper)
        RingApi(api, self._context, self._gossiper)
        OperationsApi(
            api,
            self._context,
            repair=self._repair.repair,
            decommission=self._membership.decommission,
        )
        return api

    def _tell_backlog(self) -> tuple[int, int]:
        told = self._writes.replica.backlog.tell()
        return told.current_bytes, told.limit_bytes

    def _compresses(self, address: str) -> bool:
        if self._config.internode_compression != "dc":
            return self._config.internode_compression == "all"
        node = next((node for node in self._gossiper.known if node.address == address), None)
        return node is not None and node.datacenter != self._config.datacenter
