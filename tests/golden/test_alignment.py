"""Which statements of two runs are the same."""

from harness.golden.alignment import Pair, aligned
from harness.golden.normal_form import Flow


def flow(text: str, level: str = "QUORUM", *, part: bool = True) -> Flow:
    return Flow(
        text=text,
        consistency_level=level,
        coordinator_has_part=part,
        is_contended=False,
        steps=(),
        result_waits=(),
        result=None,
        strays=(),
    )


def test_statements_are_paired_in_order_and_the_rest_left_alone() -> None:
    first = [flow("a"), flow("b"), flow("c")]
    second = [flow("x"), flow("b"), flow("c"), flow("a")]
    assert aligned(first, second) == (Pair(1, 1), Pair(2, 2))


def test_of_several_the_first_is_meant() -> None:
    assert aligned([flow("a"), flow("a")], [flow("x"), flow("a")]) == (Pair(0, 1),)


def test_another_level_is_another_statement() -> None:
    assert aligned([flow("a", "ALL")], [flow("a", "ONE")]) == ()


def test_where_the_coordinator_has_the_same_part_is_preferred() -> None:
    assert aligned([flow("a", part=False), flow("a")], [flow("a")]) == (Pair(1, 0),)
    assert aligned([flow("a", part=False)], [flow("a")]) == (Pair(0, 0),)


def test_no_likeness_makes_up_for_a_pair_that_is_missing() -> None:
    first = [flow("a"), flow("a"), flow("a", part=False), flow("a", part=False)]
    assert aligned(first, first[2:] + first[:2]) == (Pair(0, 0), Pair(1, 1), Pair(2, 2), Pair(3, 3))
