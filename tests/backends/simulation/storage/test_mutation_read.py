"""Reads as mutations: those of real replicas come back, limits hold."""

from pathlib import Path

import pytest

from harness.backends.simulation.clustering_order import RowInterval
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.read import ReadMutationDataReply, ReadMutationDataRequest
from harness.codec.verbs.read_command import SliceOption
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.storage.test_data_read import (
    CATALOG,
    KEYS,
    RING_ORDER,
    bounded,
    command,
    one,
    stored,
    table,
    write,
    write_rows,
)
from tests.backends.simulation.tables import deleted, i32


@pytest.mark.reference
def test_mutations_of_real_replicas_are_read_again_as_they_were(reference: Path) -> None:
    path = reference / "scylla-4.2/faults/digest_mismatch.pcapng"
    trace, compared = trace_of(path), 0
    for reply in trace.rpc:
        request = trace.request_of(reply)
        if not isinstance(reply.body, ReadMutationDataReply) or request is None:
            continue
        assert isinstance(request.body, ReadMutationDataRequest)
        storage = Storage(catalog_of(path))
        for partition in reply.body.result.partitions:
            storage.apply(partition.mutation)
        assert storage.read_mutations(request.body.command, request.body.partitions) == reply.body.result
        compared += 1
    assert compared == 10


def test_deletions_are_read_too() -> None:
    storage = stored()
    partition = Partition(table().order)
    partition.delete(deleted(5))
    write(storage, 1, partition)
    result = storage.read_mutations(command(), one(1))
    assert result.row_count_low == 0
    assert result.partitions[0].mutation.partition.tombstone == deleted(5)


def test_read_stops_behind_the_last_row_that_is_wanted() -> None:
    result = stored(*RING_ORDER[:2]).read_mutations(command(rows_max=4), WHOLE_RING)
    assert result.row_count_low == 4
    assert [partition.row_count_low for partition in result.partitions] == [3, 1]
    assert len(result.partitions[1].mutation.partition.rows) == 1


def test_deletions_of_ranges_behind_the_last_row_are_left_out() -> None:
    storage = stored(1)
    partition, order = Partition(table().order), table().order
    for first in (0, 7):
        interval = RowInterval(order.after((i32(first),)), order.after((i32(first),)))
        partition.delete_range(interval._replace(end=order.before((i32(first + 1),))), deleted(1))
    write(storage, 1, partition)

    def deletions(rows_max: int) -> list[Tombstone]:
        (read,) = storage.read_mutations(command(rows_max=rows_max), one(1)).partitions
        return [deletion.tombstone for deletion in read.mutation.partition.range_tombstones]

    assert len(deletions(100)) == 2
    assert len(deletions(2)) == 1


def test_static_row_counts_where_there_is_no_other() -> None:
    storage = stored(1, rows=0, static=b"s")
    assert storage.read_mutations(command(), one(1)).row_count_low == 1
    assert storage.read_mutations(command(ranges=(bounded(0, 1),)), one(1)).row_count_low == 0


def test_large_result_is_cut_where_that_is_allowed() -> None:
    storage = Storage(CATALOG, result_bytes_max=100)
    for number in RING_ORDER:
        write_rows(storage, number, 1)
    short = storage.read_mutations(command(options=KEYS | SliceOption.ALLOW_SHORT_READ), WHOLE_RING)
    assert short.short_read == 1
    assert len(short.partitions) == 1
