"""Composed by hand."""

import pytest

from harness.codec.verbs.common import Key, Tombstone
from harness.codec.verbs.mutation import (
    CollectionCell,
    CounterCell,
    CounterDelta,
    CounterShards,
    DeadCell,
    ExpiringCell,
    NoMarker,
    RangeTombstone,
)
from harness.codec.verbs.mutation_fragment import (
    ClusteringRow,
    MutationFragment,
    PartitionEnd,
    PartitionStart,
    StaticRow,
)
from harness.codec.verbs.wire import decode_struct
from harness.errors import DecodeError
from tests.codec.verbs.hex_layout import framed, vector, writable
from tests.codec.verbs.payload_checks import assert_payload

ROW_OF_SIX_CELLS = """
bc010000 b8010000 00000000
b0010000 ac010000
0d000000 01000000 01000000 61
08000000 03000000
14000000 0100000000000000 0000000000000000
6b010000 06000000
2c000000 03000000 24000000 01000000 1c000000 14000000 0900000000000000 0800000000000000 00000000
2c000000 04000000 24000000 00000000 1c000000 02000000 14000000 0100000000000000 0200000000000000
39000000 05000000 31000000 00000000 29000000 01000000 21000000 0a000000 0b00000000000000
11000000 0300000000000000 01000000 71
34000000 06000000 2c000000 00000000 24000000 03000000 1c000000 0300000000000000
10000000 01000000 0200000000000000
50000000 07000000 48000000 00000000 40000000 03000000 38000000 0300000000000000
2c000000 00000000 01000000 44443333222211118888777766665555 0200000000000000 0100000000000000
4e000000 08000000 46000000 01000000 3e000000 14000000 0000000000000080 0000000000000000 01000000
22000000 01000000 6b 19000000 00000000 11000000 0300000000000000 01000000 76
14000000 0100000000000000 0000000000000000
"""


def test_row_with_every_kind_of_cell() -> None:
    assert len(bytes.fromhex(ROW_OF_SIX_CELLS)) == 444
    body = assert_payload(MutationFragment, ROW_OF_SIX_CELLS)
    assert isinstance(body.fragment, ClusteringRow)
    row = body.fragment.row
    assert (row.marker, row.deleted_at, row.shadowable_deleted_at) == (
        NoMarker(),
        Tombstone(timestamp=1, deletion_time=0),
        Tombstone(timestamp=1, deletion_time=0),
    )
    assert [column.id for column in row.cells.columns] == [3, 4, 5, 6, 7, 8]
    emptied, dead, expiring, delta, counter, collection = (column.cell for column in row.cells.columns)
    assert emptied == CollectionCell(tombstone=Tombstone(timestamp=9, deletion_time=8), elements=())
    assert dead == DeadCell(tombstone=Tombstone(timestamp=1, deletion_time=2))
    assert isinstance(expiring, ExpiringCell)
    assert (expiring.ttl_s, expiring.expiry, expiring.cell.value) == (10, 11, b"q")
    assert delta == CounterCell(created_at=3, state=CounterDelta(delta=2))
    assert isinstance(counter, CounterCell)
    assert isinstance(counter.state, CounterShards)
    assert isinstance(collection, CollectionCell)
    assert collection.elements[0].key == b"k"


def test_partition_begins_and_ends() -> None:
    start = assert_payload(
        MutationFragment,
        "34000000 30000000 03000000 28000000 10000000010000000400000000000001"
        "1400000000000000000000800000000000000000",
    )
    assert start.fragment == PartitionStart(
        key=Key(components=(b"\x00\x00\x00\x01",)),
        tombstone=Tombstone(timestamp=-(2**63), deletion_time=0),
    )
    end = assert_payload(MutationFragment, "10000000 0c000000 04000000 04000000")
    assert end.fragment == PartitionEnd()


def test_range_tombstone_as_a_fragment() -> None:
    body = assert_payload(
        MutationFragment,
        "40000000 3c000000 02000000 34000000 0d000000010000000100000061"
        "14000000 0500000000000000 0700000000000000 01 0d000000010000000100000061 06",
    )
    assert isinstance(body.fragment, RangeTombstone)


def test_static_row_as_a_fragment() -> None:
    column = framed("00000000", writable(0, writable(0, framed("0300000000000000 01000000 73"))))
    body = assert_payload(MutationFragment, framed(writable(1, framed(framed(vector(column))))))
    assert isinstance(body.fragment, StaticRow)
    assert len(body.fragment.cells.columns) == 1


def test_fragment_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError, match="variant index 5"):
        decode_struct(MutationFragment, bytes.fromhex("10000000 0c000000 05000000 04000000"))
