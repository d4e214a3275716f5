from harness.events.filter_field import multiple, single
from harness.events.filter_values import NUMBERS
from tests.events.messages import SURROUNDINGS, message


def test_a_single_value_is_none_or_one() -> None:
    one = single("a", NUMBERS, "number", lambda m: m.msg_id)
    assert list(one.values(message(msg_id=3), SURROUNDINGS)) == [3]
    assert list(one.values(message(msg_id=None), SURROUNDINGS)) == []
    assert one.value is not None


def test_several_values_are_given_as_they_are() -> None:
    many = multiple("a", NUMBERS, "numbers", lambda m: (m.frame_first, m.frame_last))
    assert list(many.values(message(frame=3), SURROUNDINGS)) == [3, 3]
    assert many.value is None
