from enum import IntEnum
from typing import Annotated

import pytest

from harness.codec.verbs.describe import FieldRow, class_text, describe_payload
from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import AppendEntriesRequest
from harness.codec.verbs.table import TABLE
from harness.codec.verbs.tablets import LoadStatsReply
from harness.codec.verbs.wire import (
    ABSENT,
    IN_BLOB,
    PLAIN,
    U8,
    U32,
    WRITABLE,
    Absent,
    Blob,
    Monostate,
    Number,
    Since,
    Text,
    Void,
    arguments,
    declared_fields,
    final,
    sized,
)
from tests.codec.verbs.payload_checks import payload_classes


class Colour(IntEnum):
    RED = 1
    BLUE = 4


@sized
class Leaf:
    """A leaf.

    And more that is not told.
    """

    colour: Annotated[int, Number("u8", Colour)]
    colours: tuple[Annotated[int, Number("u8", Colour)], ...]


@final
class Twig:
    """A twig."""

    leaf: Leaf


@arguments
class Tree:
    """A tree."""

    leaf: Leaf | None
    branches: Annotated[Blob | Monostate | Annotated[Leaf | Twig, WRITABLE], PLAIN]
    """What grows
    from it."""
    pairs: tuple[tuple[U32, Annotated[Twig, IN_BLOB]], ...]
    age: Annotated[U8 | Absent, Since(Line.V5_4)] = ABSENT
    name: Text | Absent = ABSENT
    """Appended by all lines."""


ROWS = describe_payload(Tree)


def row(path: str) -> FieldRow:
    (found,) = [row for row in ROWS if row.path == path]
    return found


def test_rows_are_in_wire_order_outer_before_inner() -> None:
    assert [(row.depth, row.name) for row in ROWS] == [
        (0, "leaf"),
        (1, "colour"),
        (1, "colours"),
        (0, "branches"),
        (1, "[1] Monostate"),
        (1, "[2.0] Leaf"),
        (1, "[2.1] Twig"),
        (2, "leaf"),
        (0, "pairs"),
        (0, "age"),
        (0, "name"),
    ]


def test_layouts() -> None:
    assert row("leaf").layout == "?S{Leaf}"
    assert row("leaf.colours").layout == "[u8 Colour]"
    assert row("branches").layout == "VP<bytes | F{Monostate} | VW<S{Leaf} | F{Twig}>>"
    assert row("pairs").layout == "[(u32, blob{F{Twig}})]"


def test_text_stands_below_the_field() -> None:
    assert row("branches").text == "What grows from it."
    assert row("name").text == "Appended by all lines."
    assert row("age").text == ""


def test_field_without_a_text_says_what_its_class_is() -> None:
    assert row("leaf").text == "A leaf."
    assert row("branches.Twig").text == "A twig."
    assert class_text(Tree) == "A tree."


def test_trailing_fields_name_their_line() -> None:
    assert (row("age").since, row("age").is_trailing) == (Line.V5_4, True)
    assert (row("name").since, row("name").is_trailing) == (None, True)
    assert (row("pairs").since, row("pairs").is_trailing) == (None, False)


def test_numbers_with_names() -> None:
    assert row("leaf.colour").values == row("leaf.colours").values == ((1, "RED"), (4, "BLUE"))
    assert row("pairs").values == ()


def test_real_declarations() -> None:
    rows = {row.path: row for row in describe_payload(AppendEntriesRequest)}
    assert rows["append.entries.data.Configuration.current.can_vote"].layout == "bool"
    stats = {row.path: row for row in describe_payload(LoadStatsReply)}
    assert stats["stats.tablet_sizes"].since is Line.V2026_3


@pytest.mark.parametrize("cls", payload_classes(TABLE.verbs), ids=lambda cls: cls.__name__)
def test_every_payload_can_be_described(cls: type) -> None:
    rows = describe_payload(cls)
    assert [row.name for row in rows if row.depth == 0] == [spec.name for spec in declared_fields(cls)]
    assert class_text(cls)


def test_nothing_to_describe() -> None:
    assert describe_payload(Void) == ()
    with pytest.raises(TypeError):
        describe_payload(int)
