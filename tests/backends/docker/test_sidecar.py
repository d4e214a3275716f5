import socket
from pathlib import Path

import pytest

from harness.backends.docker import labels
from harness.backends.docker.engine import Engine
from harness.backends.docker.host_tap import HostTap, why_not_here
from harness.backends.docker.options import DockerOptions
from harness.backends.docker.sidecar import SidecarTap
from harness.capture.dumpcap import RunningCapture
from harness.capture.sentinel import decode_sentinel
from harness.codec.pcapng import CaptureDecoder, Packet
from harness.errors import CaptureError
from tests.backends.docker.conftest import Started

pytestmark = pytest.mark.docker


def sidecar_tap(engine: Engine, started: Started, options: DockerOptions, interface: str = "") -> SidecarTap:
    return SidecarTap(
        engine,
        interface or started.site.network.bridge,
        image=options.sidecar_image,
        labels={labels.OWNER: labels.owner(), labels.CAPTURE: "sidecar"},
    )


def between(path: Path, begin: str, end: str) -> list[bytes]:
    """The packets between two marks."""
    found: list[bytes] = []
    is_inside = False
    decoder = CaptureDecoder()
    for event in [*decoder.feed(path.read_bytes()), *decoder.close()]:
        if isinstance(event, Packet):
            mark = decode_sentinel(event)
            if mark is not None and mark.label in {begin, end}:
                is_inside = mark.label == begin
            elif is_inside and mark is None:
                found.append(event.data)
    return found


def test_sidecar_records_the_same_packets_as_the_bridge(
    engine: Engine, started: Started, options: DockerOptions, tmp_path: Path
) -> None:
    bridge = started.site.network.bridge
    reason = why_not_here(bridge)
    if reason:
        pytest.skip(reason)
    near, far = HostTap(bridge), sidecar_tap(engine, started, options)
    session = started.cluster.session(started.cluster.nodes[0])
    with (
        RunningCapture.start(near, tmp_path / "near.pcapng") as here,
        RunningCapture.start(far, tmp_path / "far.pcapng") as there,
    ):
        # Both see both marks.
        here.mark("first")
        table = started.cluster.table(
            "CREATE TABLE sidecar.t (id int PRIMARY KEY, v text)", replication_factor=2
        )
        for number in range(50):
            session.execute(f"INSERT INTO {table.table.full_name} (id, v) VALUES ({number}, 'x')")
        here.mark("last")
        files = here.stop(), there.stop()
    packets = [between(file.path, "first", "last") for file in files]
    assert packets[0] == packets[1]
    assert len(packets[0]) > 100
    assert [file.dropped_packets for file in files] == [0, 0]
    assert [file.is_complete for file in files] == [True, True]


def test_sidecar_that_sees_no_such_interface_says_so(
    engine: Engine, started: Started, options: DockerOptions, tmp_path: Path
) -> None:
    tap = sidecar_tap(engine, started, options, "nosuch0")
    with pytest.raises(CaptureError, match="there is no interface nosuch0"):
        RunningCapture.start(tap, tmp_path / "none.pcapng", timeout_s=10)
    tap.close()


def test_sidecar_without_dumpcap_says_so(
    engine: Engine, started: Started, options: DockerOptions, tmp_path: Path
) -> None:
    tap = sidecar_tap(engine, started, options)
    with pytest.raises(CaptureError, match="the sidecar's image has no nosuchcap that it may run"):
        RunningCapture.start(tap, tmp_path / "none.pcapng", program="nosuchcap", timeout_s=10)
    tap.close()


def test_sidecar_ends_when_nobody_reads_it(
    engine: Engine, started: Started, options: DockerOptions, tmp_path: Path
) -> None:
    tap = sidecar_tap(engine, started, options)
    capture = RunningCapture.start(tap, tmp_path / "cut.pcapng")
    (process,) = tap._processes
    stream = process._stream
    # As when this process is killed.
    stream._stream.shutdown(socket.SHUT_RDWR)
    state = engine.api.wait(stream.container, timeout=20)
    assert state["StatusCode"] == 137
    capture.close()
    tap.close()
