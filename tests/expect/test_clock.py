from hypothesis import given
from hypothesis import strategies as st

from harness.expect.clock import Clock


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.integers(-2, 22))
def test_bounds_hold_though_times_go_back(times_ns: list[int], time_ns: int) -> None:
    clock = Clock(times_ns)
    for position, own_ns in enumerate(times_ns):
        assert clock.time_from(position) <= own_ns <= clock.time_until(position)
        if own_ns >= time_ns:
            assert position >= clock.first_position(time_ns)
        if own_ns <= time_ns:
            assert position <= clock.last_position(time_ns)
