"""Composed by hand."""

import uuid

from harness.codec.verbs.read_command import MaxResultSize, ReadCommand, SliceOption
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.hex_layout import KEY_1, SCHEMA_VERSION, TABLE_ID, framed, vector
from tests.codec.verbs.payload_checks import assert_payload

COMMAND_4_2 = f"""
73000000 {TABLE_ID} {SCHEMA_VERSION}
2d000000 01000000 07000000000000 00000000 02000000 00000000 01000000 0301000000000000 00 04 ffffffff
64000000 00105e5f00000000 00 ffffffff 00000000000000000000000000000000 00
"""
"""Columns 0 and 1 of all rows of the partition, at most 100 rows; 115 bytes."""
LIMITS = "01 1c000000 0000100000000000 0000400600000000 0000100000000000 00000000 1027000000000000"
COMMAND_MODERN = framed(
    f"""{TABLE_ID} {SCHEMA_VERSION}
    31000000 01000000 07000000000000 00000000 02000000 00000000 01000000 0301000000000000 00 04 ffffffff ffffffff
    64000000 00105e5f00000000 00 ffffffff 00000000000000000000000000000000 00 {LIMITS}"""
)
"""The same in 5.4 and later; 160 bytes."""


def test_command_of_4_2() -> None:
    body = assert_payload(ReadCommand, COMMAND_4_2)
    assert body.table_id == uuid.UUID("01234567-89ab-11e0-8123-456789abcdef")
    assert (body.row_limit, body.read_timestamp, body.trace) == (100, 1600000000, None)
    assert body.partition_limit == 2**32 - 1
    assert (body.is_first_page, body.max_result_size) == (False, ABSENT)


def test_slice_names_ranges_columns_and_options() -> None:
    part = assert_payload(ReadCommand, COMMAND_4_2).partition_slice
    (rows,) = part.row_ranges
    assert (rows.start, rows.end, rows.singular) == (None, None, False)
    assert (part.static_columns, part.regular_columns) == ((), (0, 1))
    assert SliceOption(part.options) == (
        SliceOption.SEND_CLUSTERING_KEY | SliceOption.SEND_PARTITION_KEY | SliceOption.ALLOW_SHORT_READ
    )
    assert (part.cql_format, part.partition_row_limit) == (4, 2**32 - 1)


def test_modern_command_has_high_halves_and_more_limits() -> None:
    assert len(bytes.fromhex(COMMAND_MODERN)) == 160
    body = assert_payload(ReadCommand, COMMAND_MODERN)
    assert body.max_result_size == MaxResultSize(
        soft_limit_bytes=1048576, hard_limit_bytes=104857600, page_size_bytes=1048576
    )
    assert (body.row_limit, body.tombstone_limit) == (100, 10000)
    assert body.partition_slice.partition_row_limit == 2**64 - 1


def test_page_inside_a_partition_has_ranges_of_its_own() -> None:
    after_a = "19000000 01 12000000 0d000000 01000000 01000000 61 00 00 00"
    ranges = framed(KEY_1, vector(after_a))
    part = framed(f"00000000 00000000 00000000 1100000000000000 01 {ranges} 03 64000000")
    command = framed(
        f"{TABLE_ID} {SCHEMA_VERSION} {part} 64000000 00105e5f00000000 00 ffffffff",
        "00" * 16,
        "01",
    )
    body = assert_payload(ReadCommand, command)
    specific = body.partition_slice.specific_ranges
    assert specific is not None
    (rows,) = specific.ranges
    assert rows.start is not None
    assert (rows.start.value.components, rows.start.inclusive, rows.end) == ((b"a",), False, None)
    assert SliceOption(body.partition_slice.options) & SliceOption.REVERSED


def test_command_without_its_tail_is_an_older_one() -> None:
    shortest = framed(
        f"""{TABLE_ID} {SCHEMA_VERSION}
        2d000000 01000000 07000000000000 00000000 02000000 00000000 01000000 0301000000000000 00 04 ffffffff
        64000000 00105e5f00000000"""
    )
    body = assert_payload(ReadCommand, shortest)
    assert (body.trace, body.query_id) == (ABSENT, ABSENT)
