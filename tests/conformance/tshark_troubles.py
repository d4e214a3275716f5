"""What stock tshark cannot make sense of in a capture."""

import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

_MALFORMED = "_ws.malformed"
_UNKNOWN = "Response for unknown packet"
"""What Wireshark's packet-scylla.c writes of a response whose request it has not seen."""
TIMEOUT_S = 120


class Trouble(NamedTuple):
    """A kind of packet that is not understood."""

    what: str
    """``malformed`` or ``unknown response``."""
    opcode: str
    """Of CQL, and of a RESULT its kind: ``8/5``; empty: none."""
    verb: str
    """Of requests between nodes; empty: none, or a response."""


def troubles_of(capture: Path, *, tshark: str = "tshark") -> Counter[Trouble]:
    """Count the kinds of packets that tshark takes for malformed, and responses that it cannot pair."""
    command = [tshark, "-n", "-r", str(capture), "-d", "tcp.port==7000,scylla", "-d", "tcp.port==9042,cql"]
    fields = [
        "-T",
        "fields",
        "-e",
        "cql.opcode",
        "-e",
        "cql.result.kind",
        "-e",
        "scylla.verb",
        "-e",
        "_ws.col.Info",
        "-e",
        _MALFORMED,
    ]
    shown = subprocess.run(
        [*command, "-Y", f"{_MALFORMED} || scylla", *fields],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    found: Counter[Trouble] = Counter()
    for line in shown.stdout.splitlines():
        opcodes, kinds, verbs, info, malformed = (line.split("\t") + [""] * 5)[:5]
        if malformed or "Malformed Packet" in info:
            # Of several messages in a packet, the last is the one that tshark stumbles over.
            opcode, kind, verb = (values.rpartition(",")[2] for values in (opcodes, kinds, verbs))
            found[Trouble("malformed", f"{opcode}/{kind}" if kind else opcode, verb)] += 1
        if _UNKNOWN in info:
            found[Trouble("unknown response", "", "")] += info.count(_UNKNOWN)
    return found


def requested_verbs(capture: Path, *, tshark: str = "tshark") -> frozenset[str]:
    """Numbers of the verbs that tshark recognises."""
    command = [
        tshark,
        "-n",
        "-r",
        str(capture),
        "-d",
        "tcp.port==7000,scylla",
        "-T",
        "fields",
        "-e",
        "scylla.verb",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    return frozenset(verb for line in shown.stdout.splitlines() for verb in line.split(",") if verb)
