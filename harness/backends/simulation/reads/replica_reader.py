"""The replica of a read: answers READ_DATA, READ_DIGEST and READ_MUTATION_DATA, and the coordinator in its own node.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (handlers of the read verbs, query_result_local,
    query_result_local_digest, query_mutations_locally).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Protocol
from uuid import UUID

from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.messaging import Later
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.reads.hit_rates import HitRates
from harness.codec.verbs.common import MISSING_TIMESTAMP, PartitionRange, TraceInfo
from harness.codec.verbs.query_result import QueryResult, ReconcilableResult
from harness.codec.verbs.read import (
    ReadDataReply,
    ReadDigestReply,
    ReadMutationDataReply,
    ReadMutationDataRequest,
    ReadRequest,
)
from harness.codec.verbs.read_command import DigestAlgorithm, ReadCommand


class SchemaLearner(Protocol):
    """Asks other nodes for versions of tables."""

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        """Have a version of a table known to the storage.

        Raises:
            HarnessError: the node at that address could not tell.
        """


class ReplicaReader:
    """Reads what this node stores.

    Args:
        context: of the node.
        schema: asked for versions of tables that are not known yet.
    """

    def __init__(self, context: NodeContext, schema: SchemaLearner) -> None:
        self._storage = context.storage
        self._schema = schema
        self.hit_rates = HitRates(context)
        """What is told of its reads."""
        self._context = context
        context.messaging.handle_promptly(Verb.READ_DATA, self._take_data)
        context.messaging.handle_promptly(Verb.READ_DIGEST, self._take_digest)
        context.messaging.handle(Verb.READ_MUTATION_DATA, self._read_mutation_data)

    def read(self, command: ReadCommand, partitions: PartitionRange, *, with_digest: bool) -> QueryResult:
        """Read rows.

        Raises:
            UnknownTableError: the table at the command's schema version is not known.
            DecodeError: the command does not fit the table.
        """
        self.hit_rates.note(command.table_id)
        self._note_begin(command, partitions)
        result = self._storage.read(command, partitions, with_digest=with_digest)
        self._note_end(command)
        return result

    def read_mutations(self, command: ReadCommand, partitions: PartitionRange) -> ReconcilableResult:
        """Read rows with their deletions.

        Raises:
            UnknownTableError: the table at the command's schema version is not known.
            DecodeError: the command does not fit the table.
        """
        self.hit_rates.note(command.table_id)
        self._note_begin(command, partitions)
        result = self._storage.read_mutations(command, partitions)
        self._note_end(command)
        return result

    def _take_data(self, sender: Sender, request: ReadRequest, _: int) -> object:
        if self._knows(request.command):
            return self._read_data(sender, request)
        return Later(partial(self._learned, sender, request, self._read_data))

    def _take_digest(self, sender: Sender, request: ReadRequest, _: int) -> object:
        if self._knows(request.command):
            return self._read_digest(sender, request)
        return Later(partial(self._learned, sender, request, self._read_digest))

    async def _learned(
        self, sender: Sender, request: ReadRequest, read: Callable[[Sender, ReadRequest], object]
    ) -> object:
        await self.learn(sender.address, request.command)
        return read(sender, request)

    def _knows(self, command: ReadCommand) -> bool:
        return self._storage.catalog.table_of(command.table_id, command.schema_version) is not None

    def _read_data(self, sender: Sender, request: ReadRequest) -> ReadDataReply:
        # A sender that names no algorithm is older than digests other than MD5; such nodes are none of this cluster's.
        with_digest = request.digest_algorithm != DigestAlgorithm.NONE
        command = self._join(sender, request.command, "read_data")
        try:
            result = self.read(command, request.partitions, with_digest=with_digest)
        finally:
            self._leave(sender, command, "read_data")
        return ReadDataReply(result=result, hit_rate=self.hit_rates.of(request.command.table_id))

    def _read_digest(self, sender: Sender, request: ReadRequest) -> ReadDigestReply:
        command = self._join(sender, request.command, "read_digest")
        try:
            result = self.read(command, request.partitions, with_digest=True)
        finally:
            self._leave(sender, command, "read_digest")
        assert result.digest is not None
        modified = result.last_modified if isinstance(result.last_modified, int) else MISSING_TIMESTAMP
        return ReadDigestReply(
            digest=result.digest, last_modified=modified, hit_rate=self.hit_rates.of(request.command.table_id)
        )

    async def _read_mutation_data(
        self, sender: Sender, request: ReadMutationDataRequest
    ) -> ReadMutationDataReply:
        await self.learn(sender.address, request.command)
        command = self._join(sender, request.command, "read_mutation_data")
        try:
            result = self.read_mutations(command, request.partitions)
        finally:
            self._leave(sender, command, "read_mutation_data")
        return ReadMutationDataReply(result=result, hit_rate=self.hit_rates.of(request.command.table_id))

    def _join(self, sender: Sender, command: ReadCommand, name: str) -> ReadCommand:
        """Begin with this node's part of a trace, if the read is traced; gives the command that names that part."""
        if not isinstance(command.trace, TraceInfo):
            return command
        trace = self._context.traces.join(command.trace)
        self._context.traces.note(trace, f"{name}: message received from /{sender.address}")
        return replace(command, trace=trace)

    def _leave(self, sender: Sender, command: ReadCommand, name: str) -> None:
        if isinstance(command.trace, TraceInfo):
            self._context.traces.note(
                command.trace, f"{name} handling is done, sending a response to /{sender.address}"
            )
            self._context.traces.leave(command.trace)

    def _note_begin(self, command: ReadCommand, partitions: PartitionRange) -> None:
        if isinstance(command.trace, TraceInfo):
            start = "-inf" if partitions.start is None else partitions.start.value.token.value
            self._context.traces.note(
                command.trace, f"Start querying the token range that starts with {start}"
            )

    def _note_end(self, command: ReadCommand) -> None:
        if isinstance(command.trace, TraceInfo):
            self._context.traces.note(command.trace, "Querying is done")

    async def learn(self, address: str, command: ReadCommand) -> None:
        """Have the table of a command known, at its version; the node that sent it can tell.

        Raises:
            HarnessError: it could not.
        """
        if not self._knows(command):
            await self._schema.learn(address, command.table_id, command.schema_version)
            self._storage.layout_of(command.table_id, command.schema_version)
