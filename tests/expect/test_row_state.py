"""What a replica holds of a row."""

from dataclasses import replace

import pytest

from harness.codec.verbs.mutation import Mutation
from harness.events.changes import RangeDeletion, RowBound
from harness.events.contents import changes_of
from harness.events.typed_value import Value
from harness.expect.row_state import UNKNOWN, Cell, ClusteringKey, PartitionState, RowImage, covers
from harness.schema import Column
from tests.expect.rows import BASE, SCHEMA, mutation, number, range_deletion, row

KEY: ClusteringKey = (number(0),)
SECOND_NS = 1_000_000_000


def _state(*writes: Mutation, is_known: bool = True, at_ns: int = 0) -> PartitionState:
    state = PartitionState(BASE, is_known=is_known)
    for write in writes:
        state.apply(changes_of(write, SCHEMA), write, at_ns)
    return state


def _texts(image: RowImage) -> dict[tuple[str, str], str]:
    return {cell_id: cell.text for cell_id, cell in image.cells.items()}


def test_newest_value_wins_whatever_comes_last() -> None:
    image = _state(
        mutation(row(cells={"a": "new"}, at_us=2)), mutation(row(cells={"a": "old", "b": "x"}, at_us=1))
    ).image(KEY)
    assert _texts(image) == {("a", ""): "'new'", ("b", ""): "'x'"}


def test_deletion_wins_of_equal_timestamps() -> None:
    for writes in (("x", None), (None, "x")):
        image = _state(*(mutation(row(cells={"a": value}, at_us=5)) for value in writes)).image(KEY)
        cell = image.cell("a")
        assert isinstance(cell, Cell)
        assert cell.is_dead


@pytest.mark.parametrize(
    "deletion",
    [
        mutation(row(at_us=5, deleted=True)),
        mutation(deleted_at_us=5),
        mutation(ranges=(range_deletion(-1, 1, at_us=5),)),
        mutation(ranges=(range_deletion(None, None, at_us=5),)),
    ],
    ids=["row", "partition", "range", "everything"],
)
def test_deletions_take_what_is_not_newer(deletion: Mutation) -> None:
    write = mutation(row(cells={"a": "x"}, at_us=5, marker=True))
    later = mutation(row(cells={"b": "y"}, at_us=6))
    image = _state(write, deletion, later).image(KEY)
    assert _texts(image) == {("b", ""): "'y'"}
    assert image.marker is None
    assert image.deleted_at_us == 5


def test_range_leaves_other_rows_alone() -> None:
    for inclusive, expected in ((True, 5), (False, None)):
        write = mutation(ranges=(range_deletion(0, 3, at_us=5, inclusive=inclusive),))
        values = (Value(0, "0"),)
        assert _state(write).image(KEY, values).deleted_at_us == expected
    assert _state(write).image((number(9),), (Value(9, "9"),)).deleted_at_us is None


@pytest.mark.parametrize(
    ("seen", "expected"), [("5", False), ("4", True), ("2", True), ("1", False), ("x", None)]
)
def test_ranges_of_a_descending_column_begin_with_its_highest_value(seen: str, expected: bool | None) -> None:
    table = replace(BASE, clustering_key=(Column(name="c", type="int", is_reversed=True),))
    deletion = RangeDeletion(
        RowBound((Value(4, "4"),), is_inclusive=True), RowBound((Value(2, "2"),), is_inclusive=True), 5
    )
    value = Value(int(seen), seen) if seen.isdecimal() else Value(seen, seen)
    found = covers(deletion, (value,), table)
    # Of values that cannot be compared, the answer is the same each time.
    assert found is (covers(deletion, (value,), table) if expected is None else expected)


def test_row_lives_by_its_marker_or_by_a_cell() -> None:
    assert _state(mutation(row(marker=True))).image(KEY).is_live_at(0) is True
    assert _state(mutation(row(cells={"a": "x"}))).image(KEY).is_live_at(0) is True
    assert _state(mutation(row(cells={"a": None}))).image(KEY).is_live_at(0) is False
    assert (
        _state(mutation(row(at_us=1, marker=True)), mutation(row(at_us=2, marker=False)))
        .image(KEY)
        .is_live_at(0)
        is False
    )


def test_value_with_a_ttl_lives_as_long() -> None:
    image = _state(mutation(row(cells={"a": ("x", 10)})), at_ns=5 * SECOND_NS).image(KEY)
    assert image.is_live_at(14 * SECOND_NS) is True
    assert image.is_live_at(16 * SECOND_NS) is False


def test_elements_of_a_collection_are_merged_one_by_one() -> None:
    image = _state(
        mutation(row(cells={"s": frozenset({"x"})}, at_us=1)),
        mutation(row(cells={"s": frozenset({"y"})}, at_us=2)),
    ).image(KEY)
    assert set(image.cells) == {("s", "'x'"), ("s", "'y'")}


def test_what_was_there_before_is_unknown_until_it_is_deleted() -> None:
    before = _state(is_known=False).image(KEY)
    assert before.cell("a") is UNKNOWN
    assert before.is_live_at(0) is UNKNOWN
    written = _state(mutation(row(cells={"a": "x"})), is_known=False).image(KEY)
    assert isinstance(written.cell("a"), Cell)
    assert written.cell("b") is UNKNOWN
    assert written.is_live_at(0) is True
    deleted = _state(mutation(deleted_at_us=7), is_known=False).image(KEY)
    assert deleted.cell("a") is None
    assert deleted.is_live_at(0) is False


def test_assumed_past_holds_until_something_is_written_over_it() -> None:
    assumed = {KEY: {("a", ""): Cell("'old'", "old", None)}}
    state = PartitionState(BASE, is_known=False, assumed=assumed)
    assert state.keys == (KEY,)
    first = state.image(KEY).cell("a")
    assert isinstance(first, Cell)
    assert first.value == "old"
    write = mutation(row(cells={"a": "new"}))
    state.apply(changes_of(write, SCHEMA), write, 0)
    second = state.image(KEY).cell("a")
    assert isinstance(second, Cell)
    assert second.value == "new"
