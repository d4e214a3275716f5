"""Hints on their way to replicas that are back.

Source:
    Scylla (branch 4.2), db/hints/manager.cc (sender::run, do_send_one_mutation), service/storage_proxy.cc
    (send_hint_to_endpoint, send_hint_to_all_replicas); capture scylla-4.2/faults/hinted_handoff.
"""

import asyncio

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.writes.hint_store import Hint, HintStore
from harness.backends.simulation.writes.write_coordinator import WriteCoordinator
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.verbs.common import ConsistencyLevel
from harness.partitioner import token_of

_IN_FLIGHT_MAX = 16


class HintReplay:
    """Sends hints, for each replica those of a pass one after the other with several in flight.

    Args:
        context: of this node.
        hints: what is to be sent.
        coordinator: sends them, as writes at ALL: one that fails makes no new hint, and stays for the next pass.
    """

    def __init__(self, context: NodeContext, hints: HintStore, coordinator: WriteCoordinator) -> None:
        self._context = context
        self._hints = hints
        self._coordinator = coordinator
        self._sending: set[str] = set()

    def start(self) -> None:
        """Look for hints again and again."""
        self._context.world.start(self._run(), "hints")

    def send(self) -> None:
        """Begin to send what is kept for replicas that are alive, or are members no more."""
        for address in self._hints.addresses:
            if address in self._sending:
                continue
            if self._is_gone(address) or self._context.members.is_alive(address):
                self._sending.add(address)
                self._context.world.start(self._send_all(address), f"hints for {address}")

    async def _run(self) -> None:
        while True:
            await self._context.world.sleep(self._context.config.hint_flush_interval_ms / 1000)
            self.send()

    async def _send_all(self, address: str) -> None:
        room = asyncio.Semaphore(_IN_FLIGHT_MAX)

        async def send(hint: Hint) -> None:
            async with room:
                if self._is_gone(address) or self._context.members.is_alive(address):
                    await self._send(hint)

        hints = self._hints.of(address)
        if self._context.has_fault("hint_twice"):
            hints = tuple(hint for hint in hints for _ in range(2))
        try:
            await asyncio.gather(*[send(hint) for hint in hints])
        finally:
            self._sending.discard(address)

    async def _send(self, hint: Hint) -> None:
        context, mutation = self._context, hint.mutation
        layout = context.catalog.last_table_of(mutation.table_id)
        keyspace = None if layout is None else context.catalog.keyspace(layout.table.keyspace)
        if keyspace is None:
            # Its table was dropped.
            self._hints.remove(hint)
            return
        replicas = context.members.replicas(keyspace.replication, token_of(mutation.key.components))
        receiver = [node for node in replicas if node.address == hint.address]
        try:
            if receiver:
                await self._coordinator.write_to(
                    mutation,
                    receiver,
                    ConsistencyLevel.ALL,
                    needed=1,
                    write_type=WriteType.SIMPLE,
                    verb=Verb.HINT_MUTATION,
                )
            else:
                await self._coordinator.write([mutation], ConsistencyLevel.ALL, verb=Verb.HINT_MUTATION)
        except RequestError:
            return
        self._hints.remove(hint)

    def _is_gone(self, address: str) -> bool:
        return self._context.members.topology.node_at(address) is None
