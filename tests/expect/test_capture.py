import re
from enum import Enum
from ipaddress import IPv4Address
from uuid import UUID

import pytest

from harness.expect.capture import Capture, is_wanted, value_text
from harness.topology import Node


class Colour(Enum):
    RED = 1


NODE = Node(name="n1", address="10.0.0.1", host_id=UUID(int=1))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (17, 17),
        ("text", re.compile("ex")),
        (17, lambda value: value > 16),
        (Colour.RED, "RED"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (IPv4Address("10.0.0.1"), "10.0.0.1"),
        ("10.0.0.1", NODE),
        ("n1", NODE),
        (UUID(int=1), NODE),
        ((1, 2), [1, 2]),
    ],
)
def test_a_value_is_wanted_in_any_of_the_ways_to_write_it(value: object, wanted: object) -> None:
    assert is_wanted(value, wanted)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(17, 18), (b"text", re.compile("ex")), (17, "17"), (Colour.RED, "BLUE"), ("10.0.0.2", NODE)],
)
def test_other_values_are_not(value: object, wanted: object) -> None:
    assert not is_wanted(value, wanted)


def _is_even(number: int) -> bool:
    return number % 2 == 0


def test_values_are_worded_in_short() -> None:
    assert value_text(Capture("ballot")) == "‹ballot›"
    assert value_text("it") == "'it'"
    assert value_text(b"\xca\xfe") == "0xcafe"
    assert value_text((1, "a")) == "(1, 'a')"
    assert value_text(re.compile("INS.*")) == "/INS.*/"
    assert value_text(_is_even) == "is even"
    assert value_text(lambda _value: True) == "as a function says"
    assert value_text(Colour.RED) == "RED"
    assert value_text(NODE) == "n1"
    assert len(value_text("x" * 100)) == 60


def test_a_capture_of_one_node_has_a_name_of_its_own() -> None:
    assert Capture("digest", per_node=True).at("n2") == Capture("digest of n2")
    assert Capture("ballot").at("n2") == Capture("ballot")
