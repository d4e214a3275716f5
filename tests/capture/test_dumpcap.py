import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.backends.network.network import Network
from harness.backends.network.process import Process
from harness.capture import dumpcap
from harness.capture.cut import cut
from harness.capture.dumpcap import RunningCapture
from harness.capture.sentinel import decode_sentinel
from harness.codec.pcapng import CaptureDecoder, CaptureEvent, Interface, InterfaceStatistics, Packet
from harness.codec.tcp import ByteRun, ByteStream, decode_segment, endpoints_of
from harness.dissect.native import NativeDissector
from harness.errors import BackendError, CaptureError
from tests.backends.network.networks import connection, receive, transfer

pytestmark = pytest.mark.namespaces

# CQL v4: OPTIONS and its answer, SUPPORTED with one option.
OPTIONS = bytes.fromhex("04 00 0001 05 00000000")
SUPPORTED = bytes.fromhex("84 00 0001 06 00000018 0001 000b 43514c5f56455253494f4e 0001 0005 332e332e31 ")
MARKS_SENDER = bytes.fromhex("020000000000")


class OtherTap:
    """The bridge's tap, with programs started in another way."""

    def __init__(self, network: Network, prefix: Sequence[str] = (), interface: str = "") -> None:
        self._tap = network.tap
        self._prefix = prefix
        self.interface = interface or network.tap.interface

    def start(self, command: Sequence[str], *, stdout: Path, stderr: Path) -> Process:
        return self._tap.start([*self._prefix, *command], stdout=stdout, stderr=stderr)

    def send(self, frame: bytes) -> None:
        self._tap.send(frame)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "captures" / "run.pcapng"


@pytest.fixture
def capture(network: Network, path: Path) -> Iterator[RunningCapture]:
    with RunningCapture.start(network.tap, path, timeout_s=30) as capture:
        yield capture


def events_of(path: Path) -> list[CaptureEvent]:
    decoder = CaptureDecoder()
    return decoder.feed(path.read_bytes()) + decoder.close()


def bytes_of(path: Path) -> dict[tuple[str, str], bytes]:
    """What each node sent to each other one."""
    streams: dict[bytes, ByteStream] = {}
    sent: dict[tuple[str, str], bytes] = {}
    for packet in events_of(path):
        segment = decode_segment(packet.link_type, packet.data) if isinstance(packet, Packet) else None
        if segment is not None:
            stream = streams.setdefault(segment.flow_key, ByteStream())
            runs = stream.feed(segment.sequence, segment.flags, segment.payload, 0, segment.missing_bytes)
            source, target = endpoints_of(segment.flow_key)
            key = (source.address, target.address)
            sent[key] = sent.get(key, b"") + b"".join(run.data for run in runs if isinstance(run, ByteRun))
    return sent


def test_the_capture_holds_exactly_what_two_nodes_said(network: Network, capture: RunningCapture) -> None:
    question, answer = bytes(range(256)) * 300, b"and back"
    with connection(network, "n1", "n2") as (near, far):
        assert transfer(near, far, question) == question
        assert transfer(far, near, answer) == answer
    done = capture.stop()
    one, two = network.node("n1").address, network.node("n2").address
    assert bytes_of(done.path) == {(one, two): question, (two, one): answer}
    assert done.is_complete
    assert done.dropped_packets == 0


def test_our_dissector_reads_it(network: Network, capture: RunningCapture) -> None:
    with connection(network, "n1", "n2", 9042) as (near, far):
        near.sendall(OPTIONS)
        assert receive(far, len(OPTIONS)) == OPTIONS
        far.sendall(SUPPORTED)
        assert receive(near, len(SUPPORTED)) == SUPPORTED
    done = capture.stop()
    dissector = NativeDissector()
    messages = dissector.feed(done.path.read_bytes()) + dissector.close()
    assert [message.verb_name for message in messages] == ["OPTIONS", "SUPPORTED"]
    assert not dissector.missing.lost


