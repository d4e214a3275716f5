"""Takes part in streaming, on either side: who wants data, and who has it.

Source:
    Scylla (branch 4.2), streaming/stream_session.cc, streaming/stream_transfer_task.cc, streaming/stream_plan.cc;
    the order of messages as in captures of 4.2.4.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.rpc_stream import RpcStream
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.streaming.fragments import FragmentAssembler, fragments_of
from harness.backends.simulation.streaming.stream_session import StreamSession, TableRanges
from harness.backends.simulation.streaming.token_ranges import TokenInterval, interval_of
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.streaming import (
    CompleteMessage,
    FragmentCommand,
    FragmentFrame,
    FragmentStatus,
    PrepareDoneMessage,
    PrepareMessage,
    PrepareMessageReply,
    PrepareMessageRequest,
    StreamMutationDone,
    StreamMutationFragmentsRequest,
    StreamReason,
    StreamRequest,
    StreamSummary,
)
from harness.errors import HarnessError
from harness.topology import Node

SHARD = 0
_ESTIMATE_STEP = 128
"""Estimates come from summaries of files, which know every so-manieth partition."""


class LocalWriter(Protocol):
    """Applies writes to this node's storage."""

    async def apply(self, mutation: Mutation, origin: str | None = None, *, with_views: bool = True) -> None:
        """Apply a mutation.

        Raises:
            HarnessError: its table is not known, and cannot be learned.
        """


class StreamError(HarnessError):
    """A plan that failed."""


