"""What a view makes of a base row."""

import re
from dataclasses import replace

import pytest

from harness.errors import ExpectationError
from harness.expect.row_state import UNKNOWN, Cell, Marker, RowImage
from harness.expect.view_definition import ViewDefinition, ViewKey
from harness.partitioner import token_of
from harness.schema import Column, Schema, Table
from tests.expect.rows import BASE, BY_A, BY_C, INDEX, SCHEMA, number

P, C = (number(1),), (number(2),)


def _of(view: Table, base: Table = BASE) -> ViewDefinition:
    return ViewDefinition(SCHEMA, base, view)


def _image(**values: str | None) -> RowImage:
    cells = {
        (name, ""): Cell("null" if value is None else f"'{value}'", value, 5, is_dead=value is None)
        for name, value in values.items()
    }
    return RowImage(cells=cells)


def test_view_is_found_by_its_name_and_by_its_indexs() -> None:
    assert ViewDefinition.of(SCHEMA, "ks.base", "by_a").view == BY_A
    assert ViewDefinition.of(SCHEMA, "ks.base", "ks.by_a").view == BY_A
    assert ViewDefinition.of(SCHEMA, "ks.base", "i").view == INDEX
    with pytest.raises(ExpectationError, match=re.escape("it has ks.by_a, ks.by_c, ks.i_index")):
        ViewDefinition.of(SCHEMA, "ks.base", "by_b")
    with pytest.raises(ExpectationError, match=re.escape("knows no table ks.nothing; it knows ks.base")):
        ViewDefinition.of(SCHEMA, "ks.nothing", "by_b")
    with pytest.raises(ExpectationError, match="it knows none: give a context"):
        ViewDefinition.of(Schema(), "ks.nothing", "by_b")


def test_row_stands_where_its_values_put_it() -> None:
    image = _image(a="x", b="y")
    assert _of(BY_A).view_key_of(P, C, image, 0) == ViewKey((b"x",), (*P, *C))
    assert _of(BY_C).view_key_of(P, C, image, 0) == ViewKey(C, P)


def test_index_holds_the_token_of_the_base_row() -> None:
    key = _of(INDEX).view_key_of(P, C, _image(b="y"), 0)
    assert key == ViewKey((b"y",), (token_of(P).to_bytes(8, "big", signed=True), *P, *C))
    assert isinstance(key, ViewKey)
    assert key.token == token_of((b"y",))


@pytest.mark.parametrize("token_type", ["bigint", "blob"])
def test_token_is_the_same_under_either_type(token_type: str) -> None:
    column = replace(INDEX.clustering_key[0], type=token_type)
    index = replace(INDEX, clustering_key=(column, *INDEX.clustering_key[1:]))
    assert _of(index).token_column == "idx_token"
    assert not _of(index).obstacle


@pytest.mark.parametrize("value", [None, "missing"])
def test_row_without_a_value_for_the_key_is_not_shown(value: str | None) -> None:
    image = _image(b="y") if value == "missing" else _image(a=None, b="y")
    assert _of(BY_A).view_key_of(P, C, image, 0) is None


def test_row_that_does_not_live_is_not_shown() -> None:
    assert _of(BY_C).view_key_of(P, C, RowImage(), 0) is None
    assert _of(BY_C).view_key_of(P, C, RowImage(marker=Marker(1)), 0) == ViewKey(C, P)


def test_static_rows_are_in_no_view() -> None:
    assert _of(BY_A).view_key_of(P, (), _image(a="x"), 0) is None


def test_what_was_before_the_capture_is_unknown() -> None:
    partial = RowImage(is_partial=True)
    assert _of(BY_A).view_key_of(P, C, partial, 0) is UNKNOWN
    assert _of(BY_C).view_key_of(P, C, partial, 0) is UNKNOWN


def test_base_row_is_read_from_the_view_row() -> None:
    for view in (BY_A, BY_C, INDEX):
        definition = _of(view)
        key = definition.view_key_of(P, C, _image(a="x", b="y"), 0)
        assert isinstance(key, ViewKey)
        assert definition.base_key_of(key) == (P, C)
    assert _of(BY_A).base_key_of(ViewKey((b"x",), ())) is None


def test_assumed_row_stands_where_it_is_assumed() -> None:
    for view in (BY_A, BY_C):
        definition = _of(view)
        wanted = definition.view_key_of(P, C, _image(a="x", b="y"), 0)
        assert isinstance(wanted, ViewKey)
        image = RowImage(cells=definition.assumed_cells(wanted), is_partial=True)
        assert definition.view_key_of(P, C, image, 0) == wanted
        assert definition.key_timestamp_us(image) is None


def test_timestamp_of_the_key_is_that_of_its_value() -> None:
    assert _of(BY_A).key_timestamp_us(_image(a="x")) == 5
    assert _of(BY_A).key_timestamp_us(_image(b="x")) is None
    assert _of(BY_C).key_timestamp_us(_image(a="x")) is None


def test_virtual_columns_show_nothing() -> None:
    assert _of(BY_C).shown_columns == {"a"}
    assert _of(BY_C).valued_key_columns == ()
    assert _of(BY_A).valued_key_columns == ("a",)


@pytest.mark.parametrize(
    ("base", "view", "text"),
    [
        (replace(BASE, has_all_columns=False), BY_A, "the columns of ks.base are not known"),
        (BASE, replace(BY_A, partition_key=()), "the columns of ks.by_a are not known"),
        (BASE, replace(BY_A, is_restricted=True), "WHERE of ks.by_a"),
        (
            replace(BASE, static_columns=(Column(name="st", type="text"),)),
            replace(BY_A, partition_key=(Column(name="st", type="text"),)),
            "static column st",
        ),
        (BASE, replace(BY_A, partition_key=(Column(name="x", type="text"),)), "computes its column x"),
    ],
)
def test_view_that_cannot_be_followed_says_why(base: Table, view: Table, text: str) -> None:
    assert text in _of(view, base).obstacle
    assert not _of(BY_A).obstacle
