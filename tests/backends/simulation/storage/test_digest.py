"""Digests: those of real clusters are computed from what was written there."""

from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.storage.digest import Digest
from harness.backends.simulation.storage.mutation_form import partition_of
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.storage.tombstones import NO_ROW_TOMBSTONE, NO_TOMBSTONE
from harness.backends.simulation.storage.view_updates import view_updates
from harness.codec.verbs.common import MISSING_TIMESTAMP
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.read import ReadDataReply, ReadDigestReply, ReadMutationDataReply, ReadRequest
from harness.codec.verbs.writes import TruncateRequest
from harness.events.message import Kind
from tests.backends.simulation.captured import catalog_of, is_followed, trace_of, writes_of
from tests.backends.simulation.tables import deleted, live


def test_digest_of_nothing_is_that_of_the_wire() -> None:
    digest = Digest()
    assert digest.value == bytes.fromhex("0000000000000000 ef46db3751d8e999")
    assert digest.last_modified == MISSING_TIMESTAMP


def test_digest_tells_whether_a_deletion_is_shadowable() -> None:
    one, two = Digest(), Digest()
    one.add_row(NO_ROW_TOMBSTONE.with_regular(deleted(5)), {}, ())
    two.add_row(NO_ROW_TOMBSTONE.with_shadowable(deleted(5)), {}, ())
    assert one.value != two.value


def test_missing_cell_is_not_an_empty_one() -> None:
    one, two = Digest(), Digest()
    one.add_static_row(NO_TOMBSTONE, {}, ["s"])
    two.add_static_row(NO_TOMBSTONE, {"s": live(b"", 7)}, ["s"])
    assert one.value != two.value
    assert (one.last_modified, two.last_modified) == (MISSING_TIMESTAMP, 7)


class Replica:
    """Holds everything that a capture writes, of views too, as a node would that replicates all of it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.storage = Storage(catalog)

    def write(self, mutation: Mutation, now_s: int) -> None:
        layout = self.storage.layout_of(mutation.table_id, mutation.schema_version)
        key = mutation.key.components
        updates = view_updates(
            layout,
            [view for view in self.catalog.views_of(layout.table) if view.table.version is not None],
            key,
            partition_of(layout, mutation.partition),
            self.storage.partition(mutation.table_id, key),
            now_s,
        )
        for written in (mutation, *updates):
            self.storage.apply(written)

    def truncate(self, table_id: UUID) -> None:
        self.storage.truncate(table_id)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "compared_min"),
    [
        ("base/whole_base", {"READ_DIGEST": 53, "READ_DATA": 7}),
        ("views/whole_views", {"READ_DIGEST": 12, "READ_DATA": 5}),
        ("shards/lz4_two_shards", {"READ_DIGEST": 5}),
        ("multidc/multi_dc", {"READ_DIGEST": 7}),
    ],
)
def test_digests_and_results_follow_from_the_writes(
    reference: Path, name: str, compared_min: dict[str, int]
) -> None:
    """Every answer in a capture: live, dead, expiring, counter and collection cells, missing ones, views, scans."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    replica = Replica(catalog)
    written = {write.message.number: write for write in writes_of(path)}
    compared: Counter[str] = Counter()
    for message in trace.rpc:
        write = written.get(message.number)
        if write is not None:
            replica.write(write.mutation, message.time_ns // 10**9)
        body = message.body
        if isinstance(body, TruncateRequest):
            table = catalog.table(body.keyspace, body.table)
            assert table is not None
            assert table.table.id is not None
            replica.truncate(table.table.id)
        if not isinstance(body, ReadDigestReply | ReadDataReply):
            continue
        request = trace.request_of(message)
        assert request is not None
        asked = request.body
        assert isinstance(asked, ReadRequest)
        layout = catalog.table_of(asked.command.table_id, asked.command.schema_version)
        if layout is None or not is_followed(layout):
            continue
        result = replica.storage.read(
            asked.command, asked.partitions, with_digest=asked.digest_algorithm != 0
        )
        where = f"packet {message.frame_last}"
        if isinstance(body, ReadDataReply):
            assert result == body.result, where
        else:
            assert (result.digest, result.last_modified) == (body.digest, body.last_modified), where
        compared[message.verb_name] += 1
    assert compared >= Counter(compared_min)


@pytest.mark.reference
def test_digest_of_a_replica_follows_from_its_own_mutations(reference: Path) -> None:
    """Replicas that differ: each one's digest from the READ_MUTATION_DATA with which it answered next."""
    path = reference / "scylla-4.2/faults/digest_mismatch.pcapng"
    trace = trace_of(path)
    compared = 0
    for reply in trace.rpc:
        body, request = reply.body, trace.request_of(reply)
        if not isinstance(body, ReadMutationDataReply) or request is None:
            continue
        storage = Storage(catalog_of(path))
        for partition in body.result.partitions:
            storage.apply(partition.mutation)
        for other in trace.rpc:
            asked = trace.request_of(other)
            if other.kind is not Kind.REPLY or asked is None or other.sender_node != reply.sender_node:
                continue
            if not isinstance(other.body, ReadDigestReply) or not isinstance(asked.body, ReadRequest):
                continue
            if asked.body.command.query_id != getattr(request.body, "command").query_id:  # noqa: B009
                continue
            if asked.body.partitions != getattr(request.body, "partitions"):  # noqa: B009
                continue
            result = storage.read(asked.body.command, asked.body.partitions)
            assert result.digest == other.body.digest, f"packet {other.frame_last}"
            compared += 1
    assert compared >= 8
