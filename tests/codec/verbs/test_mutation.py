"""Composed by hand."""

import uuid

import pytest

from harness.codec.verbs.common import BoundKind, Tombstone
from harness.codec.verbs.mutation import (
    CanonicalMutationFrame,
    CollectionCell,
    CollectionElement,
    Column,
    CounterCell,
    CounterDelta,
    CounterShard,
    CounterShards,
    DeadCell,
    DeadMarker,
    DeletableRow,
    ExpiringCell,
    ExpiringMarker,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    NoMarker,
    RangeTombstone,
)
from harness.codec.verbs.wire import ABSENT, decode_struct, field_spans
from harness.errors import DecodeError, HarnessError
from tests.codec.verbs.hex_layout import (
    KEY_1,
    MUTATION,
    NOTHING_DELETED,
    SCHEMA_VERSION,
    TABLE_ID,
    framed,
    text,
    vector,
    writable,
)
from tests.codec.verbs.payload_checks import assert_payload

DELETION = "14000000 0500000000000000 0700000000000000"
KEY_A = "0d000000 01000000 01000000 61"
INSERTED_AT = 1600000000000000


def test_insert_of_two_columns() -> None:
    assert len(bytes.fromhex(MUTATION)) == 257
    body = assert_payload(Mutation, MUTATION)
    assert body.table_id == uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")
    assert body.schema_version == uuid.UUID("11112222-3333-4444-5555-666677778888")
    assert body.key.components == (b"\x00\x00\x00\x01",)
    assert not body.partition.tombstone.exists
    assert (body.partition.static_row.columns, body.partition.range_tombstones) == ((), ())
    (row,) = body.partition.rows
    assert row.key.components == ()
    assert row.marker == LiveMarker(created_at=INSERTED_AT)
    assert row.cells.columns == (
        Column(id=0, cell=LiveCell(timestamp=INSERTED_AT, value=b"ab")),
        Column(id=1, cell=LiveCell(timestamp=INSERTED_AT, value=b"xyz")),
    )
    assert not row.deleted_at.exists
    assert isinstance(row.shadowable_deleted_at, Tombstone)


def test_fields_stand_where_the_layout_says() -> None:
    spans = {span.path: (span.start, span.end) for span in field_spans(Mutation, bytes.fromhex(MUTATION))}
    assert spans["table_id"] == (4, 20)
    assert spans["schema_version"] == (20, 36)
    assert spans["key"] == (36, 52)
    assert spans["partition"] == (52, 257)
    assert spans["partition.tombstone"] == (56, 76)
    assert spans["partition.rows"] == (88, 257)
    assert spans["partition.rows.marker"] == (104, 124)
    assert spans["partition.rows.cells"] == (144, 237)
    assert spans["partition.rows.cells.columns.cell.value"] == (230, 237)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (
            writable(0, writable(0, framed("0300000000000000 01000000 76"))),
            LiveCell(timestamp=3, value=b"v"),
        ),
        (
            writable(
                0, writable(1, framed("0a000000 0b00000000000000", framed("0300000000000000 01000000 71")))
            ),
            ExpiringCell(ttl_s=10, expiry=11, cell=LiveCell(timestamp=3, value=b"q")),
        ),
        (
            f"24000000 00000000 1c000000 02000000 {DELETION}",
            DeadCell(tombstone=Tombstone(timestamp=5, deletion_time=7)),
        ),
        (
            "2c000000 00000000 24000000 03000000 1c000000 030000000000000010000000 01000000 feffffffffffffff",
            CounterCell(created_at=3, state=CounterDelta(delta=-2)),
        ),
        (
            (
                "48000000 00000000 40000000 03000000 38000000 0300000000000000 2c000000 00000000"
                f"01000000 {SCHEMA_VERSION} 0200000000000000 0100000000000000"
            ),
            CounterCell(
                created_at=3,
                state=CounterShards(
                    shards=(
                        CounterShard(id=uuid.UUID("11112222-3333-4444-5555-666677778888"), value=2, clock=1),
                    )
                ),
            ),
        ),
        (
            (
                f"46000000 01000000 3e000000 {NOTHING_DELETED} 01000000"
                "22000000 01000000 6b 19000000 00000000 11000000 0300000000000000 01000000 76"
            ),
            CollectionCell(
                tombstone=Tombstone(timestamp=-(2**63), deletion_time=0),
                elements=(CollectionElement(key=b"k", cell=LiveCell(timestamp=3, value=b"v")),),
            ),
        ),
    ],
)
def test_every_kind_of_cell(cell: str, expected: object) -> None:
    body = assert_payload(Column, framed("07000000", cell))
    assert (body.id, body.cell) == (7, expected)


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("14000000 00000000 0c000000 0300000000000000", LiveMarker(created_at=3)),
        (
            writable(1, framed(framed("0300000000000000"), "0a000000 0b00000000000000")),
            ExpiringMarker(marker=LiveMarker(created_at=3), ttl_s=10, expiry=11),
        ),
        (f"1c000000 02000000 {DELETION}", DeadMarker(tombstone=Tombstone(timestamp=5, deletion_time=7))),
        ("08000000 03000000", NoMarker()),
    ],
)
def test_every_kind_of_marker(marker: str, expected: object) -> None:
    row = framed(KEY_A, marker, NOTHING_DELETED, "08000000 00000000", NOTHING_DELETED)
    assert assert_payload(DeletableRow, row).marker == expected


