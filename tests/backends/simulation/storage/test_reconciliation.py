"""Replies of replicas that differ, merged; and the repairs, on those of a real cluster."""

from collections.abc import Hashable
from pathlib import Path

import pytest

from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.reconciliation import reconcile
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.query_result import ReconcilableResult
from harness.codec.verbs.read import ReadMutationDataReply, ReadMutationDataRequest
from harness.codec.verbs.read_command import ReadCommand
from harness.codec.verbs.writes import MutationRequest
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.storage.test_data_read import command, one, rows_of, stored, table, write
from tests.backends.simulation.tables import deleted, i32, partition_with


@pytest.mark.reference
def test_repairs_are_those_that_a_real_coordinator_sent(reference: Path) -> None:
    """Node 3 missed updates, inserts and a delete; each read at ALL repairs it, and nobody else."""
    path = reference / "scylla-4.2/faults/digest_mismatch.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    replies: dict[Hashable, list[tuple[ReadCommand, ReconcilableResult]]] = {}
    for message in trace.rpc:
        request = trace.request_of(message)
        if isinstance(message.body, ReadMutationDataReply) and request is not None:
            asked = request.body
            assert isinstance(asked, ReadMutationDataRequest)
            key = asked.command, asked.partitions
            replies.setdefault(key, []).append((asked.command, message.body.result))
    repairs: list[Mutation] = []
    for asked_and_told in replies.values():
        first = asked_and_told[0][0]
        layout = catalog.table_of(first.table_id, first.schema_version)
        assert layout is not None
        merged = reconcile(layout, first, [result for _, result in asked_and_told])
        repairs += [mutation for some in merged.repairs for mutation in some]
        assert not merged.is_incomplete
    sent = [message.body.mutation for message in trace.rpc if isinstance(message.body, MutationRequest)]
    assert repairs == sent
    assert len(sent) == 5


def test_rows_are_what_replicas_hold_together() -> None:
    one_has, other_has = stored(1, rows=2), stored(1, rows=3)
    replies = [storage.read_mutations(command(), one(1)) for storage in (one_has, other_has)]
    merged = reconcile(table(), command(), replies)
    assert rows_of(merged.result) == [(1, 0), (1, 1), (1, 2)]
    assert merged.result.digest is None
    assert [len(some) for some in merged.repairs] == [1, 0]


def test_replica_without_the_partition_gets_all_of_it() -> None:
    replies = [storage.read_mutations(command(), one(1)) for storage in (stored(), stored(1))]
    merged = reconcile(table(), command(), replies)
    assert merged.repairs[0] == tuple(partition.mutation for partition in replies[1].partitions)


def test_rows_lost_to_a_deletion_make_the_answer_incomplete() -> None:
    """One replica stops at two rows, of which the other knows that they are deleted: there may be more."""
    one_has, other_has = stored(1, rows=3), stored()
    for index in range(2):
        write(other_has, 1, partition_with(table(), (i32(index),), tombstone=deleted(9)))
    limited = command(rows_max=2)
    replies = [storage.read_mutations(limited, one(1)) for storage in (one_has, other_has)]
    merged = reconcile(table(), limited, replies)
    assert merged.is_incomplete
    assert rows_of(merged.result) == []


def test_limits_hold_across_partitions_and_repairs_go_beyond_them() -> None:
    both, none = stored(1, 2, 3, rows=2), stored()
    limited = command(rows_max=3)
    replies = [both.read_mutations(command(), WHOLE_RING), none.read_mutations(limited, WHOLE_RING)]
    merged = reconcile(table(), limited, replies)
    assert len(rows_of(merged.result)) == 3
    assert len(merged.repairs[1]) == 3