class StreamSessions:
    """The plans of one node.

    Args:
        context: of the node.
        writer: applies what comes.
    """

    def __init__(self, context: NodeContext, writer: LocalWriter) -> None:
        self._context = context
        self._writer = writer
        self._sessions: dict[tuple[UUID, str], StreamSession] = {}
        messaging = context.messaging
        messaging.handle(Verb.PREPARE_MESSAGE, self._prepare)
        messaging.handle(Verb.PREPARE_DONE_MESSAGE, self._prepare_done)
        messaging.handle(Verb.STREAM_MUTATION_DONE, self._mutation_done)
        messaging.handle(Verb.COMPLETE_MESSAGE, self._complete)
        messaging.handle_stream(Verb.STREAM_MUTATION_FRAGMENTS, self._receive)
        context.members.subscribe(self)

    async def fetch(
        self,
        peer: str,
        keyspace: str,
        intervals: Sequence[TokenInterval],
        *,
        description: str,
        reason: StreamReason,
    ) -> None:
        """Get ranges of all tables of a keyspace from a node.

        Raises:
            HarnessError: the plan failed.
        """
        request = StreamRequest(
            keyspace=keyspace, ranges=tuple(interval.wire for interval in intervals), tables=()
        )
        session = self._open(self._context.make_time_uuid(), peer, reason)
        try:
            reply = await self._propose(session, description, requests=(request,))
            session.expect(summary.table_id for summary in reply.message.summaries)
            await self._confirm(session)
            await session.over()
        finally:
            self._close(session)

    async def push(
        self,
        peer: str,
        keyspace: str,
        intervals: Sequence[TokenInterval],
        *,
        description: str,
        reason: StreamReason,
    ) -> None:
        """Give ranges of all tables of a keyspace to a node.

        Raises:
            HarnessError: the plan failed.
        """
        session = self._open(self._context.make_time_uuid(), peer, reason)
        session.to_send = [TableRanges(layout, tuple(intervals)) for layout in self._tables(keyspace)]
        try:
            await self._propose(session, description, summaries=_summaries(session.to_send))
            await self._confirm(session)
            await self._send(session)
        finally:
            self._close(session)

    async def _propose(
        self,
        session: StreamSession,
        description: str,
        *,
        requests: tuple[StreamRequest, ...] = (),
        summaries: tuple[StreamSummary, ...] = (),
    ) -> PrepareMessageReply:
        message = PrepareMessage(requests=requests, summaries=summaries, destination_shard=SHARD)
        body = PrepareMessageRequest(
            message=message, plan_id=session.plan_id, description=description, reason=session.reason
        )
        reply: PrepareMessageReply = await self._context.messaging.call(
            session.peer, Verb.PREPARE_MESSAGE, body
        )
        return reply

    async def _confirm(self, session: StreamSession) -> None:
        body = PrepareDoneMessage(plan_id=session.plan_id, destination_shard=SHARD)
        await self._context.messaging.call(session.peer, Verb.PREPARE_DONE_MESSAGE, body)

    # The side that has the data.

    async def _send(self, session: StreamSession) -> None:
        for ranges in session.to_send:
            await self._send_table(session, ranges)

    async def _send_table(self, session: StreamSession, ranges: TableRanges) -> None:
        mutations = list(self._mutations(ranges))
        table = ranges.layout.table
        assert table.id is not None
        assert table.version is not None
        if mutations:
            table_id, version, estimate = table.id, table.version, len(mutations)

            def request(stream_id: int) -> StreamMutationFragmentsRequest:
                return StreamMutationFragmentsRequest(
                    plan_id=session.plan_id,
                    schema_version=version,
                    table_id=table_id,
                    estimated_partitions=estimate // _ESTIMATE_STEP * _ESTIMATE_STEP,
                    reason=session.reason,
                    stream_id=stream_id,
                )

            stream = await self._context.messaging.open_stream(
                session.peer, Verb.STREAM_MUTATION_FRAGMENTS, request
            )
            await _pour(stream, ranges.layout, mutations)
        done = StreamMutationDone(
            plan_id=session.plan_id,
            ranges=tuple(interval.wire_of_sent for interval in ranges.intervals),
            table_id=table.id,
            destination_shard=SHARD,
        )
        await self._context.messaging.call(session.peer, Verb.STREAM_MUTATION_DONE, done)

    def _mutations(self, ranges: TableRanges) -> Iterator[Mutation]:
        for interval in ranges.intervals:
            yield from self._context.storage.mutations(
                ranges.layout, interval.partitions, self._context.now_s
            )

    def _tables(self, keyspace: str, names: Sequence[str] = ()) -> list[TableLayout]:
        catalog = self._context.catalog
        found = [
            catalog.layout(table)
            for table in catalog.schema.tables
            if table.keyspace == keyspace
            and (not names or table.name in names)
            and table.id is not None
            and table.version is not None
        ]
        return sorted(found, key=lambda layout: _place(layout.table.id))

    # What peers ask.

    async def _prepare(self, sender: Sender, request: PrepareMessageRequest) -> PrepareMessageReply:
        session = self._open(request.plan_id, sender.address, request.reason)
        for wanted in request.message.requests:
            intervals = tuple(interval_of(tokens) for tokens in wanted.ranges)
            session.to_send += [
                TableRanges(layout, intervals) for layout in self._tables(wanted.keyspace, wanted.tables)
            ]
        if request.message.summaries:
            session.expect(summary.table_id for summary in request.message.summaries)
        message = PrepareMessage(requests=(), summaries=_summaries(session.to_send), destination_shard=SHARD)
        return PrepareMessageReply(message=message)

    async def _prepare_done(self, sender: Sender, request: PrepareDoneMessage) -> None:
        session = self._session(request.plan_id, sender)
        if session.to_send:
            self._context.world.start(self._answer(session), f"plan {request.plan_id}")
        elif session.is_over:
            self._close(session)

    async def _answer(self, session: StreamSession) -> None:
        try:
            await self._send(session)
        except HarnessError as error:
            self._context.world.log(f"plan {session.plan_id} to {session.peer} failed: {error}")
            if self._context.members.is_alive(session.peer):
                failed = CompleteMessage(plan_id=session.plan_id, destination_shard=SHARD, failed=True)
                await self._context.messaging.call(session.peer, Verb.COMPLETE_MESSAGE, failed)
        finally:
            self._close(session)

    async def _mutation_done(self, sender: Sender, request: StreamMutationDone) -> None:
        session = self._session(request.plan_id, sender)
        session.has_come(request.table_id)
        if session.is_over:
            self._close(session)

    async def _complete(self, sender: Sender, request: CompleteMessage) -> None:
        if request.failed:
            self._session(request.plan_id, sender).fail(StreamError(f"{sender.address} has given up"))

    async def _receive(
        self, sender: Sender, request: StreamMutationFragmentsRequest, stream: RpcStream
    ) -> None:
        status = -1
        try:
            await self._store(sender, request, stream)
            status = 0
        finally:
            stream.send(FragmentStatus(status=status))
            stream.end()

    async def _store(
        self, sender: Sender, request: StreamMutationFragmentsRequest, stream: RpcStream
    ) -> None:
        self._session(request.plan_id, sender)
        assembler = FragmentAssembler(request.table_id, request.schema_version)
        is_whole = False
        while (frame := await stream.receive()) is not None:
            assert isinstance(frame, FragmentFrame)
            if frame.fragment is not None:
                mutation = assembler.take(frame.fragment)
                if mutation is not None:
                    await self._writer.apply(mutation, sender.address, with_views=False)
            elif frame.command == FragmentCommand.END_OF_STREAM:
                is_whole = assembler.is_between
            else:
                break
        if not is_whole:
            raise StreamError(f"the stream of {sender.address} for plan {request.plan_id} is not whole")

    # Sessions.

    def _open(self, plan_id: UUID, peer: str, reason: int) -> StreamSession:
        session = self._sessions[plan_id, peer] = StreamSession(plan_id, peer, reason)
        return session

    def _close(self, session: StreamSession) -> None:
        self._sessions.pop((session.plan_id, session.peer), None)

    def _session(self, plan_id: UUID, sender: Sender) -> StreamSession:
        session = self._sessions.get((plan_id, sender.address))
        if session is None:
            raise StreamError(f"there is no plan {plan_id} of {sender.address}")
        return session

    # What happens to peers.

    def node_joined(self, node: Node) -> None:
        """Nothing follows from it."""

    def node_left(self, node: Node) -> None:
        """Give up plans with it."""
        self.node_down(node)

    def node_up(self, node: Node) -> None:
        """Nothing follows from it."""

    def node_down(self, node: Node) -> None:
        """Give up plans with it."""
        for session in list(self._sessions.values()):
            if session.peer == node.address:
                session.fail(StreamError(f"{node.address} is down"))
                self._close(session)


async def _pour(stream: RpcStream, layout: TableLayout, mutations: Sequence[Mutation]) -> None:
    for mutation in mutations:
        for fragment in fragments_of(layout, mutation):
            stream.send(FragmentFrame(fragment=fragment, command=FragmentCommand.DATA))
        await stream.drained()
    stream.send(FragmentFrame(fragment=None, command=FragmentCommand.END_OF_STREAM))
    stream.end()
    status = -1
    while (answer := await stream.receive()) is not None:
        assert isinstance(answer, FragmentStatus)
        status = answer.status
    if status != 0:
        raise StreamError(f"the receiver could not store what was sent of {layout.table.full_name}")


def _summaries(tables: Sequence[TableRanges]) -> tuple[StreamSummary, ...]:
    return tuple(
        StreamSummary(table_id=ranges.layout.table.id, file_count=1, total_size_bytes=0)
        for ranges in tables
        if ranges.layout.table.id is not None
    )


def _place(table_id: UUID | None) -> tuple[bool, int]:
    """Ids in Scylla's order: those with a time in them by the time."""
    assert table_id is not None
    has_time = table_id.version == 1
    return has_time, table_id.time if has_time else table_id.int
