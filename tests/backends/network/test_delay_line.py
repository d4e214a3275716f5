import random

import pytest

from harness.backends.network.delay_line import HeldFrames
from harness.backends.network.link_shape import LinkShape


def held(shape: LinkShape, *, seed: int = 1) -> HeldFrames:
    return HeldFrames(
        delay_ms=shape.delay_ms,
        loss_percent=shape.loss_percent,
        bandwidth_kbit_per_s=shape.bandwidth_kbit_per_s or 0,
        chance=random.Random(seed),
    )


def test_frames_arrive_after_the_delay_and_in_order() -> None:
    frames = held(LinkShape(delay_ms=50))
    frames.add(b"a", now_s=10.0)
    frames.add(b"b", now_s=10.01)
    assert frames.wait_s(now_s=10.0) == pytest.approx(0.05)
    assert frames.arrived(now_s=10.049) == []
    assert frames.arrived(now_s=10.0501) == [b"a"]
    assert frames.arrived(now_s=11) == [b"b"]
    assert frames.wait_s(now_s=11) is None


def test_a_frame_that_is_late_is_not_waited_for() -> None:
    frames = held(LinkShape(delay_ms=50))
    frames.add(b"a", now_s=10.0)
    assert frames.wait_s(now_s=12.0) == 0.0


def test_frames_leave_one_after_the_other_at_the_bandwidth() -> None:
    frames = held(LinkShape(bandwidth_kbit_per_s=8))
    for _ in range(3):
        frames.add(bytes(1000), now_s=0.0)
    assert [len(frames.arrived(now_s=now_s)) for now_s in (0.99, 1.01, 2.01, 2.99, 3.01)] == [0, 1, 1, 0, 1]


def test_the_same_seed_loses_the_same_frames() -> None:
    def survivors(seed: int) -> list[bytes]:
        frames = held(LinkShape(loss_percent=50), seed=seed)
        for number in range(200):
            frames.add(bytes([number]), now_s=0.0)
        return frames.arrived(now_s=0.0)

    assert survivors(1) == survivors(1)
    assert survivors(1) != survivors(2)
    assert 60 < len(survivors(1)) < 140


def test_all_is_lost_at_a_hundred_percent_and_nothing_at_zero() -> None:
    for loss_percent, count in ((100, 0), (0, 50)):
        frames = held(LinkShape(loss_percent=loss_percent))
        for _ in range(50):
            frames.add(b"x", now_s=0.0)
        assert len(frames.arrived(now_s=0.0)) == count
