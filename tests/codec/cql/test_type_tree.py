import pytest

from harness.codec.cql.types import (
    UserType,
    type_from_cql,
)
from tests.codec.cql.any_type import ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "int",
        "frozen<map<text, list<int>>>",
        "set<frozen<tuple<int, text>>>",
        "vector<float, 3>",
        "frozen<addr>",
        "'com.example.Point'",
    ],
)
def test_a_type_is_shown_as_it_was_written(text: str) -> None:
    assert str(type_from_cql(text, {"addr": ADDRESS})) == text


def test_a_name_with_capitals_is_shown_in_quotes() -> None:
    assert str(UserType("ks", 'My"Type', ())) == '"My""Type"'
