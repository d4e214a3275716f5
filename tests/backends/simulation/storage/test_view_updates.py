"""View updates: every one that real base replicas sent follows from the base writes; and rules by hand."""

from pathlib import Path

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.storage.cells import dead_cell, live_cell
from harness.backends.simulation.storage.markers import live_marker
from harness.backends.simulation.storage.mutation_form import partition_of
from harness.backends.simulation.storage.partition import Partition
from harness.backends.simulation.storage.storage import Storage
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.backends.simulation.storage.view_updates import view_updates
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.common import Key
from harness.codec.verbs.mutation import (
    CollectionCell,
    CollectionElement,
    ExpiringMarker,
    LiveCell,
    Mutation,
    NoMarker,
)
from harness.codec.verbs.wire import encode_struct
from harness.partitioner import token_of
from tests.backends.simulation.captured import catalog_of as captured_catalog_of
from tests.backends.simulation.captured import writes_of
from tests.backends.simulation.tables import (
    NOW_S,
    catalog_of,
    deleted,
    i32,
    inserted,
    live,
    partition_with,
)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "views_count"),
    [
        ("scylla-4.2/views/view_life_rf2", 19),
        ("scylla-4.2/views/view_life_rf3", 23),
        ("scylla-4.2/views/index_rf2", 9),
        ("scylla-4.2/views/index_rf3", 11),
        ("scylla-4.2/base/index_write", 2),
        ("scylla-2025.1/views/index_rf2", 10),
        ("scylla-2025.1/views/index_rf3", 10),
        ("scylla-2025.1/views/view_life_rf3", 20),
    ],
)
def test_view_writes_of_a_real_cluster_follow_from_the_base_writes(
    reference: Path, name: str, views_count: int
) -> None:
    """Byte for byte, the second of new deletions included; what a replica sends to itself does not show."""
    path = reference / f"{name}.pcapng"
    catalog = captured_catalog_of(path)
    storage = Storage(catalog)
    computed: set[bytes] = set()
    applied: set[bytes] = set()
    seen = 0
    for message, layout, mutation in writes_of(path):
        encoded = encode_struct(mutation)
        if layout.table.base is not None:
            assert encoded in computed, f"packet {message.frame_last}"
            seen += 1
        elif encoded not in applied:
            applied.add(encoded)
            updates = view_updates(
                layout,
                catalog.views_of(layout.table),
                mutation.key.components,
                partition_of(layout, mutation.partition),
                storage.partition(mutation.table_id, mutation.key.components),
                message.time_ns // 10**9,
            )
            computed |= {encode_struct(update) for update in updates}
            storage.apply(mutation)
    assert seen == views_count


PLAIN = catalog_of(
    "CREATE TABLE t (p int, c int, a text, b text, l list<int>, PRIMARY KEY (p, c));"
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE a IS NOT NULL AND p IS NOT NULL AND c IS NOT NULL"
    " PRIMARY KEY (a, p, c)"
)
SAME_KEY = catalog_of(
    "CREATE TABLE t (p int, c int, a text, b text, PRIMARY KEY (p, c));"
    "CREATE MATERIALIZED VIEW v AS SELECT p, c, a FROM t WHERE p IS NOT NULL AND c IS NOT NULL PRIMARY KEY (c, p)"
)
ROW = (i32(7),)


def layouts(catalog: Catalog) -> tuple[TableLayout, TableLayout]:
    base = catalog.table("ks", "t")
    view = catalog.table("ks", "v") or catalog.table("ks", "i_index")
    assert base is not None
    assert view is not None
    return base, view


def updates(catalog: Catalog, written: Partition, stored: Partition | None = None) -> tuple[Mutation, ...]:
    base, view = layouts(catalog)
    return view_updates(base, [view], (i32(1),), written, stored, NOW_S)


def base_row(catalog: Catalog, **cells: LiveCell) -> Partition:
    return partition_with(layouts(catalog)[0], ROW, cells, marker=inserted(5))


def keys(mutations: tuple[Mutation, ...]) -> list[tuple[bytes, ...]]:
    return [mutation.key.components for mutation in mutations]


def test_row_without_the_view_key_is_not_in_the_view() -> None:
    assert updates(PLAIN, base_row(PLAIN, b=live(b"x", 5))) == ()


def test_changed_view_key_deletes_one_row_and_inserts_another() -> None:
    stored = base_row(PLAIN, a=live(b"old", 5), b=live(b"x", 5))
    written = partition_with(layouts(PLAIN)[0], ROW, {"a": live(b"new", 9)})
    old, new = updates(PLAIN, written, stored)
    assert (old.key, new.key) == (Key(components=(b"old",)), Key(components=(b"new",)))
    assert old.partition.rows[0].shadowable_deleted_at == deleted(5, NOW_S)
    assert not old.partition.rows[0].deleted_at.exists
    assert new.partition.rows[0].marker == inserted(9)
    assert [column.cell for column in new.partition.rows[0].cells.columns] == [live(b"x", 5)]


def test_view_key_written_again_with_the_same_value_replaces_the_row() -> None:
    """One row, whose newer marker has undone the deletion of the older one."""
    stored = base_row(PLAIN, a=live(b"x", 5))
    (update,) = updates(PLAIN, partition_with(layouts(PLAIN)[0], ROW, {"a": live(b"x", 9)}), stored)
    (row,) = update.partition.rows
    assert row.marker == inserted(9)
    assert row.shadowable_deleted_at == NO_TOMBSTONE


