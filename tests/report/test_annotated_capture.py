import shutil
import subprocess
from pathlib import Path

import pytest

from harness.codec.pcapng import (
    CaptureDecoder,
    CaptureEvent,
    Interface,
    NameResolution,
    Packet,
    PcapEncoder,
    PcapngEncoder,
    SectionStart,
)
from harness.dissect.reading import read_trace
from harness.errors import DecodeError
from harness.report.annotated_capture import annotated_capture, comments_of, names_of
from harness.report.flow import flow_of
from harness.report.verdict import ReportVerdict
from tests.report.traces import flow_of_messages, long_trace, statement
from tests.written.written_capture import INSERT, write_demo

NAMES = (NameResolution(address="10.0.0.1", names=("n1",)),)
COMMENTS = {2: ("first", "second")}


def events_of(data: bytes) -> list[CaptureEvent]:
    decoder = CaptureDecoder()
    return [*decoder.feed(data), *decoder.close()]


def pcapng() -> bytes:
    encoder = PcapngEncoder()
    interface = Interface(number=0, link_type=1, name="br0", ticks_per_second=1_000_000)
    return b"".join(
        [
            encoder.section(SectionStart(application="dumpcap")),
            encoder.interface(interface),
            encoder.packet(1_000_000, b"one"),
            encoder.packet(2_000_000, b"two", comments=("old",)),
            encoder.packet(3_000_000, b"three", original_bytes=300),
        ]
    )


def annotate(data: bytes, size: int = 1 << 20) -> bytes:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(annotated_capture(chunks, names=NAMES, comments=COMMENTS))


def test_packets_stay_as_they_are_but_for_comments() -> None:
    before = [event for event in events_of(pcapng()) if isinstance(event, Packet)]
    after = [event for event in events_of(annotate(pcapng())) if isinstance(event, Packet)]
    assert [packet._replace(comments=()) for packet in after] == [
        packet._replace(comments=()) for packet in before
    ]
    assert [packet.comments for packet in after] == [(), ("old", "first", "second"), ()]


def test_names_stand_in_front_of_packets() -> None:
    kinds = [type(event) for event in events_of(annotate(pcapng()))]
    assert kinds[:3] == [SectionStart, NameResolution, Interface]


def test_parts_of_any_size_give_the_same_file() -> None:
    assert annotate(pcapng(), 1) == annotate(pcapng())


def test_annotating_twice_changes_nothing() -> None:
    once = annotate(pcapng())
    assert annotate(once) == once


def test_a_classic_pcap_becomes_pcapng() -> None:
    encoder = PcapEncoder(link_type=1)
    data = encoder.header() + encoder.packet(1_000_000, b"one") + encoder.packet(2_000_000, b"two")
    packets = [event for event in events_of(annotate(data)) if isinstance(event, Packet)]
    assert [packet.data for packet in packets] == [b"one", b"two"]
    assert packets[1].comments == ("first", "second")


def test_what_is_no_capture_is_refused() -> None:
    with pytest.raises(DecodeError):
        annotate(b"no capture at all")


def test_statements_and_verdicts_are_noted_on_their_packets() -> None:
    verdict = ReportVerdict("quorum", "PASS", "two of:\n  three", "", (1, 4))
    flow = flow_of_messages(statement())
    assert comments_of(flow, [verdict]) == {
        1: ("statement 1, QUORUM: INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')",),
        2: ("PASS quorum: two of: three",),
        5: ("PASS quorum: two of: three",),
    }


def test_a_verdict_about_everything_does_not_cover_the_capture() -> None:
    flow = flow_of(long_trace(300))
    verdict = ReportVerdict("all", "PASS", "", "", tuple(range(300)))
    noted = [texts for texts in comments_of(flow, [verdict]).values() if "PASS all: " in texts]
    assert len(noted) == 50


def test_nodes_and_clients_have_names() -> None:
    names = {name.address: name.names for name in names_of(flow_of_messages(statement()))}
    assert names["10.0.0.3"] == ("n3",)
    assert names["10.0.1.9"] == ("client",)


@pytest.mark.tshark
def test_wireshark_shows_comments_and_names(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    source = write_demo(tmp_path)
    flow = flow_of(read_trace(source))
    written = tmp_path / "annotated.pcapng"
    written.write_bytes(
        b"".join(
            annotated_capture([source.read_bytes()], names=names_of(flow), comments=comments_of(flow, []))
        )
    )
    command = [tshark, "-r", str(written), "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert INSERT in shown
    command = [tshark, "-r", str(written), "-N", "nN", "-T", "fields", "-e", "_ws.col.Source"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert {"n1", "n2", "n3", "client"} <= set(shown.split())
