"""Messages and packets a second: ours against tshark and pyshark, on the same captures, in one run.

Two captures of three million messages, so that starting up counts little, are made from captures of real clusters (HARNESS_REFERENCE):
the bulk load of 4.2, where a packet carries some five messages, and that of 2025.1. Then, each in a process
of its own, on one core:

    ours      every message named and paired (headers and verbs), bodies left alone
    bodies    the same, with every body decoded
    tshark    tshark -T fields with the fields that name and pair Scylla's messages
    pyshark   its FileCapture over the first packets of the same file, because all would take hours

Figures are wall and CPU seconds and peak memory of the process, as the operating system counts them. Ours and
tshark run in turn; ratios are taken pair by pair, so that they hold when the machine's speed drifts.

    python benchmarks/decode.py [--scale 0.1] [--repeat 5] [--only bodies]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.enlarge import enlarge

_SOURCES = {
    "4.2 bulk": ("scylla-4.2/bulk/bulk_quorum.pcapng", 40),
    "2025.1 bulk": ("scylla-2025.1/bulk/bulk_quorum.pcapng", 75),
}
_TSHARK_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "tcp.stream",
    "scylla.verb",
    "scylla.msg_id",
    "scylla.timeout",
    "scylla.len",
    "scylla.response.size",
    "scylla.response.request",
    "scylla.negotiation.size",
    "cql.opcode",
    "cql.stream",
    "cql.version",
    "cql.flags",
    "cql.response_to",
)
"""What our messages carry too, as far as tshark knows it."""
_PYSHARK_PACKETS = 3000
_CHILD = "--child"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One reader on one capture."""

    messages: int
    packets: int
    wall_s: float
    cpu_s: float
    memory_mib: float


def _read_ours(path: Path, *, with_bodies: bool) -> tuple[int, int]:
    from harness.dissect.native import NativeDissector  # noqa: PLC0415  (only the child process pays for it)
    from harness.dissect.reading import messages_of, without_cycle_collection  # noqa: PLC0415

    dissector = NativeDissector()
    messages = 0
    with without_cycle_collection():
        for some in messages_of(path, dissector):
            messages += len(some)
            if with_bodies:
                for message in some:
                    message.decoded  # noqa: B018  (decoding is what is measured)
    return messages, dissector.packet_count


def _read_pyshark(path: Path) -> tuple[int, int]:
    import pyshark  # noqa: PLC0415

    capture = pyshark.FileCapture(
        str(path), decode_as={"tcp.port==7000": "scylla"}, keep_packets=False, display_filter="scylla"
    )
    packets = messages = 0
    for packet in capture:
        packets += 1
        messages += sum(layer.layer_name == "scylla" for layer in packet.layers)
        if packets == _PYSHARK_PACKETS:
            break
    capture.close()
    return messages, packets


def _child(reader: str, path: Path) -> None:
    """Run one of our readers in this process and print its figures."""
    started = time.perf_counter()
    if reader == "pyshark":
        messages, packets = _read_pyshark(path)
    else:
        messages, packets = _read_ours(path, with_bodies=reader == "bodies")
    wall_s = time.perf_counter() - started
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    figures = Figures(
        messages=messages,
        packets=packets,
        wall_s=wall_s,
        cpu_s=sum(usage.ru_utime + usage.ru_stime for usage in used),
        memory_mib=max(usage.ru_maxrss for usage in used) / 1024,
    )
    print(json.dumps(asdict(figures)))


def _measure(reader: str, path: Path) -> Figures:
    command = [sys.executable, __file__, _CHILD, reader, str(path)]
    done = subprocess.run(_on_one_core(command), check=True, capture_output=True, text=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def _measure_tshark(path: Path, *, messages: int, packets: int) -> Figures:
    """Run tshark; its messages are those that ours counts, which is in tshark's favour."""
    command = ["tshark", "-r", str(path), "-d", "tcp.port==7000,scylla", "-T", "fields"]
    for field in _TSHARK_FIELDS:
        command += ["-e", field]
    started = time.perf_counter()
    process = subprocess.Popen(_on_one_core(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"tshark ended with status {process.returncode}")
    return Figures(
        messages=messages,
        packets=packets,
        wall_s=time.perf_counter() - started,
        cpu_s=used.ru_utime + used.ru_stime,
        memory_mib=used.ru_maxrss / 1024,
    )


def _on_one_core(command: list[str]) -> list[str]:
    core = min(os.sched_getaffinity(0))
    return ["taskset", "-c", str(core), *command]


def _print(name: str, runs: list[Figures], base: list[Figures]) -> None:
    figures = sorted(runs, key=lambda run: run.wall_s)[len(runs) // 2]
    ratios = sorted(
        (run.packets / run.wall_s) / (other.packets / other.wall_s)
        for run, other in zip(runs, base, strict=False)
    )
    print(
        f"  {name:8} {figures.messages:>10,} messages  {figures.wall_s:7.2f} s wall  {figures.cpu_s:7.2f} s CPU"
        f"  {figures.messages / figures.wall_s:>10,.0f} messages/s  {figures.packets / figures.wall_s:>9,.0f} packets/s"
        f"  {figures.memory_mib:6.0f} MiB  {ratios[len(ratios) // 2]:6.3f} x tshark"
        f" ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    )


def main() -> None:
    """Make the captures, run every reader, print figures and ratios."""
    if sys.argv[1:2] == [_CHILD]:
        _child(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer rounds of each capture")
    parser.add_argument("--repeat", type=int, default=3, help="how often ours and tshark run, in turn")
    parser.add_argument("--only", default="bodies,pyshark", help="of bodies and pyshark, which run too")
    options = parser.parse_args()
    readers = options.only.split(",")
    reference = os.environ.get("HARNESS_REFERENCE")
    if not reference:
        raise SystemExit("set HARNESS_REFERENCE to the folder with captures of real clusters")
    with tempfile.TemporaryDirectory() as folder:
        for name, (source, rounds) in _SOURCES.items():
            path = Path(folder) / "large.pcapng"
            packets = enlarge(Path(reference) / source, path, rounds=max(1, int(rounds * options.scale)))
            print(
                f"{name}: {path.stat().st_size / 1e6:.0f} MB, {packets:,} packets; median of {options.repeat}"
            )
            ours: list[Figures] = []
            tshark: list[Figures] = []
            for _ in range(options.repeat):
                ours.append(_measure("ours", path))
                tshark.append(_measure_tshark(path, messages=ours[-1].messages, packets=packets))
            _print("tshark", tshark, tshark)
            _print("ours", ours, tshark)
            for reader in ("bodies", "pyshark"):
                if reader in readers:
                    _print(reader, [_measure(reader, path)], tshark)


if __name__ == "__main__":
    main()
