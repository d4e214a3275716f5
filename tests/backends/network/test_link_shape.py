import pytest

from harness.backends.network.link_shape import LinkShape


def test_a_link_is_plain_unless_something_is_said() -> None:
    assert LinkShape().is_plain
    assert not LinkShape(delay_ms=1).is_plain


def test_only_bandwidth_goes_without_netem() -> None:
    assert not LinkShape(bandwidth_kbit_per_s=1000).needs_netem
    assert LinkShape(loss_percent=1).needs_netem
    assert LinkShape(delay_ms=0.5, bandwidth_kbit_per_s=1000).needs_netem


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="delay of -1 ms"):
        LinkShape(delay_ms=-1)
    with pytest.raises(ValueError, match="101 percent"):
        LinkShape(loss_percent=101)
    with pytest.raises(ValueError, match="7 kbit/s"):
        LinkShape(bandwidth_kbit_per_s=7)