def test_row_of_an_old_sender_has_no_shadowable_tombstone() -> None:
    row = framed(KEY_A, "08000000 03000000", DELETION, "08000000 00000000")
    body = assert_payload(DeletableRow, row)
    assert (body.deleted_at.exists, body.shadowable_deleted_at) == (True, ABSENT)


def test_range_tombstone_has_bounds_of_a_kind() -> None:
    body = assert_payload(RangeTombstone, f"34000000 {KEY_A} {DELETION} 01 {KEY_A} 06")
    assert (body.start_kind, body.end_kind) == (BoundKind.INCLUSIVE_START, BoundKind.INCLUSIVE_END)
    assert body.start == body.end
    assert body.tombstone == Tombstone(timestamp=5, deletion_time=7)
    oldest = assert_payload(RangeTombstone, framed(KEY_A, DELETION))
    assert (oldest.start_kind, oldest.end, oldest.end_kind) == (ABSENT, ABSENT, ABSENT)


def test_static_row_and_range_tombstones_have_their_places() -> None:
    column = framed("00000000", writable(0, writable(0, framed("0300000000000000 01000000 73"))))
    body = assert_payload(
        MutationPartition,
        framed(
            DELETION,
            framed(vector(column)),
            vector(f"34000000 {KEY_A} {DELETION} 07 {KEY_A} 00"),
            "00000000",
        ),
    )
    assert body.static_row.columns == (Column(id=0, cell=LiveCell(timestamp=3, value=b"s")),)
    (deleted,) = body.range_tombstones
    assert (deleted.start_kind, deleted.end_kind) == (BoundKind.EXCLUSIVE_START, BoundKind.EXCLUSIVE_END)


def test_canonical_mutation_names_its_columns() -> None:
    columns = vector(
        framed(text("s"), text("org.apache.cassandra.db.marshal.UTF8Type")),
        framed(text("a"), text("org.apache.cassandra.db.marshal.Int32Type")),
    )
    mapping = framed(columns, "01000000")
    partition = framed(NOTHING_DELETED, "08000000 00000000", "00000000", "00000000")
    body = assert_payload(CanonicalMutationFrame, framed(TABLE_ID, SCHEMA_VERSION, KEY_1, mapping, partition))
    assert [entry.name for entry in body.mapping.columns] == [b"s", b"a"]
    assert body.mapping.static_count == 1


def test_cell_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DecodeError, match="variant index 4"):
        decode_struct(Column, bytes.fromhex("1c000000 07000000 14000000 00000000 0c000000 04000000 00000000"))


def test_huge_counts_and_sizes_allocate_nothing() -> None:
    for data in (
        "ffffffff",
        "ffffffff" * 8,
        f"{framed(TABLE_ID, SCHEMA_VERSION, '0c000000 ffffffff 00000000')}",
    ):
        with pytest.raises(HarnessError):
            decode_struct(Mutation, bytes.fromhex(data))
