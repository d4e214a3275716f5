"""One range of partitions read from its replicas: data from one, digests from the others.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (abstract_read_executor and what derives from it).
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from harness.backends.simulation.messaging.rpc_error import RpcClosedError, RpcTimeoutError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.reads.digest_answers import DigestAnswers
from harness.backends.simulation.reads.range_request import RangeRequest
from harness.backends.simulation.reads.read_errors import read_failure
from harness.backends.simulation.reads.reconciling import Reconciler
from harness.backends.simulation.reads.replica_choice import ReplicaChoice
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read import ReadDataReply, ReadDigestReply, ReadRequest
from harness.codec.verbs.read_command import DigestAlgorithm, ReadCommand, SliceOption
from harness.errors import HarnessError
from harness.topology import Node


class RangeReader:
    """Reads ranges.

    Args:
        context: of the node.
        reader: this node as a replica.
        reconciler: asked where replicas disagree.
    """

    def __init__(self, context: NodeContext, reader: ReplicaReader, reconciler: Reconciler) -> None:
        self._context = context
        self._reader = reader
        self._reconciler = reconciler

    async def read(
        self, read: RangeRequest, choice: ReplicaChoice, extra_after_s: Callable[[], float | None]
    ) -> tuple[QueryResult, list[Node]]:
        """Read a range.

        Args:
            read: what is read.
            choice: of the replicas.
            extra_after_s: when to ask one replica more, if the answers have not come by then; None: never.

        Returns:
            The rows, and the nodes that answered.

        Raises:
            RequestError: READ_TIMEOUT, READ_FAILURE.
        """
        own = choice.targets[0]
        if len(choice.targets) == 1 and choice.extra is None and self._context.members.is_own(own):
            # The commonest case of all, a local read at ONE, needs none of what follows.
            return self._read_own(read, with_digest=choice.with_digest), [own]
        answers = DigestAnswers(
            read.layout.table, read.consistency, required=choice.required, expected=len(choice.targets)
        )
        targets = list(choice.targets)
        read = self._ask_all(read, choice, answers)
        timer = self._extra_later(read, choice, answers, targets, extra_after_s)
        try:
            async with asyncio.timeout(read.deadline.left_s):
                await answers.enough
        except TimeoutError:
            raise answers.timeout() from None
        finally:
            if timer is not None:
                timer.cancel()
        if not answers.agree and not self._context.has_fault("ignore_digests"):
            return await self._reconciled(read, choice, answers, targets), targets
        if answers.expected > choice.required:
            self._context.world.start(
                self._compare_later(read, choice, answers, targets), "digests beyond the consistency level"
            )
        assert answers.data is not None
        return answers.data, [node for node in targets if node.address in answers.answered]

    def _ask_all(self, read: RangeRequest, choice: ReplicaChoice, answers: DigestAnswers) -> RangeRequest:
        """Ask the targets; gives the read as it stands from then on."""
        later = read
        for index, node in enumerate(choice.targets):
            is_data = index < choice.data_count
            if self._context.members.is_own(node):
                self._ask_self(read, answers, with_digest=choice.with_digest or not is_data)
                if choice.with_digest:
                    # Whoever is asked after a local read sees in the command that it was one with a digest; where
                    # one replica more may be asked, the others were asked before.
                    later = replace(read, command=_with_digest(read.command))
                    if choice.extra is None:
                        read = later
            else:
                self._ask(node, read, answers, is_data=is_data, with_digest=choice.with_digest)
        return later

    def _ask_self(self, read: RangeRequest, answers: DigestAnswers, *, with_digest: bool) -> None:
        self._note(read, "read_data: querying locally")
        try:
            result = self._reader.read(read.command, read.partitions, with_digest=with_digest)
        except HarnessError as error:
            self._context.world.log(f"own part of a read: {error}")
            answers.fail(is_disconnected=False)
            return
        # Local data costs nothing more than the local digest alone.
        answers.take_data(self._context.address, result)

    def _read_own(self, read: RangeRequest, *, with_digest: bool) -> QueryResult:
        self._note(read, "read_data: querying locally")
        try:
            return self._reader.read(read.command, read.partitions, with_digest=with_digest)
        except HarnessError as error:
            self._context.world.log(f"own part of a read: {error}")
            raise read_failure(
                read.layout.table, read.consistency, received=0, failed=1, required=1, has_data=False
            ) from error

    def _ask(
        self, node: Node, read: RangeRequest, answers: DigestAnswers, *, is_data: bool, with_digest: bool
    ) -> None:
        work = (
            self._ask_data(node.address, read, answers, with_digest=with_digest)
            if is_data
            else self._ask_digest(node.address, read, answers)
        )
        self._context.world.start(work, f"read from {node.address}")

    async def _ask_data(
        self, address: str, read: RangeRequest, answers: DigestAnswers, *, with_digest: bool
    ) -> None:
        algorithm = DigestAlgorithm.XXHASH if with_digest else DigestAlgorithm.NONE
        reply = await self._call(address, Verb.READ_DATA, read, algorithm, answers)
        if isinstance(reply, ReadDataReply):
            answers.take_data(address, reply.result)

    async def _ask_digest(self, address: str, read: RangeRequest, answers: DigestAnswers) -> None:
        reply = await self._call(address, Verb.READ_DIGEST, read, DigestAlgorithm.XXHASH, answers)
        if isinstance(reply, ReadDigestReply):
            answers.take_digest(address, reply.digest)

    async def _call(
        self, address: str, verb: Verb, read: RangeRequest, algorithm: DigestAlgorithm, answers: DigestAnswers
    ) -> object:
        request = ReadRequest(command=read.command, partitions=read.partitions, digest_algorithm=algorithm)
        name = verb.name.lower()
        self._note(read, f"{name}: sending a message to /{address}")
        try:
            reply = await self._context.messaging.call(
                address, verb, request, timeout_ms=read.deadline.left_ms, tenant=read.tenant
            )
        except RpcTimeoutError:
            # The client's own timeout comes at the same moment.
            return None
        except HarnessError as error:
            self._context.world.log(f"{verb.name} to {address}: {error}")
            answers.fail(is_disconnected=isinstance(error, RpcClosedError))
            return None
        self._note(read, f"{name}: got response from /{address}")
        return reply

    def _extra_later(
        self,
        read: RangeRequest,
        choice: ReplicaChoice,
        answers: DigestAnswers,
        targets: list[Node],
        extra_after_s: Callable[[], float | None],
    ) -> asyncio.Task[None] | None:
        """Ask one replica more if the answers are slow."""
        if choice.extra is None or answers.enough.done():
            return None
        after_s = extra_after_s()
        if after_s is None:
            return None
        work = self._ask_extra(read, choice.extra, answers, targets, after_s)
        return self._context.world.start(work, "speculative read")

    async def _ask_extra(
        self, read: RangeRequest, node: Node, answers: DigestAnswers, targets: list[Node], after_s: float
    ) -> None:
        await self._context.world.sleep(after_s)
        if answers.enough.done():
            return
        answers.expect_another()
        targets.append(node)
        self._ask(node, read, answers, is_data=answers.data is None, with_digest=True)

    async def _reconciled(
        self, read: RangeRequest, choice: ReplicaChoice, answers: DigestAnswers, targets: list[Node]
    ) -> QueryResult:
        if choice.extra is not None:
            # Who has not answered when others have is not waited for.
            targets[:] = [node for node in targets if node.address in answers.answered]
        self._note(read, "digest mismatch, starting read repair")
        return await self._reconciler.reconcile(read, targets, choice.required)

    def _note(self, read: RangeRequest, activity: str) -> None:
        if isinstance(read.command.trace, TraceInfo):
            self._context.traces.note(read.command.trace, activity)

    async def _compare_later(
        self, read: RangeRequest, choice: ReplicaChoice, answers: DigestAnswers, targets: list[Node]
    ) -> None:
        """Compare what comes when the client has its answer; make replicas agree that do not."""
        try:
            async with asyncio.timeout(read.deadline.left_s):
                await answers.all
            if not answers.agree:
                await self._reconciled(read, choice, answers, list(targets))
        except TimeoutError:
            return
        except HarnessError as error:
            self._context.world.log(f"replicas could not be made to agree in the background: {error}")


def _with_digest(command: ReadCommand) -> ReadCommand:
    options = command.partition_slice.options | SliceOption.WITH_DIGEST
    if options == command.partition_slice.options:
        return command
    return replace(command, partition_slice=replace(command.partition_slice, options=options))
