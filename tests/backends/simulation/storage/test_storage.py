"""The tables of a node: schema changes, truncation, what streaming takes."""

from dataclasses import replace
from uuid import UUID

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.journal import RecordKind
from harness.backends.simulation.ring_ranges import WHOLE_RING
from harness.backends.simulation.storage.mutation_form import mutation_of
from harness.backends.simulation.storage.storage import Storage, UnknownTableError
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.verbs.mutation import Mutation
from harness.table import Column
from tests.backends.simulation.memory_journal import MemoryJournal
from tests.backends.simulation.tables import NOW_S, catalog_of, i32, live, partition_with

BEFORE = catalog_of("CREATE TABLE t (p int PRIMARY KEY, a text, z text)")


def layout_in(catalog: Catalog) -> TableLayout:
    layout = catalog.table("ks", "t")
    assert layout is not None
    return layout


def with_columns(*names: str) -> Catalog:
    """The catalog after an ALTER TABLE: other columns, another version."""
    (table,) = BEFORE.schema.tables
    columns = tuple(Column(name=name, type="text") for name in sorted(names))
    changed = replace(table, regular_columns=columns, version=UUID(int=77))
    return Catalog(replace(BEFORE.schema, tables=(changed,), old_tables=(table,)))


def a_write(catalog: Catalog, **cells: bytes) -> Mutation:
    layout = layout_in(catalog)
    values = {name: live(value, 5) for name, value in cells.items()}
    return mutation_of(layout, (i32(1),), partition_with(layout, (), values))


def values_in(storage: Storage) -> dict[str, object]:
    table_id = layout_in(BEFORE).table.id
    assert table_id is not None
    partition = storage.partition(table_id, (i32(1),))
    if partition is None:
        return {}
    row = partition.rows.get(())
    return {} if row is None else dict(row.cells)


def test_columns_keep_their_values_when_ids_shift() -> None:
    storage = Storage(BEFORE)
    storage.apply(a_write(BEFORE, z=b"old"))
    after = with_columns("a", "m", "z")
    storage.use(after)
    storage.apply(a_write(after, m=b"new"))
    assert values_in(storage) == {"z": live(b"old", 5), "m": live(b"new", 5)}


def test_write_of_an_older_version_still_means_its_columns() -> None:
    storage = Storage(with_columns("a", "m", "z"))
    storage.apply(a_write(BEFORE, z=b"late"))
    assert values_in(storage) == {"z": live(b"late", 5)}


def test_write_of_an_unknown_version_is_refused_by_name() -> None:
    storage = Storage(BEFORE)
    with pytest.raises(UnknownTableError) as error:
        storage.apply(a_write(with_columns("a", "m", "z"), m=b"new"))
    assert error.value.version == UUID(int=77)


def test_values_of_a_dropped_column_are_gone_even_if_it_comes_back() -> None:
    storage = Storage(BEFORE)
    storage.apply(a_write(BEFORE, a=b"1", z=b"2"))
    storage.use(with_columns("z"))
    storage.use(with_columns("a", "z"))
    assert values_in(storage) == {"z": live(b"2", 5)}


def test_dropped_table_is_empty_when_one_of_its_name_is_made_again() -> None:
    storage = Storage(BEFORE)
    storage.apply(a_write(BEFORE, a=b"1"))
    (table,) = BEFORE.schema.tables
    other = replace(table, id=UUID(int=5), version=UUID(int=6))
    storage.use(Catalog(replace(BEFORE.schema, tables=(other,), old_tables=(table,))))
    assert values_in(storage) == {}


def test_truncated_table_is_empty() -> None:
    storage = Storage(BEFORE)
    storage.apply(a_write(BEFORE, a=b"1"))
    table_id = layout_in(BEFORE).table.id
    assert table_id is not None
    storage.truncate(table_id)
    assert values_in(storage) == {}


def test_streaming_takes_everything_in_a_range_and_forgetting_drops_it() -> None:
    storage = Storage(BEFORE)
    written = a_write(BEFORE, a=b"1")
    storage.apply(written)
    layout = layout_in(BEFORE)
    assert list(storage.mutations(layout, WHOLE_RING, NOW_S)) == [written]
    assert layout.table.id is not None
    storage.forget(layout.table.id, WHOLE_RING)
    assert list(storage.mutations(layout, WHOLE_RING, NOW_S)) == []


def test_what_is_written_is_in_the_journal_once_unless_it_need_not_be() -> None:
    journal = MemoryJournal()
    storage = Storage(BEFORE, journal=journal)
    storage.apply(a_write(BEFORE, z=b"kept"))
    storage.apply_unkept(a_write(BEFORE, a=b"not kept"))
    assert [kind for kind, _ in journal.kept] == [RecordKind.MUTATION]
    again = Storage(BEFORE)
    for kind, data in journal.records():
        again.restore(kind, data)
    assert values_in(again) == {"z": live(b"kept", 5)}


def test_a_refused_write_is_not_in_the_journal() -> None:
    journal = MemoryJournal()
    storage = Storage(BEFORE, journal=journal)
    with pytest.raises(UnknownTableError):
        storage.apply(a_write(with_columns("a", "m", "z"), m=b"new"))
    assert not journal.kept


def test_records_are_done_again_in_their_order() -> None:
    journal = MemoryJournal()
    storage = Storage(BEFORE, journal=journal)
    table_id = layout_in(BEFORE).table.id
    assert table_id is not None
    storage.apply(a_write(BEFORE, a=b"gone"))
    storage.truncate(table_id)
    storage.apply(a_write(BEFORE, z=b"forgotten"))
    storage.forget(table_id, WHOLE_RING)
    storage.apply(a_write(BEFORE, z=b"there"))
    again = Storage(BEFORE)
    for kind, data in journal.records():
        again.restore(kind, data)
    assert values_in(again) == values_in(storage) == {"z": live(b"there", 5)}


def test_records_of_tables_that_are_gone_are_left_out() -> None:
    journal = MemoryJournal()
    Storage(BEFORE, journal=journal).apply(a_write(BEFORE, a=b"x"))
    again = Storage(Catalog())
    for kind, data in journal.records():
        again.restore(kind, data)
    assert values_in(again) == {}


def test_when_a_table_was_emptied_outlives_a_restart() -> None:
    journal = MemoryJournal()
    table_id = UUID(int=9)
    Storage(BEFORE, journal=journal).truncate(table_id, 1_700_000_000_000_000)
    again = Storage(BEFORE)
    for kind, data in journal.records():
        again.restore(kind, data)
    assert again.truncated_at_us(table_id) == 1_700_000_000_000_000
    assert again.truncated_at_us(UUID(int=8)) == 0
