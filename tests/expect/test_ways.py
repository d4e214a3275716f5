from harness.expect.ways import MATCHES, WAYS_MAX, joined_ways, kept


def test_ways_are_joined_where_they_agree() -> None:
    some = ((("a", 1),), (("a", 2),))
    assert joined_ways(some, ((("a", 2), ("b", 3)),)) == ((("a", 2), ("b", 3)),)
    assert joined_ways(some, MATCHES) == some
    assert joined_ways(MATCHES, some) == some
    assert joined_ways(some, ()) == ()


def test_ways_that_say_nothing_of_each_other_are_all_combined_up_to_a_limit() -> None:
    some = tuple((("a", value),) for value in range(20))
    more = tuple((("b", value),) for value in range(20))
    assert len(joined_ways(some[:3], more[:3])) == 9
    assert len(joined_ways(some, more)) == WAYS_MAX


def test_values_that_cannot_be_looked_up_are_kept_as_text() -> None:
    assert kept((1, 2)) == (1, 2)
    assert kept([1, 2]) == "[1, 2]"
