from pathlib import Path

import pytest

from harness.capture.capture_file import CaptureFile


@pytest.mark.parametrize(
    ("dropped_packets", "is_complete", "loss"),
    [
        (0, True, ""),
        (3, False, "3 packets were lost while capturing"),
        (None, False, "nobody knows how many packets were lost: dumpcap ended without its counters"),
    ],
)
def test_only_a_count_of_none_lost_makes_a_capture_complete(
    dropped_packets: int | None, is_complete: bool, loss: str
) -> None:
    capture = CaptureFile(
        path=Path("x.pcapng"), packet_count=9, dropped_packets=dropped_packets, started_at_ns=1, ended_at_ns=2
    )
    assert capture.is_complete is is_complete
    assert capture.loss == loss
