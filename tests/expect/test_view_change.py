"""What a write to a base row has to change in a view."""

import pytest

from harness.codec.verbs.mutation import Mutation
from harness.events.changes import CellChange, CellKind, MarkerKind, RowChange
from harness.events.contents import changes_of
from harness.expect.row_state import PartitionState
from harness.expect.view_change import (
    ChangeKind,
    ChangeSet,
    Need,
    ViewChange,
    changes_between,
    difference,
    kind_of,
)
from harness.expect.view_definition import ViewDefinition, ViewKey
from harness.schema import Table
from tests.expect.rows import BASE, BY_A, BY_C, SCHEMA, mutation, number, row

P, C = (number(1),), (number(0),)
PUT, DELETE = ChangeKind.PUT, ChangeKind.DELETE


def _changes(*writes: Mutation, view: Table = BY_A, is_known: bool = True) -> ChangeSet:
    """What the last of some writes changes."""
    state = PartitionState(BASE, is_known=is_known)
    before = state.image(C)
    for write in writes:
        before = state.image(C)
        state.apply(changes_of(write, SCHEMA), write, 0)
    return changes_between(ViewDefinition(SCHEMA, BASE, view), P, C, before, state.image(C), 0)


def _summary(changes: ChangeSet) -> list[tuple[ChangeKind, bytes, Need]]:
    return [(change.kind, change.key.partition[0], change.need) for change in changes.changes]


INSERT = mutation(row(cells={"a": "x", "b": "1"}, at_us=1, marker=True))
REQUIRED, ALLOWED = Need.REQUIRED, Need.ALLOWED


def test_insert_writes_a_row() -> None:
    assert _summary(_changes(INSERT)) == [(PUT, b"x", REQUIRED)]


def test_insert_without_a_value_for_the_key_writes_nothing() -> None:
    assert not _changes(mutation(row(cells={"b": "1"}, marker=True))).changes


def test_changed_key_is_a_deletion_and_an_insertion() -> None:
    found = _changes(INSERT, mutation(row(cells={"a": "y"}, at_us=2)))
    assert _summary(found) == [(DELETE, b"x", REQUIRED), (PUT, b"y", REQUIRED)]
    assert found.changes[1].is_new


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (row(cells={"b": "2"}, at_us=2), [(PUT, b"x", REQUIRED)]),
        (row(cells={"b": None}, at_us=2), [(PUT, b"x", REQUIRED)]),
        (row(cells={"a": "x"}, at_us=2), [(PUT, b"x", REQUIRED)]),
        (row(cells={"a": None}, at_us=2), [(DELETE, b"x", REQUIRED)]),
        (row(at_us=2, deleted=True), [(DELETE, b"x", REQUIRED)]),
        (row(cells={"b": "0"}, at_us=0), []),
        (row(at_us=2, marker=True), [(PUT, b"x", ALLOWED)]),
        (row(cells={"s": frozenset({"e"})}, at_us=2), [(PUT, b"x", ALLOWED)]),
    ],
    ids=["value", "null", "same key", "key null", "deleted", "old", "marker", "not shown"],
)
def test_updates_change_what_the_view_shows(
    write: object, expected: list[tuple[ChangeKind, bytes, Need]]
) -> None:
    assert _summary(_changes(INSERT, mutation(write))) == expected  # type: ignore[arg-type]  # a row


def test_column_that_the_view_does_not_show_changes_nothing() -> None:
    """Unless the row lives by that column alone."""
    inserted = mutation(row(cells={"a": "x"}, at_us=1, marker=True))
    later = mutation(row(cells={"b": "2"}, at_us=2))
    assert not _changes(inserted, later, view=BY_C).changes
    updated = mutation(row(cells={"a": "x"}, at_us=1))
    assert _summary(_changes(updated, later, view=BY_C)) == [(PUT, number(0), ALLOWED)]


def test_deletion_of_the_partition_deletes_its_rows() -> None:
    assert _summary(_changes(INSERT, mutation(deleted_at_us=2))) == [(DELETE, b"x", REQUIRED)]
    assert not _changes(mutation(deleted_at_us=2)).changes


def test_row_that_was_not_seen_may_have_been_there() -> None:
    written = _changes(INSERT, is_known=False)
    assert _summary(written) == [(PUT, b"x", REQUIRED)]
    assert written.unknown
    assert not written.is_undetermined
    for write in (mutation(row(cells={"b": "2"}, at_us=2)), mutation(deleted_at_us=2)):
        assert _changes(write, is_known=False).is_undetermined


