"""The replica of a read answers as replicas of real clusters do."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from harness.backends.simulation.messaging.rpc_error import RemoteError
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.reads.replica_reader import ReplicaReader
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.paxos import PaxosLearnRequest
from harness.codec.verbs.read import (
    ReadDataReply,
    ReadDigestReply,
    ReadMutationDataReply,
    ReadMutationDataRequest,
    ReadRequest,
)
from harness.codec.verbs.read_command import DigestAlgorithm
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.writes import MutationRequest, TruncateRequest
from harness.partitioner import token_of
from tests.backends.simulation.captured import catalog_of, is_followed, trace_of, writes_of
from tests.backends.simulation.loopback_nodes import LoopbackNode, NoSchema, loopback_nodes
from tests.backends.simulation.reads.reading_nodes import TABLE, ReadingNode, reading_nodes

_Reply = ReadDataReply | ReadDigestReply | ReadMutationDataReply


class _Read(NamedTuple):
    """A request with the reply of a real replica, and what that replica held."""

    verb: Verb
    request: ReadRequest | ReadMutationDataRequest
    reply: _Reply
    storage: Storage


def _reads_of(path: Path) -> Iterator[_Read]:
    """The reads of tables, but not of views: what a node writes to its own part of a view, nobody sees."""
    trace, catalog = trace_of(path), catalog_of(path)
    storages = {node.address: Storage(catalog) for node in trace.topology.nodes}
    writes = {write.message: write for write in writes_of(path)}
    for message in trace.rpc:
        body = message.body
        if isinstance(body, MutationRequest | PaxosLearnRequest) and message in writes:
            layout, mutation = writes[message].layout, writes[message].mutation
            keyspace = catalog.keyspace(layout.table.keyspace)
            assert keyspace is not None
            token = token_of(mutation.key.components)
            replicas = {node.address for node in trace.topology.replicas(keyspace.replication, token)}
            # A coordinator that is a replica writes its own part without a message.
            for address in {message.receiver.address, body.reply_to} & replicas:
                storages[address].apply(mutation)
        elif isinstance(body, TruncateRequest):
            emptied = catalog.table(body.keyspace, body.table)
            for storage in storages.values():
                if emptied is not None and emptied.table.id is not None:
                    storage.truncate(emptied.table.id)
        elif isinstance(body, ReadRequest | ReadMutationDataRequest):
            layout_read = catalog.table_of(body.command.table_id, body.command.schema_version)
            if layout_read is None or not is_followed(layout_read) or layout_read.table.base is not None:
                continue
            answer = trace.exchange_of(message).reply
            if answer is not None and isinstance(answer.body, _Reply):
                yield _Read(Verb(message.verb or 0), body, answer.body, storages[message.receiver.address])


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "reads_count"),
    [("base/whole_base", 57), ("multidc/multi_dc", 7), ("errors/lwt_race_three_coordinators", 6)],
)
def test_replies_are_those_of_a_real_cluster(reference: Path, name: str, reads_count: int) -> None:
    """Byte for byte but for the hit rate, on what the messages of the capture have written to the replica."""

    async def run() -> None:
        compared = 0
        async with loopback_nodes(2, catalog=catalog_of(reference / f"scylla-4.2/{name}.pcapng")) as nodes:
            asking, replica = nodes
            for read in _reads_of(reference / f"scylla-4.2/{name}.pcapng"):
                replica.context.storage = read.storage
                ReplicaReader(replica.context, NoSchema())
                reply = await asking.messaging.call(
                    replica.address, read.verb, read.request, timeout_ms=5_000
                )
                assert _bytes(reply) == _bytes(read.reply), read.request
                compared += 1
        assert compared == reads_count

    asyncio.run(run())


def _bytes(reply: _Reply) -> bytes:
    """The hit rate stands last."""
    return encode_payload(reply)[:-1]


class _Teacher(NoSchema):
    """Gives a node the catalog of another."""

    def __init__(self, node: LoopbackNode, other: LoopbackNode) -> None:
        super().__init__()
        self._node = node
        self._other = other

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        await super().learn(address, table_id, version)
        self._node.context.storage.use(self._other.context.catalog)


@pytest.mark.parametrize("verb", [Verb.READ_DATA, Verb.READ_DIGEST, Verb.READ_MUTATION_DATA])
def test_a_table_that_is_not_known_is_learned_from_the_sender(verb: Verb) -> None:
    async def run() -> None:
        async with reading_nodes(2, TABLE) as (asking, _), loopback_nodes(2) as (stranger, replica):
            teacher = _Teacher(replica, asking.node)
            ReplicaReader(replica.context, teacher)
            await stranger.messaging.call(replica.address, verb, _request(asking, verb), timeout_ms=5_000)
            ((address, table_id, version),) = teacher.asked
            layout = asking.context.catalog.table("ks", "t")
            assert layout is not None
            assert (address, table_id, version) == (
                stranger.address,
                layout.table.id,
                layout.table.version,
            )

    asyncio.run(run())


def test_a_table_that_nobody_knows_is_an_error() -> None:
    async def run() -> None:
        async with reading_nodes(2, TABLE) as (asking, _), loopback_nodes(2) as (stranger, replica):
            ReplicaReader(replica.context, NoSchema())
            request = _request(asking, Verb.READ_DIGEST)
            with pytest.raises(RemoteError, match="is not known"):
                await stranger.messaging.call(replica.address, Verb.READ_DIGEST, request, timeout_ms=5_000)

    asyncio.run(run())


def _request(node: ReadingNode, verb: Verb) -> ReadRequest | ReadMutationDataRequest:
    (read,) = next(node.select("SELECT * FROM t WHERE k = 1").run(node.context.moment))
    if verb is Verb.READ_MUTATION_DATA:
        return ReadMutationDataRequest(command=read.command, partitions=read.ranges[0])
    return ReadRequest(
        command=read.command, partitions=read.ranges[0], digest_algorithm=DigestAlgorithm.XXHASH
    )
