from pathlib import Path

import pytest

from harness.capture.capture_tail import CaptureTail
from harness.codec.pcapng import Interface, Packet, PcapngEncoder
from harness.errors import CaptureError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "growing.pcapng"
    path.write_bytes(b"")
    return path


def test_packets_come_when_they_are_whole_and_once(path: Path) -> None:
    encoder = PcapngEncoder()
    head = encoder.section() + encoder.interface(Interface(number=0, link_type=1))
    packets = [encoder.packet(number, bytes([number])) for number in range(3)]
    tail = CaptureTail(path)
    with path.open("ab", buffering=0) as file:
        assert tail.events() == []
        file.write(head + packets[0] + packets[1][:20])
        assert [event.data for event in tail.events() if isinstance(event, Packet)] == [b"\x00"]
        file.write(packets[1][20:])
        assert [event.data for event in tail.events() if isinstance(event, Packet)] == [b"\x01"]
        assert tail.events() == []
        file.write(packets[2])
        assert [event.data for event in tail.events() if isinstance(event, Packet)] == [b"\x02"]
    assert tail.read_bytes == path.stat().st_size
    tail.close()
    assert tail.events() == []


def test_what_breaks_the_format_is_an_error(path: Path) -> None:
    path.write_bytes(b"no capture at all")
    tail = CaptureTail(path)
    with pytest.raises(CaptureError, match=r"growing\.pcapng is no capture that can be read"):
        tail.events()
    tail.close()


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"missing\.pcapng: No such file"):
        CaptureTail(tmp_path / "missing.pcapng")
