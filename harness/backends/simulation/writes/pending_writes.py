"""Writes of this node as coordinator that replicas have yet to acknowledge.

A write stays here, in the background, after its client has been answered: until the last replica has acknowledged it,
or its time is over and what is missing becomes hints. Of a replica that was killed and still counts as alive nothing is
heard: such a write waits until its time is over, too (``Messaging.send``).

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (abstract_write_response_handler, send_to_live_endpoints,
    hint_to_dead_endpoints, got_response, got_failure_response, on_down, mutate_end).
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.writes.deliveries import Delivery
from harness.backends.simulation.writes.tally import Tally
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.errors import ErrorCode, WriteFailure, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.writes import MutationDone, MutationFailed
from harness.errors import HarnessError
from harness.topology import Node

_NOT_DELAYED = "Delay decision due to throttling: do not delay, resuming now"


class Hints(Protocol):
    """Keeps writes for replicas that missed them."""

    def add(self, address: str, mutation: Mutation, *, is_view_update: bool = False) -> bool:
        """Keep one; gives whether it is kept."""


@dataclass(slots=True, eq=False)
class PendingWrite:
    """One write."""

    response_id: int
    """Names it in acknowledgements."""
    delivery: Delivery
    consistency: ConsistencyLevel
    write_type: WriteType
    tally: Tally
    targets: dict[str, Node]
    """Who was asked and has not acknowledged it, by address."""
    dead: Sequence[Node]
    """Who should have been asked."""
    ready: asyncio.Future[None]
    """Done when the consistency level is met, or cannot be."""
    timer: asyncio.TimerHandle | None = None
    is_met: bool = False
    failed_count: int = 0
    """How many of the targets have said that they failed."""


@dataclass(slots=True)
class PendingWrites:
    """All of them, by the id that acknowledgements name.

    Args:
        context: of this node.
        hints: keeps what replicas missed.
    """

    context: NodeContext
    hints: Hints
    _last_id: int = field(init=False)
    _by_id: dict[int, PendingWrite] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        # Counted from the moment of the start, so that acknowledgements of an earlier run mean nothing.
        self._last_id = self.context.world.now_us // 1000 - 1
        self.context.messaging.handle_promptly(Verb.MUTATION_DONE, self._done)
        self.context.messaging.handle_promptly(Verb.MUTATION_FAILED, self._failed)
        self.context.members.subscribe(self)

    def __len__(self) -> int:
        return len(self._by_id)

    def prepare(
        self,
        delivery: Delivery,
        *,
        consistency: ConsistencyLevel,
        write_type: WriteType,
        tally: Tally,
        alive: Iterable[Node],
        dead: Sequence[Node] = (),
    ) -> PendingWrite:
        """Give a write its id; nothing is sent yet."""
        self._last_id += 1
        return PendingWrite(
            response_id=self._last_id,
            delivery=delivery,
            consistency=consistency,
            write_type=write_type,
            tally=tally,
            targets={node.address: node for node in alive},
            dead=dead,
            ready=asyncio.get_running_loop().create_future(),
        )

    def begin(self, write: PendingWrite, timeout_ms: int) -> None:
        """Send a write to its replicas: to each of this datacenter, and to one of every other."""
        self._by_id[write.response_id] = write
        loop = asyncio.get_running_loop()
        write.timer = loop.call_later(timeout_ms / 1000, self._expire, write)
        hinted = self._hint(write, write.dead)
        if write.consistency is ConsistencyLevel.ANY:
            write.tally.acknowledge_hints(hinted)
        own_address = self.context.address
        for receiver, forward in self._groups(write):
            if write.delivery.trace is not None:
                self._note_sent(write, receiver)
            if receiver != own_address:
                write.delivery.send(receiver, forward, write.response_id, timeout_ms)
        for node in list(write.targets.values()):
            if not write.delivery.is_for(node.address):
                self._acknowledge(write, node.address)
        self._settle(write)
        if own_address in write.targets:
            # Behind the messages to others, which leave at the end of this turn.
            loop.call_soon(self._apply, write)

    async def finished(self, write: PendingWrite) -> None:
        """Wait until the consistency level of a write is met.

        Raises:
            RequestError: WRITE_TIMEOUT or WRITE_FAILURE: it is not.
        """
        if not self.context.has_fault("answer_before_consistency"):
            await write.ready
        if write.delivery.trace is not None:
            self.context.traces.note(write.delivery.trace, "Mutation successfully completed")

    def node_joined(self, node: Node) -> None:
        """Nothing changes for writes that are under way."""

    def node_left(self, node: Node) -> None:
        """The same: its acknowledgements will be missing."""

    def node_up(self, node: Node) -> None:
        """The same: what was sent before may still arrive."""

    def node_down(self, node: Node) -> None:
        """Updates of views wait for minutes: those for a node that is gone become hints at once."""
        for write in list(self._by_id.values()):
            if write.write_type is WriteType.VIEW and node.address in write.targets:
                self._expire(write)

    def _groups(self, write: PendingWrite) -> list[tuple[str, tuple[str, ...]]]:
        """Whom to send a write, and whom that one shall send it on."""
        own = self.context.members.own
        groups: list[tuple[str, tuple[str, ...]]] = []
        remote: dict[str, list[str]] = {}
        for node in write.targets.values():
            if not write.delivery.is_for(node.address):
                continue
            if node.datacenter == own.datacenter or not write.delivery.can_forward:
                groups.append((node.address, ()))
            else:
                remote.setdefault(node.datacenter, []).append(node.address)
        groups += [(addresses[-1], tuple(addresses[:-1])) for addresses in remote.values()]
        return groups

    def _note_sent(self, write: PendingWrite, receiver: str) -> None:
        is_own, noun = receiver == self.context.address, write.delivery.noun
        self.context.traces.note(
            write.delivery.trace,
            f"Executing a {noun} locally" if is_own else f"Sending a {noun} to /{receiver}",
        )

    def _apply(self, write: PendingWrite) -> None:
        try:
            applied = write.delivery.apply()
        except HarnessError as error:
            self._apply_failed(write, error)
            return
        if applied is None:
            self._take(write, self.context.address)
        else:
            self.context.world.start(self._apply_later(write, applied), "own part of a write")

    async def _apply_later(self, write: PendingWrite, applied: Awaitable[None]) -> None:
        try:
            await applied
        except HarnessError as error:
            self._apply_failed(write, error)
        else:
            self._take(write, self.context.address)

    def _apply_failed(self, write: PendingWrite, error: HarnessError) -> None:
        self.context.world.log(f"write {write.response_id} cannot be applied: {error}")
        self._fail(write, self.context.address, 1)

    def _done(self, sender: Sender, done: MutationDone, _: int) -> None:
        write = self._by_id.get(done.response_id)
        if write is not None:
            self._take(write, sender.address)

    def _failed(self, sender: Sender, failed: MutationFailed, _: int) -> None:
        write = self._by_id.get(failed.response_id)
        if write is not None:
            self._fail(write, sender.address, failed.failed_count)

    def _take(self, write: PendingWrite, address: str) -> None:
        if write.delivery.trace is not None:
            self.context.traces.note(write.delivery.trace, f"Got a response from /{address}")
        if self._acknowledge(write, address):
            self._settle(write)

    def _acknowledge(self, write: PendingWrite, address: str) -> bool:
        node = write.targets.pop(address, None)
        if node is None:
            return False
        write.tally.acknowledge(node)
        write.delivery.acknowledged_by(address)
        return True

    def _settle(self, write: PendingWrite) -> None:
        if not write.is_met and write.tally.is_met:
            write.is_met = True
            if write.delivery.trace is not None:
                self.context.traces.note(write.delivery.trace, _NOT_DELAYED)
            if not write.ready.done():
                write.ready.set_result(None)
        if write.is_met and not write.targets:
            self._forget(write)

    def _fail(self, write: PendingWrite, address: str, count: int) -> None:
        if write.delivery.trace is not None:
            self.context.traces.note(write.delivery.trace, f"Got {count} failures from /{address}")
        node = write.targets.get(address)
        if node is None:
            return
        write.failed_count += count
        # A hint is enough for ANY, however many replicas fail.
        if write.consistency is not ConsistencyLevel.ANY:
            write.tally.fail(node, count)
            if not write.is_met and write.tally.cannot_be_met:
                self._forget(write)
                self.context.traces.note(write.delivery.trace, "Mutation failed: unknown reason")
                self._refuse(write, _failure(self.context, write))
                return
        if write.failed_count >= len(write.targets):
            # Nobody is left to wait for.
            self._expire(write)

    def _expire(self, write: PendingWrite) -> None:
        if write.is_met or write.consistency is ConsistencyLevel.ANY:
            hinted = self._hint(write, list(write.targets.values()))
            if not write.is_met:
                write.tally.acknowledge_hints(hinted)
                self._settle(write)
        self._forget(write)
        if not write.is_met:
            if write.delivery.trace is not None:
                told = f"received {write.tally.received} of {write.tally.needed} required replies"
                self.context.traces.note(write.delivery.trace, f"Mutation failed: write timeout; {told}")
            self._refuse(write, _timeout(self.context, write))

    def _hint(self, write: PendingWrite, nodes: Iterable[Node]) -> int:
        """Keep a write for nodes that miss it; gives for how many it is kept."""
        is_view_update = write.write_type is WriteType.VIEW
        enabled = self.context.config.hinted_handoff_enabled and write.write_type is not WriteType.CAS
        if not enabled and not is_view_update:
            return 0
        return sum(
            self.hints.add(
                node.address, write.delivery.missed_by(node.address), is_view_update=is_view_update
            )
            for node in nodes
            if node.address != self.context.address
        )

    def _refuse(self, write: PendingWrite, error: RequestError) -> None:
        if not write.ready.done():
            write.ready.set_exception(error)
            # Nobody may be waiting: in the background, or since the answer to the client was given.
            write.ready.exception()

    def _forget(self, write: PendingWrite) -> None:
        self._by_id.pop(write.response_id, None)
        if write.timer is not None:
            write.timer.cancel()


def _timeout(context: NodeContext, write: PendingWrite) -> RequestError:
    received, needed = write.tally.received, write.tally.needed
    return RequestError(
        ErrorCode.WRITE_TIMEOUT,
        f"Operation timed out for {_table_name(context, write)} - received only {received} responses "
        f"from {needed} CL={write.consistency.name}.",
        WriteTimeout(
            consistency=write.consistency,
            received=received,
            required=needed,
            write_type=write.write_type.value,
        ),
    )


def _failure(context: NodeContext, write: PendingWrite) -> RequestError:
    received, needed, failed = write.tally.received, write.tally.needed, write.tally.failed
    return RequestError(
        ErrorCode.WRITE_FAILURE,
        f"Operation failed for {_table_name(context, write)} - received {received} responses and {failed} "
        f"failures from {needed} CL={write.consistency.name}.",
        WriteFailure(
            consistency=write.consistency,
            received=received,
            required=needed,
            failures_count=failed,
            write_type=write.write_type.value,
        ),
    )


def _table_name(context: NodeContext, write: PendingWrite) -> str:
    layout = context.catalog.last_table_of(write.delivery.mutation.table_id)
    return str(write.delivery.mutation.table_id) if layout is None else layout.table.full_name
