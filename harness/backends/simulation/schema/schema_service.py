"""The schema among nodes: changes are pushed, differences pulled, unknown versions asked for.

Source:
    Scylla (branch 4.2), service/migration_manager.cc (announce, push_schema_mutation, maybe_schedule_schema_pull,
    get_schema_for_write), service/storage_proxy.cc (GET_SCHEMA_VERSION).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol, TypeVar
from uuid import UUID

from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_error import RpcError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.schema.builtin_schema import SHARED_KEYSPACES
from harness.backends.simulation.schema.schema_changes import SchemaWriter
from harness.backends.simulation.schema.schema_events import schema_changes
from harness.backends.simulation.schema.schema_mutations import frozen_of
from harness.backends.simulation.schema.schema_store import EMPTY_VERSION, SchemaStore
from harness.codec.cql.events import SchemaChange
from harness.codec.verbs.gossip import ApplicationState
from harness.codec.verbs.mutation import CanonicalMutationFrame
from harness.codec.verbs.schema_verbs import (
    DefinitionsUpdate,
    GetSchemaVersionReply,
    GetSchemaVersionRequest,
    MigrationReply,
    MigrationRequest,
    SchemaCheckReply,
    SchemaPullOptions,
)
from harness.codec.verbs.wire import Void
from harness.errors import HarnessError

PUSH_MAX_S = 1.0
"""So long a change waits for connections to nodes that stand still."""
PULL_DELAY_S = 60.0
"""How long another schema of a peer is waited for to become ours by itself."""
YOUNG_PULL_DELAY_S = 1.5
"""The same in the first minute of a node, which is when nodes get to know each other."""
PULL_AGAIN_S = 0.05
"""How long a node without a schema waits before it asks again."""
AGREEMENT_TRY_S = 0.02
"""How often a node that waits for agreement looks."""
SCHEMA_TABLES_VERSION = "3"
"""What nodes of 4.2 gossip as SCHEMA_TABLES_VERSION."""

_K = TypeVar("_K")


class SchemaGossip(Protocol):
    """What the schema has to do with gossip."""

    def set_state(self, state: ApplicationState, value: str) -> None:
        """Tell peers."""

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a peer told last; None: nothing."""

    def on_state_change(self, listener: Callable[[str, ApplicationState, str], None]) -> None:
        """Tell somebody of what peers tell, and of what this node does."""


class UnknownVersionError(HarnessError):
    """A peer asks for a version of a table that this node does not know."""