def test_a_capture_lies_between_its_marks(network: Network, capture: RunningCapture) -> None:
    with connection(network, "n1", "n2"):
        pass
    done = capture.stop()
    packets = [event for event in events_of(done.path) if isinstance(event, Packet)]
    marks = [(sentinel.label, packet) for packet in packets if (sentinel := decode_sentinel(packet))]
    # Under load they are sent again; it is the first of each that counts.
    begin, end = (next(packet for label, packet in marks if label == name) for name in ("begin", "end"))
    assert marks[0] == ("begin", begin)
    assert marks[-1][0] == "end"
    said = [packet for packet in packets if decode_sentinel(packet) is None]
    assert any(begin.number < packet.number < end.number for packet in said)
    assert done.packet_count == len(packets)
    assert begin.time_ns == done.started_at_ns
    assert end.time_ns == done.ended_at_ns
    assert capture.stop() is done


def test_other_things_can_be_done_until_it_records(network: Network, path: Path) -> None:
    with RunningCapture.launch(network.tap, path, timeout_s=30) as capture:
        capture.begin()
        capture.wait_until_it_records()
        with connection(network, "n1", "n2") as (near, far):
            transfer(near, far, b"from now on")
        done = capture.stop()
    assert b"from now on" in bytes_of(done.path).values()


def test_a_capture_can_end_behind_a_mark_that_was_seen(network: Network, capture: RunningCapture) -> None:
    with connection(network, "n1", "n2") as (near, far):
        transfer(near, far, b"before")
    mark = capture.mark("last")
    done = capture.stop(behind=mark)
    packets = [event for event in events_of(done.path) if isinstance(event, Packet)]
    labels = [sentinel.label for packet in packets if (sentinel := decode_sentinel(packet))]
    assert [*dict.fromkeys(labels)] == ["begin", "last"]
    assert done.ended_at_ns == mark.time_ns
    assert b"before" in bytes_of(done.path).values()
    assert done.is_complete


def test_other_ports_are_not_recorded(network: Network, capture: RunningCapture) -> None:
    with connection(network, "n1", "n2", 10000) as (near, far):
        transfer(near, far, b"private")
    assert not any(bytes_of(capture.stop().path).values())


def test_nodes_do_not_answer_marks(own_network: Network, path: Path) -> None:
    with RunningCapture.start(own_network.tap, path) as capture:
        capture.mark()
        done = capture.stop()
    packets = [event for event in events_of(done.path) if isinstance(event, Packet)]
    marks = [packet for packet in packets if decode_sentinel(packet) is not None]
    assert {packet.data[6:12] for packet in marks} == {MARKS_SENDER}
    # Not none at all: a client of an earlier network with this subnet may go on saying goodbye.
    assert not any(packet.data.startswith(MARKS_SENDER) for packet in packets)


def test_a_mark_stands_behind_what_came_before_it(network: Network, capture: RunningCapture) -> None:
    with connection(network, "n1", "n2") as (near, far):
        transfer(near, far, b"first")
        first_mark = capture.mark("first")
        transfer(near, far, b"second")
        second = capture.mark("second")
    assert first_mark.label == "first"
    assert first_mark.packet_number < second.packet_number <= capture.packet_count
    payloads = {
        event.data[-6:]: event.number for event in events_of(capture.path) if isinstance(event, Packet)
    }
    numbers = [number for data, number in payloads.items() if data.endswith(b"first")]
    assert numbers
    assert numbers[0] < first_mark.packet_number < payloads[b"second"] < second.packet_number


def test_a_recording_is_cut_out_while_the_run_goes_on(
    network: Network, capture: RunningCapture, tmp_path: Path
) -> None:
    with connection(network, "n1", "n2") as (near, far):
        transfer(near, far, b"before")
        begin = capture.mark("begin of it")
        transfer(near, far, b"within")
        end = capture.mark("end of it")
        transfer(near, far, b"after")
        target = tmp_path / "part.pcapng"
        cut(capture.path, target, from_ns=begin.time_ns, to_ns=end.time_ns)
    one, two = network.node("n1").address, network.node("n2").address
    assert bytes_of(target)[one, two] == b"within"
    (interface,) = [event for event in events_of(target) if isinstance(event, Interface)]
    assert interface.name == network.name


def test_losses_are_counted(network: Network, path: Path) -> None:
    with RunningCapture.start(network.tap, path, buffer_mib=1) as capture:
        # Nobody empties the buffer of one megabyte, through which three are sent.
        capture._process.send_signal(signal.SIGSTOP)
        with connection(network, "n1", "n2") as (near, far):
            for _ in range(30):
                transfer(near, far, bytes(100_000))
        capture._process.send_signal(signal.SIGCONT)
        done = capture.stop()
    assert done.dropped_packets
    assert not done.is_complete
    (statistics,) = [event for event in events_of(done.path) if isinstance(event, InterfaceStatistics)]
    assert statistics.dropped == done.dropped_packets
    assert f"{done.dropped_packets} packets were lost" in done.loss


