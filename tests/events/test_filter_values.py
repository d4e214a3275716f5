from uuid import UUID

import pytest

from harness.codec.verbs.read_command import DigestAlgorithm
from harness.events.filter_grammar import Literal
from harness.events.filter_values import (
    ADDRESSES,
    ANY_VALUES,
    BYTES,
    IDS,
    NUMBERS,
    SECONDS,
    TABLE_IDS,
    Names,
    ValueKind,
    Words,
    compare,
    did_you_mean,
    needle_of,
    pattern_of,
    wire_bytes_of_uuid,
)
from tests.events.messages import SURROUNDINGS, TABLE_ID

TABLE_BYTES = bytes.fromhex("e011ab8967452301efcdab8967452381")


def order(kind: ValueKind, written: str, value: object, *, is_quoted: bool = False) -> int | None:
    return kind.wanted(Literal(text=written, is_quoted=is_quoted), SURROUNDINGS).order(value)


@pytest.mark.parametrize(
    ("kind", "written", "value", "expected"),
    [
        (NUMBERS, "12", 12, 0),
        (NUMBERS, "0x0c", 12, 0),
        (NUMBERS, "014", 12, 0),
        (NUMBERS, "0b1100", 12, 0),
        (NUMBERS, "12", 11, -1),
        (NUMBERS, "-1", 0, 1),
        (SECONDS, "0.25", 0.25, 0),
        (SECONDS, "0.25", 0.2, -1),
        (BYTES, "68:65:68", b"heh", 0),
        (BYTES, "68-65-68", b"heh", 0),
        (BYTES, "68.65.68", b"heh", 0),
        (BYTES, "686568", b"heh", 0),
        (BYTES, "0x686568", b"heh", 0),
        (BYTES, "68", b"h", 0),
        (BYTES, "68:65:68", b"hei", 1),
        (TABLE_IDS, str(TABLE_ID), TABLE_BYTES, 0),
        (TABLE_IDS, "ks.t", TABLE_BYTES, 0),
        (TABLE_IDS, "ks.u", TABLE_BYTES, None),
        (TABLE_IDS, TABLE_BYTES.hex(":"), TABLE_BYTES, 0),
        (IDS, str(TABLE_ID), TABLE_BYTES, 0),
        (ADDRESSES, "10.0.0.1", "10.0.0.1", 0),
        (ADDRESSES, "10.0.0.0/24", "10.0.0.77", 0),
        (ADDRESSES, "10.0.1.0/24", "10.0.0.77", -1),
        (ADDRESSES, "10.0.0.1", "10.0.0.2", 1),
        (ADDRESSES, "fe80::/16", "10.0.0.1", None),
        (ANY_VALUES, "7", 7, 0),
        (ANY_VALUES, "true", True, 0),
        (ANY_VALUES, "0", True, 1),
        (ANY_VALUES, "perhaps", True, None),
        (ANY_VALUES, "XXHASH", DigestAlgorithm.XXHASH, 0),
        (ANY_VALUES, "xxhash", DigestAlgorithm.XXHASH, 0),
        (ANY_VALUES, "3", DigestAlgorithm.XXHASH, 0),
        (ANY_VALUES, str(TABLE_ID), TABLE_ID, 0),
        (ANY_VALUES, "x", TABLE_ID, None),
        (ANY_VALUES, "68:65", b"he", 0),
        (ANY_VALUES, "zz", b"he", None),
        (ANY_VALUES, "word", "word", 0),
    ],
)
def test_values_as_they_are_written_and_held_against(
    kind: ValueKind, written: str, value: object, expected: int | None
) -> None:
    assert order(kind, written, value) == expected


def test_quoted_text_is_its_bytes() -> None:
    assert order(BYTES, "heh", b"heh", is_quoted=True) == 0


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        (NUMBERS, "twelve"),
        (NUMBERS, "08"),
        (SECONDS, "soon"),
        (BYTES, "heh"),
        (BYTES, "6"),
        (TABLE_IDS, "t"),
        (ADDRESSES, "10.0.0"),
        (Names("the fruit", {"APPLE": (1,)}, "APPLE"), "PEAR"),
        (Words("the fruit", ["apple"]), "pear"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(kind: ValueKind, written: str) -> None:
    with pytest.raises(ValueError, match=r"no |does not exist"):
        order(kind, written, None)


def test_several_numbers_of_a_name_are_all_meant() -> None:
    kind = Names("the verb", {"STATS": (72, 77)}, "STATS")
    assert [order(kind, "STATS", value) for value in (72, 77, 78)] == [0, 0, 1]


def test_values_of_different_kinds_do_not_compare() -> None:
    assert compare("a", 1) is None
    assert compare(None, None) == 0


def test_needles_are_found_in_text_and_in_bytes() -> None:
    assert needle_of(ANY_VALUES, Literal(text="in"))("pints")
    assert not needle_of(ANY_VALUES, Literal(text="in"))(b"pints")
    assert needle_of(BYTES, Literal(text="65:68"))(b"heh")
    with pytest.raises(ValueError, match="no bytes"):
        needle_of(BYTES, Literal(text="zz"))


def test_patterns_mind_no_case() -> None:
    matches = pattern_of(Literal(text="^inSERT"))
    assert matches("insert into")
    assert matches(b"INSERT INTO")
    assert not matches(7)


def test_guesses_are_near() -> None:
    assert (
        did_you_mean("mutaton", ["MUTATION", "MUTATION_DONE", "READ_DATA"])
        == "; did you mean MUTATION or MUTATION_DONE?"
    )
    assert did_you_mean("verb", ["scylla.verb"]) == "; did you mean scylla.verb?"
    assert did_you_mean("xyzzy", ["MUTATION"]) == ""


def test_a_uuid_stands_on_the_wire_with_both_halves_reversed() -> None:
    assert wire_bytes_of_uuid(UUID("01234567-89ab-11e0-8123-456789abcdef")) == TABLE_BYTES