class SchemaService:
    """The schema of one node.

    Until ``use_gossip``, peers are not told of its version, and each of them counts as known.

    Args:
        context: the node.
    """

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._gossip: SchemaGossip | None = None
        self._store = SchemaStore(context.storage, context.journal)
        self._lock = asyncio.Lock()
        self._learning: dict[tuple[UUID, bool], asyncio.Task[None]] = {}
        self._pulling: dict[str, asyncio.Task[None]] = {}
        self._differing: set[str] = set()
        self._has_agreed = False
        self._listeners: list[Callable[[SchemaChange], None]] = []
        self._last_timestamp_us = 0
        self._began_s = context.world.monotonic_s
        messaging = context.messaging
        messaging.handle(Verb.DEFINITIONS_UPDATE, self._definitions_update)
        messaging.handle(Verb.MIGRATION_REQUEST, self._migration_request)
        messaging.handle(Verb.GET_SCHEMA_VERSION, self._get_schema_version)
        messaging.handle(Verb.SCHEMA_CHECK, self._schema_check)

    @property
    def version(self) -> UUID:
        """Of the whole schema: equal on nodes that have the same one."""
        return self._store.version

    def use_gossip(self, gossip: SchemaGossip) -> None:
        """From now on tell peers of the version, and hear of theirs."""
        self._gossip = gossip
        gossip.on_state_change(self._hear)
        self._announce()

    @property
    def has_agreement(self) -> bool:
        """Whether every node that is alive tells the same version of the schema."""
        if self._gossip is None:
            return True
        gossip, own = self._gossip, str(self.version)
        live = self._context.members.live
        return all(gossip.state_of(node.address, ApplicationState.SCHEMA) == own for node in live)

    async def agreement(self, timeout_s: float) -> bool:
        """Return when nodes agree, or after a while; whether they do.

        Args:
            timeout_s: how long to wait at most.
        """
        world = self._context.world
        end_s = world.monotonic_s + timeout_s
        while not self.has_agreement and world.monotonic_s < end_s:
            await world.sleep(AGREEMENT_TRY_S)
        return self.has_agreement

    def restore(self, data: bytes) -> None:
        """Take a record of the journal.

        Raises:
            DecodeError: it is none of the schema's.
        """
        self._store.restore(data)

    def subscribe(self, callback: Callable[[SchemaChange], None]) -> None:
        """Tell somebody of each change, as clients hear of it."""
        self._listeners.append(callback)

    # Changes.

    async def change(self, plan: SchemaPlan, *, replan: Callable[[], SchemaPlan] | None = None) -> None:
        """Change the schema, here and at every live node.

        Args:
            plan: what to do.
            replan: makes the plan anew if another change came first; None: the plan is taken as it is.

        Raises:
            RequestError: after the other change the plan makes no sense.
        """
        is_behind = self._lock.locked()
        async with self._lock:
            now = replan() if is_behind and replan is not None else plan
            if now.change is None:
                return
            context = self._context
            before = context.catalog
            make_id = context.make_time_uuid
            after = now.apply(before, make_id=make_id, version_of=lambda _: make_id())
            writer = SchemaWriter(
                storage=context.storage,
                plan=now,
                before=before,
                after=after,
                timestamp_us=self._next_timestamp_us(),
            )
            self._push(writer.mutations())
            await self._pushed()

    def add_shared_keyspaces(self) -> None:
        """Make what is missing of the keyspaces that the first node of a cluster makes, and tell peers."""
        for keyspace in SHARED_KEYSPACES:
            missing = self._store.builtin(keyspace)
            if missing:
                self._push(missing)

    def _push(self, mutations: tuple[CanonicalMutationFrame, ...]) -> None:
        update = DefinitionsUpdate(
            mutations=tuple(frozen_of(mutation) for mutation in mutations),
            canonical_mutations=mutations,
        )
        for node in self._context.members.live:
            if self._knows(node.address):
                self._context.messaging.send(node.address, Verb.DEFINITIONS_UPDATE, update)
        self._merge(mutations)

    async def _pushed(self) -> None:
        """A client hears of a change when it is on its way to all who are told."""
        messaging = self._context.messaging
        told = [node.address for node in self._context.members.live if self._knows(node.address)]
        with suppress(TimeoutError):
            async with asyncio.timeout(PUSH_MAX_S):
                await asyncio.gather(
                    *(messaging.written(address, Verb.DEFINITIONS_UPDATE) for address in told)
                )

    def _merge(self, mutations: Iterable[CanonicalMutationFrame]) -> None:
        before = self._context.catalog
        if not self._store.merge(mutations, now_us=self._context.world.now_us):
            return
        self._announce()
        for change in schema_changes(before, self._context.catalog):
            for listener in self._listeners:
                listener(change)

    def _announce(self) -> None:
        if self._gossip is not None:
            self._gossip.set_state(ApplicationState.SCHEMA, str(self.version))

    def _next_timestamp_us(self) -> int:
        self._last_timestamp_us = max(self._context.world.now_us, self._last_timestamp_us + 1)
        return self._last_timestamp_us

    # Versions of tables that messages name.

    @property
    def for_reads(self) -> "ReadLearner":
        """Learns versions as reads do: without the rest of the schema."""
        return ReadLearner(self)

    async def learn(
        self,
        address: str,
        table_id: UUID,
        version: UUID,
        *,
        pulls: bool = True,
        tenant: Tenant = Tenant.USER,
    ) -> None:
        """Get to know a table at a schema version.

        Args:
            address: of the node whose message names it.
            table_id: the table.
            version: the version.
            pulls: whether the whole schema is wanted too, as for writes.
            tenant: of the message.

        Raises:
            RpcError: the node gives no answer.
        """
        if self._context.catalog.table_of(table_id, version) is not None:
            return
        key = version, pulls
        task = self._learning.get(key)
        if task is None:
            task = asyncio.ensure_future(self._learn(address, version, pulls=pulls, tenant=tenant))
            self._learning[key] = task
            task.add_done_callback(lambda done: _end(done, self._learning, key))
        await asyncio.shield(task)

    async def _learn(self, address: str, version: UUID, *, pulls: bool, tenant: Tenant) -> None:
        request = GetSchemaVersionRequest(shard=0, version=version)
        reply: GetSchemaVersionReply = await self._context.messaging.call(
            address, Verb.GET_SCHEMA_VERSION, request
        )
        if pulls:
            await self.pull(address, tenant=tenant)
        self._store.take_form(reply.schema)

    # Differences.

    async def pull(self, address: str, *, tenant: Tenant = Tenant.SYSTEM) -> None:
        """Take over the schema of a peer.

        Args:
            address: of the peer.
            tenant: on whose behalf.

        Raises:
            RpcError: it gives no answer.
        """
        pulling = self._pulling.get(address)
        if pulling is None:
            pulling = asyncio.ensure_future(self._pull(address, tenant))
            self._pulling[address] = pulling
            pulling.add_done_callback(lambda done: _end(done, self._pulling, address))
        await asyncio.shield(pulling)

    async def _pull(self, address: str, tenant: Tenant) -> None:
        options = SchemaPullOptions(canonical_mutations=True)
        reply: MigrationReply = await self._context.messaging.call(
            address, Verb.MIGRATION_REQUEST, MigrationRequest(options=options), tenant=tenant
        )
        if isinstance(reply.canonical_mutations, tuple) and reply.canonical_mutations:
            self._merge(reply.canonical_mutations)

    def _hear(self, address: str, state: ApplicationState, value: str) -> None:
        """A differing schema of a peer is pulled, at once or when it stays."""
        self._has_agreed = self._has_agreed or self._agrees
        if state is not ApplicationState.SCHEMA or address == self._context.address:
            return
        if value in {str(self.version), str(EMPTY_VERSION)} or address in self._differing:
            return
        self._differing.add(address)
        self._context.world.start(self._pull_while_differing(address), f"schema of {address}")

    async def _pull_while_differing(self, address: str) -> None:
        world = self._context.world
        wait_s = self._first_wait_s()
        try:
            while self._differs(address):
                if wait_s:
                    await world.sleep(wait_s)
                if not self._differs(address):
                    return
                try:
                    await self.pull(address)
                except RpcError as error:
                    world.log(f"schema of {address} could not be pulled: {error}")
                # Who does not know this node yet tells nothing: soon it will.
                is_empty = self.version == EMPTY_VERSION
                wait_s = PULL_AGAIN_S if is_empty else max(self._first_wait_s(), YOUNG_PULL_DELAY_S)
        finally:
            self._differing.discard(address)

    def _first_wait_s(self) -> float:
        """How long a peer's schema may differ before it is pulled."""
        if self.version == EMPTY_VERSION or not self._has_agreed:
            return 0.0
        # A young node would pull at once. What gossip tells of a change is often older than what was pushed meanwhile,
        # so give it a round; a change that was not pushed, as the nodes did not know each other yet, is still found.
        is_young = self._context.world.monotonic_s - self._began_s < PULL_DELAY_S
        return YOUNG_PULL_DELAY_S if is_young else PULL_DELAY_S

    @property
    def _agrees(self) -> bool:
        """Whether there are others, and nobody is behind: from then on changes are waited for."""
        return self.version != EMPTY_VERSION and bool(self._context.members.live) and self.has_agreement

    def _differs(self, address: str) -> bool:
        told = None if self._gossip is None else self._gossip.state_of(address, ApplicationState.SCHEMA)
        return told is not None and told not in {str(self.version), str(EMPTY_VERSION)}

    def _knows(self, address: str) -> bool:
        """Whether a peer is known to have the same tables for the schema."""
        if self._gossip is None:
            return True
        return self._gossip.state_of(address, ApplicationState.SCHEMA_TABLES_VERSION) == SCHEMA_TABLES_VERSION

    # What peers ask.

    async def _definitions_update(self, sender: Sender, update: DefinitionsUpdate) -> None:
        _ = sender
        if isinstance(update.canonical_mutations, tuple):
            async with self._lock:
                self._merge(update.canonical_mutations)

    async def _migration_request(self, sender: Sender, request: MigrationRequest) -> MigrationReply:
        if not self._knows(sender.address):
            return MigrationReply(mutations=(), canonical_mutations=())
        everything = self._store.everything()
        has_options = isinstance(request.options, SchemaPullOptions)
        return MigrationReply(
            mutations=() if has_options else tuple(frozen_of(mutation) for mutation in everything),
            canonical_mutations=everything,
        )

    async def _get_schema_version(
        self, sender: Sender, request: GetSchemaVersionRequest
    ) -> GetSchemaVersionReply:
        _ = sender
        form = self._store.form_of(request.version)
        if form is None:
            raise UnknownVersionError(f"schema version {request.version} is not known")
        return GetSchemaVersionReply(schema=form)

    async def _schema_check(self, sender: Sender, request: Void) -> SchemaCheckReply:
        _ = sender, request
        return SchemaCheckReply(version=self.version)


class ReadLearner:
    """Learns versions of tables that reads name.

    Args:
        service: of the node.
    """

    def __init__(self, service: SchemaService) -> None:
        self._service = service

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        """Get to know a table at a schema version.

        Raises:
            RpcError: the node gives no answer.
        """
        await self._service.learn(address, table_id, version, pulls=False)


def _end(task: asyncio.Task[None], tasks: dict[_K, asyncio.Task[None]], key: _K) -> None:
    """Forget a task that is done; nobody may have waited to the end for what it raised."""
    tasks.pop(key, None)
    if not task.cancelled():
        task.exception()