def test_nothing_but_the_capture_is_left(network: Network, capture: RunningCapture) -> None:
    path = capture.stop().path
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208


def test_dumpcap_that_is_missing_is_an_error(network: Network, path: Path) -> None:
    with pytest.raises(CaptureError, match=r"no-such-dumpcap is not installed; .*apt install"):
        RunningCapture.start(network.tap, path, program="no-such-dumpcap")


def test_dumpcap_that_may_not_be_started_is_an_error(network: Network, path: Path, tmp_path: Path) -> None:
    (tmp_path / "dumpcap").write_text("")
    with pytest.raises(CaptureError, match=r"may not be started by this user; .*usermod"):
        RunningCapture.start(network.tap, path, program=str(tmp_path / "dumpcap"))


def test_dumpcap_without_permission_is_an_error(network: Network, path: Path) -> None:
    if not network.client.is_host:
        pytest.skip("needs root, to give rights away")
    tap = OtherTap(network, ["setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all"])
    with pytest.raises(CaptureError, match=r"may not capture on harness.*setcap"):
        RunningCapture.start(tap, path)


def test_a_folder_that_cannot_be_written_is_an_error(network: Network) -> None:
    with pytest.raises(CaptureError, match=r"cannot write the capture /proc/nothing/x\.pcapng"):
        RunningCapture.start(network.tap, Path("/proc/nothing/x.pcapng"))


def test_an_interface_that_does_not_exist_is_an_error(network: Network, path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no interface nothing0"):
        RunningCapture.start(OtherTap(network, interface="nothing0"), path)


def test_an_interface_that_vanishes_is_an_error(own_network: Network, path: Path) -> None:
    with RunningCapture.start(own_network.tap, path) as capture:
        own_network._hub.remove(own_network.name)
        with pytest.raises(CaptureError, match="has vanished"):
            capture.mark()


def test_a_network_that_was_closed_is_an_error(own_network: Network, path: Path) -> None:
    with RunningCapture.start(own_network.tap, path) as capture:
        own_network.close()
        with pytest.raises(BackendError, match="has been closed"):
            capture.mark()


def test_dumpcap_that_was_killed_is_an_error(capture: RunningCapture) -> None:
    capture._process.send_signal(signal.SIGKILL)
    with pytest.raises(CaptureError, match="was ended by signal 9"):
        capture.stop()


def test_a_mark_that_does_not_appear_is_an_error(
    network: Network, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumpcap, "_LAST_WORDS_TIMEOUT_S", 0.1)
    capture = RunningCapture.start(network.tap, path, timeout_s=1)
    capture._process.send_signal(signal.SIGSTOP)
    with pytest.raises(CaptureError, match=r"did not appear in .* within 1 s"):
        capture.mark()
    capture.close()


FULL_DISK = """
import socket, subprocess, sys
from pathlib import Path
from harness.backends.network.network import Network
from harness.capture.dumpcap import RunningCapture
from harness.errors import CaptureError
from tests.backends.network.networks import connection, transfer
folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder / "full"], check=True)
with Network.create(2, state_folder=folder / "state") as network:
    try:
        with RunningCapture.start(network.tap, folder / "full" / "x.pcapng") as capture:
            with connection(network, "n1", "n2") as (near, far):
                transfer(near, far, bytes(200_000))
            capture.stop()
    except CaptureError as error:
        print(error)
"""


def test_a_full_disk_is_an_error(recordable: None, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare, to mount a small disk that nobody else sees")
    (tmp_path / "full").mkdir()
    ended = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "permission denied" in ended.stderr.lower():
        pytest.skip("nothing may be mounted here")
    assert ended.stdout.startswith("the disk is full; make room where"), ended.stderr


def test_frames_may_be_sent_while_others_listen(network: Network) -> None:
    with network._keeper.open_socket(network._keeper.hub, socket.AF_PACKET, socket.SOCK_RAW) as listener:
        listener.bind((network.tap.interface, 3))
        listener.settimeout(5)
        network.tap.send(bytes(12) + b"\x88\xb5" + bytes(46))
        assert len(listener.recv(100)) == 60
