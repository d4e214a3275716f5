"""Reads as rows: limits, options, statics, scans, short reads."""

from dataclasses import replace
from uuid import UUID

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.ring_ranges import WHOLE_RING, place_of_key, single_partition
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import ClusteringBound, ClusteringRange, Key, PartitionRange
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read_command import PartitionSlice, ReadCommand, SliceOption, SpecificRanges
from harness.errors import DecodeError
from tests.backends.simulation.tables import NOW_S, catalog_of, deleted, i32, inserted, live

CATALOG = catalog_of("CREATE TABLE t (p int, c int, s text static, v text, PRIMARY KEY (p, c))")
_ALL = 2**32 - 1
_EVERYTHING = ClusteringRange(start=None, end=None, singular=False)
KEYS = SliceOption.SEND_PARTITION_KEY | SliceOption.SEND_CLUSTERING_KEY


def table() -> TableLayout:
    found = CATALOG.table("ks", "t")
    assert found is not None
    return found


def command(
    *,
    options: int = KEYS,
    ranges: tuple[ClusteringRange, ...] = (_EVERYTHING,),
    specific: SpecificRanges | None = None,
    rows_max: int = _ALL,
    rows_per_partition_max: int = _ALL,
    partitions_max: int = _ALL,
    static: tuple[int, ...] = (0,),
    regular: tuple[int, ...] = (0,),
) -> ReadCommand:
    layout = table()
    assert layout.table.id is not None
    assert layout.table.version is not None
    return ReadCommand(
        table_id=layout.table.id,
        schema_version=layout.table.version,
        partition_slice=PartitionSlice(
            row_ranges=ranges,
            static_columns=static,
            regular_columns=regular,
            options=options,
            specific_ranges=specific,
            cql_format=4,
            partition_row_limit_low=rows_per_partition_max,
        ),
        row_limit_low=rows_max,
        read_timestamp=NOW_S,
        trace=None,
        partition_limit=partitions_max,
        query_id=UUID(int=0),
        is_first_page=False,
    )


def stored(*partitions: int, rows: int = 3, static: bytes | None = None) -> Storage:
    storage = Storage(CATALOG)
    for number in partitions:
        write_rows(storage, number, rows, static)
    return storage


def write_rows(storage: Storage, number: int, rows: int, static: bytes | None = None) -> None:
    layout = table()
    partition = Partition(layout.order)
    if static is not None:
        partition.static["s"] = live(static, 5)
    for index in range(rows):
        row = partition.rows.make((i32(index),))
        row.apply_marker(inserted(5))
        row.apply_cell(layout, "v", live(b"v%d" % index, 5))
    write(storage, number, partition)


def write(storage: Storage, number: int, partition: Partition) -> None:
    storage.apply(mutation_of(table(), (i32(number),), partition))


def rows_of(result: QueryResult) -> list[tuple[int, int]]:
    """Partition and row of each row in a result with keys."""
    assert result.data is not None
    found = []
    for partition in result.data.partitions:
        assert partition.key is not None
        for row in partition.rows:
            assert row.key is not None
            found.append((number_in(partition.key), number_in(row.key)))
    return found


def number_in(key: Key) -> int:
    return int.from_bytes(key.components[0], "big")


def one(number: int) -> PartitionRange:
    return single_partition((i32(number),))


def bounded(start: int | None, end: int | None, *, includes_start: bool = True) -> ClusteringRange:
    def bound(number: int | None, *, is_included: bool) -> ClusteringBound | None:
        return (
            None
            if number is None
            else ClusteringBound(value=Key(components=(i32(number),)), inclusive=is_included)
        )

    return ClusteringRange(
        start=bound(start, is_included=includes_start), end=bound(end, is_included=True), singular=False
    )


RING_ORDER = sorted(range(1, 5), key=lambda number: place_of_key((i32(number),)))


def test_scan_gives_partitions_in_the_order_of_the_ring() -> None:
    result = stored(1, 2, 3, 4, rows=1).read(command(), WHOLE_RING)
    assert rows_of(result) == [(number, 0) for number in RING_ORDER]
    assert (result.row_count_low, result.partition_count, result.short_read) == (4, 4, 0)


def test_row_limit_ends_a_scan_inside_a_partition() -> None:
    result = stored(1, 2, 3).read(command(rows_max=4), WHOLE_RING)
    assert len(rows_of(result)) == result.row_count_low == 4


def test_row_limit_of_partitions_holds_for_each() -> None:
    result = stored(1, 2).read(command(rows_per_partition_max=2), WHOLE_RING)
    assert sorted(rows_of(result)) == [(1, 0), (1, 1), (2, 0), (2, 1)]


def test_partition_limit_counts_partitions_with_rows() -> None:
    assert stored(1, 2, 3).read(command(partitions_max=2), WHOLE_RING).partition_count == 2


