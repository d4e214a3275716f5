import pytest

from harness.expect.capture import Capture
from harness.expect.field_tests import any_of, applied, capturing, error, field_test, rows_test, value_test
from harness.expect.pattern import FieldClaim
from harness.expect.ways import MATCHES, NO_MATCH
from tests.expect.traces import TraceBuilder, garbled


def _done() -> TraceBuilder:
    builder = TraceBuilder()
    builder.done(None, sender="n1", receiver="n2", shard=3)
    return builder


MESSAGE = _done().trace()[0]
BROKEN = garbled(_done().trace(), [0])[0]


@pytest.mark.parametrize(
    ("path", "wanted", "fits"),
    [
        ("shard", 3, True),
        ("shard", 4, False),
        ("shard", (3,), True),
        ("shard", (3, 3), False),
        ("shard", None, False),
        ("large_data_violations", None, True),
        ("backlog.limit_bytes", lambda value: value > 0, True),
    ],
)
def test_a_field_has_a_value_several_or_none(path: str, wanted: object, fits: bool) -> None:
    test = field_test(FieldClaim(path, wanted))
    assert test.matches(MESSAGE) == (MATCHES if fits else NO_MATCH)
    assert test.matches(BROKEN) is None


def test_what_is_seen_is_worded() -> None:
    assert field_test(FieldClaim("shard", 4)).seen(MESSAGE) == "3"
    assert field_test(FieldClaim("large_data_violations", 4)).seen(MESSAGE) == "nothing"


def test_a_capture_gets_each_value_once() -> None:
    matches = capturing(Capture("x"), lambda _message: (1, 2, 1))
    assert matches(MESSAGE) == ((("x", 1),), (("x", 2),))
    assert capturing(Capture("x"), lambda _message: None)(MESSAGE) is None


def test_one_of_several_values_is_enough() -> None:
    assert any_of(lambda _message: ("a", "b"), {"b"})(MESSAGE) == MATCHES
    assert any_of(lambda _message: ("a", "b"), {"c"})(MESSAGE) == NO_MATCH
    assert value_test("field", "b", lambda _message: ("a", "b")).matches(MESSAGE) == MATCHES


def test_results_have_rows_and_errors_a_name_and_other_messages_neither() -> None:
    builder = TraceBuilder()
    asked = builder.query("SELECT")
    builder.result(asked)
    builder.result(asked, rows=((1, "one"),))
    _, void, rows = builder.trace()
    assert rows_test(0).matches(void) == MATCHES
    assert rows_test(1).matches(rows) == MATCHES
    assert rows_test(({"a": "one"},)).matches(rows) == MATCHES
    assert rows_test(((1,),)).matches(rows) == NO_MATCH
    assert rows_test(((1,),)).seen(rows) == "((1, 'one'))"
    assert applied(void) == applied(rows) == ()
    assert error(void) == ()
    assert rows_test(1).matches(MESSAGE) is None