def test_view_key_with_a_time_to_live_gives_the_row_one() -> None:
    written = base_row(PLAIN)
    written.rows.make(ROW).apply_cell(layouts(PLAIN)[0], "a", live_cell(b"x", 5, 60, NOW_S))
    (update,) = updates(PLAIN, written)
    assert update.partition.rows[0].marker == ExpiringMarker(marker=inserted(5), ttl_s=60, expiry=NOW_S + 60)


def test_view_key_set_to_null_deletes_the_row() -> None:
    stored = base_row(PLAIN, a=live(b"x", 5))
    written = partition_with(layouts(PLAIN)[0], ROW, {"a": dead_cell(9, NOW_S)})
    (update,) = updates(PLAIN, written, stored)
    assert update.partition.rows[0].shadowable_deleted_at == deleted(5, NOW_S)
    assert isinstance(update.partition.rows[0].marker, NoMarker)


def test_range_deletion_deletes_each_row_that_is_there() -> None:
    base = layouts(PLAIN)[0]
    stored = base_row(PLAIN, a=live(b"x", 5))
    stored.rows.make((i32(8),)).apply_cell(base, "a", live(b"y", 5))
    written = Partition(base.order)
    written.delete_range(base.order.whole, deleted(9))
    mutations = updates(PLAIN, written, stored)
    assert keys(mutations) == [(b"x",), (b"y",)]
    assert all(mutation.partition.rows[0].deleted_at == deleted(9) for mutation in mutations)


def test_write_older_than_what_is_stored_changes_nothing_in_the_view() -> None:
    stored = base_row(SAME_KEY, a=live(b"x", 9))
    written = partition_with(layouts(SAME_KEY)[0], ROW, {"a": live(b"old", 5)})
    assert updates(SAME_KEY, written, stored) == ()


def test_view_without_new_key_column_lives_as_the_base_row() -> None:
    (update,) = updates(SAME_KEY, base_row(SAME_KEY, a=live(b"x", 5)))
    assert update.key == Key(components=ROW)
    assert update.partition.rows[0].key == Key(components=(i32(1),))
    assert update.partition.rows[0].marker == inserted(5)


def test_column_that_is_not_selected_keeps_its_row_alive_without_its_value() -> None:
    """``b`` is not in the view, but as long as it lives the base row does, and so must the row of the view."""
    written = partition_with(layouts(SAME_KEY)[0], ROW, {"b": live(b"secret", 5)})
    (update,) = updates(SAME_KEY, written)
    (column,) = update.partition.rows[0].cells.columns
    assert column.cell == live(b"", 5)


def test_change_of_a_column_that_is_not_selected_is_not_sent() -> None:
    stored = base_row(SAME_KEY, b=live(b"one", 5))
    written = partition_with(layouts(SAME_KEY)[0], ROW, {"b": live(b"two", 9)})
    assert updates(SAME_KEY, written, stored) == ()


def test_deleted_base_row_deletes_its_row_in_the_view() -> None:
    stored = base_row(SAME_KEY, a=live(b"x", 5))
    written = partition_with(layouts(SAME_KEY)[0], ROW, tombstone=deleted(9))
    (update,) = updates(SAME_KEY, written, stored)
    assert update.partition.rows[0].deleted_at == deleted(9)


def test_elements_of_a_collection_go_to_the_view() -> None:
    cell = CollectionCell(
        tombstone=deleted(4), elements=(CollectionElement(key=bytes(16), cell=live(i32(3), 5)),)
    )
    written = base_row(PLAIN, a=live(b"x", 5))
    written.rows.make(ROW).apply_cell(layouts(PLAIN)[0], "l", cell)
    (update,) = updates(PLAIN, written)
    assert cell in [column.cell for column in update.partition.rows[0].cells.columns]


def test_global_index_holds_the_token_of_the_base_key() -> None:
    catalog = catalog_of("CREATE TABLE t (p int, c int, a text, PRIMARY KEY (p, c)); CREATE INDEX i ON t (a)")
    (update,) = updates(catalog, base_row(catalog, a=live(b"x", 5)))
    token = token_of((i32(1),)).to_bytes(8, "big", signed=True)
    assert update.key == Key(components=(b"x",))
    assert update.partition.rows[0].key == Key(components=(token, i32(1), *ROW))


def test_local_index_has_the_partition_of_its_base_row() -> None:
    catalog = catalog_of(
        "CREATE TABLE t (p int, c int, a text, PRIMARY KEY (p, c)); CREATE INDEX i ON t ((p), a)"
    )
    (update,) = updates(catalog, base_row(catalog, a=live(b"x", 5)))
    assert update.key == Key(components=(i32(1),))
    assert update.partition.rows[0].key == Key(components=(b"x", *ROW))


def test_empty_value_cannot_be_the_partition_key_of_a_view() -> None:
    assert updates(PLAIN, base_row(PLAIN, a=live(b"", 5))) == ()


def test_row_of_the_base_that_expires_leaves_the_view_with_it() -> None:
    base = layouts(SAME_KEY)[0]
    written = Partition(base.order)
    written.rows.make(ROW).apply_marker(live_marker(5, 60, NOW_S))
    (update,) = updates(SAME_KEY, written)
    assert update.partition.rows[0].marker == live_marker(5, 60, NOW_S)
