"""Mutations of real clusters, read into partitions and written again."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.simulation.storage.mutation_form import mutation_of, partition_of
from harness.backends.simulation.storage.partition import Partition
from harness.codec.verbs.common import Key
from harness.codec.verbs.mutation import Column, LiveCell, MutationPartition, RangeTombstone, Row
from harness.codec.verbs.wire import encode_struct
from harness.errors import DecodeError
from tests.backends.simulation.captured import writes_of
from tests.backends.simulation.tables import deleted, i32, layout_of, live, partition_with

TABLE = layout_of("CREATE TABLE t (p int, c int, a text, b text, PRIMARY KEY (p, c))")


def empty() -> MutationPartition:
    return mutation_of(TABLE, (i32(1),), Partition(TABLE.order)).partition


@pytest.mark.reference
@pytest.mark.parametrize(
    "name",
    [
        "base/batch",
        "base/counter",
        "base/lwt_conditions",
        "base/types_and_large",
        "base/write_rf2",
        "base/write_rf3",
        "errors/non_frozen_udt",
        "faults/digest_mismatch",
        "views/index_rf3",
        "views/view_life_rf3",
    ],
)
def test_mutation_of_a_real_cluster_comes_back_byte_for_byte(reference: Path, name: str) -> None:
    seen = 0
    for _, layout, mutation in writes_of(reference / f"scylla-4.2/{name}.pcapng"):
        partition = partition_of(layout, mutation.partition)
        again = mutation_of(layout, mutation.key.components, partition)
        assert encode_struct(again) == encode_struct(mutation)
        seen += 1
    assert seen


def test_columns_are_numbered_by_name() -> None:
    partition = partition_with(TABLE, (i32(1),), {"b": live(b"2", 1), "a": live(b"1", 1)})
    (row,) = mutation_of(TABLE, (i32(1),), partition).partition.rows
    assert [(column.id, column.cell) for column in row.cells.columns] == [
        (0, live(b"1", 1)),
        (1, live(b"2", 1)),
    ]


def test_column_that_the_table_has_not_is_refused() -> None:
    cell = Column(id=0, cell=LiveCell(timestamp=1, value=b""))
    broken = replace(empty(), static_row=Row(columns=(cell,)))
    with pytest.raises(DecodeError, match="column ids"):
        partition_of(TABLE, broken)


def test_row_key_of_the_wrong_size_is_refused() -> None:
    partition = partition_with(TABLE, (i32(1),), {"a": live(b"1", 1)})
    (row,) = mutation_of(TABLE, (i32(1),), partition).partition.rows
    with pytest.raises(DecodeError, match="row key of 0 components"):
        partition_of(TABLE, replace(empty(), rows=(replace(row, key=Key(components=())),)))


def test_range_tombstone_of_old_senders_is_the_rows_of_a_prefix() -> None:
    old = RangeTombstone(start=Key(components=(i32(1),)), tombstone=deleted(5))
    partition = partition_of(TABLE, replace(empty(), range_tombstones=(old,)))
    assert partition.covering(TABLE.order.position((i32(1),))) == deleted(5)
    assert not partition.covering(TABLE.order.position((i32(2),))).exists


def test_table_without_a_version_has_no_mutations() -> None:
    layout = layout_of("CREATE TABLE t (p int PRIMARY KEY)")
    layout.table = replace(layout.table, version=None)
    with pytest.raises(ValueError, match="no schema version"):
        mutation_of(layout, (i32(1),), Partition(layout.order))