# Contents.


def _update(
    *cells: CellChange,
    marker_us: int | None = 1,
    deleted_at_us: int | None = None,
    is_shadowable: bool = False,
) -> RowChange:
    marker = MarkerKind.NONE if marker_us is None else MarkerKind.LIVE
    return RowChange((), marker, marker_us, None, deleted_at_us, is_shadowable, cells)


def _cell(name: str, text: str, at_us: int, kind: CellKind = CellKind.LIVE) -> CellChange:
    return CellChange(name, kind, text, text, at_us)


def _difference(change: ViewChange, update: RowChange, view: Table = BY_A) -> str:
    return difference(ViewDefinition(SCHEMA, BASE, view), change, update, 0)


@pytest.mark.parametrize(
    ("update", "text"),
    [
        (_update(_cell("b", "'1'", 1)), ""),
        (_update(), "it lacks b = '1' of 1 µs"),
        (_update(_cell("b", "'2'", 1)), "it writes b = '2' of 1 µs, not '1' of 1 µs"),
        (_update(_cell("b", "'1'", 2)), "it writes b = '1' of 2 µs, not '1' of 1 µs"),
        (_update(_cell("b", "'1'", 1), _cell("z", "'1'", 1)), "it writes z = '1', which the base row"),
        (_update(_cell("b", "'1'", 1), marker_us=None), "it has no row marker"),
        (_update(_cell("b", "'1'", 1), marker_us=7), "its row marker is of 7 µs, not 1 µs"),
        (_update(marker_us=None, deleted_at_us=1), "it deletes the row instead of writing it"),
    ],
)
def test_put_holds_the_values_of_the_base_row(update: RowChange, text: str) -> None:
    (change,) = _changes(INSERT).changes
    found = _difference(change, update)
    assert found.startswith(text) if text else found == ""


def test_put_of_a_changed_row_needs_only_what_changed() -> None:
    (change,) = _changes(INSERT, mutation(row(cells={"s": frozenset({"e"}), "b": "2"}, at_us=2))).changes
    assert _difference(change, _update(_cell("b", "'2'", 2))) == ""
    assert _difference(change, _update()) == "it lacks b = '2' of 2 µs"


@pytest.mark.parametrize(
    ("write", "update", "text"),
    [
        ({"a": "y"}, _update(marker_us=None, deleted_at_us=1, is_shadowable=True), ""),
        ({"a": "y"}, _update(marker_us=None, deleted_at_us=1), "its deletion is not shadowable"),
        (
            {"a": "y"},
            _update(marker_us=None, deleted_at_us=2, is_shadowable=True),
            "it deletes what is not newer",
        ),
        ({"a": "y"}, _update(_cell("b", "'1'", 1)), "it writes the row instead of deleting it"),
        (None, _update(marker_us=None, deleted_at_us=2), ""),
        (None, _update(marker_us=None, deleted_at_us=1), "it deletes what is not newer than 1 µs, not 2 µs"),
        (None, _update(_cell("b", "null", 2, CellKind.DEAD), marker_us=None), "it does not delete the row"),
    ],
)
def test_deletion_is_as_old_as_what_it_deletes(
    write: dict[str, str] | None, update: RowChange, text: str
) -> None:
    last = mutation(row(at_us=2, deleted=True)) if write is None else mutation(row(cells=write, at_us=2))
    change = _changes(INSERT, last).changes[0]
    found = _difference(change, update)
    assert found.startswith(text) if text else found == ""


def test_view_without_a_value_in_its_key_may_delete_in_other_ways() -> None:
    (change,) = _changes(INSERT, mutation(row(at_us=2, deleted=True)), view=BY_C).changes
    assert change.key == ViewKey(C, P)
    assert _difference(change, _update(_cell("a", "null", 2, CellKind.DEAD), marker_us=None), BY_C) == ""


def test_kinds_of_updates() -> None:
    assert kind_of(_update()) is PUT
    assert kind_of(_update(_cell("b", "'1'", 1), marker_us=None)) is PUT
    assert kind_of(_update(marker_us=None, deleted_at_us=1)) is DELETE
    assert kind_of(_update(_cell("b", "null", 1, CellKind.DEAD), marker_us=None)) is DELETE
    assert kind_of(_update(marker_us=None)) is None
