from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from harness.expect.candidates import items_by_binding, single_candidates, smallest_intervals, whole_interval
from harness.expect.domain import Domain, Item
from harness.expect.ways import MATCHES


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), min_size=1, max_size=7), st.integers(1, 4))
def test_the_smallest_intervals_are_those_that_hold_so_many_and_no_smaller_one_does(
    pairs: list[tuple[int, int]], count: int
) -> None:
    items = sorted(Item((start, start + length), MATCHES) for start, length in pairs)
    every = {
        (min(item.start for item in some), max(item.end for item in some))
        for some in combinations(items, count)
    }
    smallest = {
        (start, end)
        for start, end in every
        if not any(
            (other_start, other_end) != (start, end) and other_start >= start and other_end <= end
            for other_start, other_end in every
        )
    }
    found = smallest_intervals(items, count)
    pairs_found = list(zip(found.starts, found.ends, strict=True))
    assert smallest <= set(pairs_found) <= every
    assert list(found.starts) == sorted(found.starts)
    assert list(found.ends) == sorted(found.ends)


def test_all_items_take_one_interval() -> None:
    found = whole_interval([Item((1, 9), MATCHES), Item((2, 3), MATCHES)])
    assert (found.starts, found.ends) == ((1,), (9,))


def test_items_stand_under_each_value_that_they_give() -> None:
    one, two = (("a", 1),), (("a", 2),)
    items = [Item((0,), (one, two)), Item((1,), (one,))]
    assert items_by_binding(items) == {one: items, two: items[:1]}


def test_messages_that_cannot_be_told_fit_every_value() -> None:
    domain = Domain([1, 5], [3], [((("a", 1),),), ((("a", 2),),)])
    candidates = single_candidates(domain, with_unknown=True)
    assert candidates.starts == [1, 3, 5]
    assert list(candidates.having("a", 1)) == [0, 1]
    assert list(candidates.having("a", 7)) == [1]
    assert single_candidates(domain, with_unknown=False).starts == [1, 5]