def test_reversed_read_begins_at_the_end() -> None:
    reversed_command = command(options=KEYS | SliceOption.REVERSED, rows_max=2)
    assert rows_of(stored(1).read(reversed_command, one(1))) == [(1, 2), (1, 1)]


def test_row_ranges_are_read_in_their_order() -> None:
    ranges = (bounded(2, None), bounded(None, 0))
    assert rows_of(stored(1).read(command(ranges=ranges), one(1))) == [(1, 2), (1, 0)]


def test_page_that_begins_inside_a_partition_has_ranges_of_its_own_for_it() -> None:
    specific = SpecificRanges(
        key=Key(components=(i32(RING_ORDER[0]),)), ranges=(bounded(1, None, includes_start=False),)
    )
    result = stored(*RING_ORDER[:2]).read(command(specific=specific), WHOLE_RING)
    assert rows_of(result) == [(RING_ORDER[0], 2), *[(RING_ORDER[1], row) for row in range(3)]]


def test_keys_are_left_out_unless_asked_for() -> None:
    result = stored(1).read(command(options=0), one(1))
    assert result.data is not None
    (partition,) = result.data.partitions
    assert partition.key is None
    assert all(row.key is None for row in partition.rows)


def test_static_row_alone_counts_as_a_row() -> None:
    result = stored(1, rows=0, static=b"s").read(command(), one(1))
    assert (result.row_count_low, rows_of(result)) == (1, [])
    assert result.data is not None
    (cell,) = result.data.partitions[0].static_row.cells
    assert cell is not None
    assert cell.value == b"s"


def test_static_row_alone_answers_no_read_of_certain_rows() -> None:
    storage = stored(1, rows=0, static=b"s")
    for partitions in (one(1), WHOLE_RING):
        assert storage.read(command(ranges=(bounded(0, 1),)), partitions).row_count_low == 0


def test_conditional_writes_get_the_static_row_in_any_case() -> None:
    always = KEYS | SliceOption.ALWAYS_RETURN_STATIC_CONTENT
    result = stored(1, rows=0, static=b"s").read(command(options=always, ranges=(bounded(0, 1),)), one(1))
    assert result.row_count_low == 1


def test_timestamps_come_when_asked_for() -> None:
    result = stored(1, rows=1).read(command(options=SliceOption.SEND_TIMESTAMP), one(1))
    assert result.data is not None
    (cell,) = result.data.partitions[0].rows[0].cells.cells
    assert cell is not None
    assert cell.timestamp == 5


def test_missing_partition_gives_nothing_with_the_digest_of_nothing() -> None:
    result = stored().read(command(), one(1))
    assert result.digest == bytes.fromhex("0000000000000000ef46db3751d8e999")
    assert result.row_count_low == 0


def test_partition_with_only_a_deletion_counts_in_scans_only() -> None:
    """A replica that has lost the deletion must show another digest in a scan; single reads pass over it."""
    storage = stored()
    partition = Partition(table().order)
    partition.delete(deleted(5))
    write(storage, 1, partition)
    nothing = stored().read(command(static=()), one(1)).digest
    assert storage.read(command(static=()), one(1)).digest == nothing
    assert storage.read(command(static=()), WHOLE_RING).digest != nothing


def test_deleted_row_shows_in_the_digest_of_scans_only() -> None:
    storage, other = stored(1), stored(1)
    partition = Partition(table().order)
    partition.rows.make((i32(9),)).apply_tombstone(deleted(6))
    write(storage, 1, partition)
    assert storage.read(command(), one(1)).digest == other.read(command(), one(1)).digest
    assert storage.read(command(), WHOLE_RING).digest != other.read(command(), WHOLE_RING).digest


def test_digest_is_left_out_unless_wanted() -> None:
    result = stored(1).read(command(), one(1), with_digest=False)
    assert result.digest is None
    assert result.last_modified == -(2**63)


def test_result_that_grows_too_large_is_cut_where_that_is_allowed() -> None:
    storage = Storage(CATALOG, result_bytes_max=60)
    write_rows(storage, 1, 5)
    short = storage.read(command(options=KEYS | SliceOption.ALLOW_SHORT_READ), one(1))
    assert short.short_read == 1
    assert 0 < len(rows_of(short)) < 5
    assert len(rows_of(storage.read(command(), one(1)))) == 5


def test_column_that_the_table_has_not_is_refused() -> None:
    with pytest.raises(DecodeError, match="column ids"):
        stored(1).read(command(regular=(7,)), one(1))


def test_expiry_is_decided_by_the_clock_of_the_command() -> None:
    storage = stored(1)
    catalog = Catalog(CATALOG.schema)
    assert catalog.table("ks", "t") is not None
    partition = Partition(table().order)
    partition.delete(deleted(9, NOW_S))
    write(storage, 1, partition)
    late = replace(command(static=()), read_timestamp=NOW_S + 864_001)
    nothing = stored().read(command(), one(1)).digest
    assert storage.read(late, WHOLE_RING).digest == nothing
