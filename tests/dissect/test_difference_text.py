"""What users read about a difference."""

import json
from collections import Counter
from pathlib import Path

import pytest

from harness.dissect.difference import Difference, Shape, compare
from harness.dissect.difference_text import (
    difference_json,
    disagreement_json,
    json_lines,
    render_difference,
)
from harness.dissect.disagreement import Disagreement, Effect, FieldDifference, Reason, Root
from harness.dissect.tshark import Tshark
from harness.events.message import Kind, Protocol
from tests.dissect.messages import message

PING = message(Kind.REQUEST, verb=63, msg_id=600, timeout_ms=0, payload=bytes(20), frames=(7, 7))
SHOWN = message(Kind.REPLY, msg_id=0, payload=bytes(63), frames=(9, 9))
ROOT = Root(Reason.VERB_ABOVE_43, 7, 96, "u64 at byte 8 is 63")
MISREAD = Disagreement(
    Reason.VERB_ABOVE_43,
    Effect.MISREAD,
    7,
    0,
    96,
    144,
    "10.0.0.1:50000 > 10.0.0.2:7000",
    PING,
    SHOWN,
    (FieldDifference("verb", "63", "None"),),
    "u64 at byte 8 is 63",
    ROOT,
)
SWALLOWED = MISREAD._replace(
    effect=Effect.SWALLOWED,
    frame=9,
    start=144,
    end=192,
    wireshark=None,
    fields=(),
    evidence="it begins there",
)


def found(*disagreements: Disagreement) -> Difference:
    return Difference(
        capture="ping.pcapng",
        tshark="4.0.17",
        ours=Counter({Shape(Protocol.RPC, Kind.REQUEST, "DIRECT_FD_PING"): 4}),
        agreed=Counter({Shape(Protocol.RPC, Kind.REQUEST, "DIRECT_FD_PING"): 4 - len(disagreements)}),
        wireshark_count=3,
        counts=Counter((each.reason, each.effect) for each in disagreements),
        roots=Counter(each.reason for each in disagreements if not each.is_consequence),
        disagreements=disagreements,
        undecoded_count=0,
    )


def test_agreement_is_said_in_one_line() -> None:
    assert render_difference(found()).splitlines() == [
        "ping.pcapng: 4 messages; Wireshark 4.0.17 shows 3",
        "    rpc         4 messages, 100.0 % of them shown alike by Wireshark",
        "No disagreement.",
    ]


def test_a_reason_is_explained_counted_and_shown_on_an_example() -> None:
    text = render_difference(found(MISREAD, SWALLOWED))
    assert "we are right in all 2 disagreements, and each is explained." in text
    assert "Do not rely on this Wireshark" in text
    assert "verb above 43: 2 (we are right)" in text
    assert "1 misread, 1 swallowed; 1 of them follows from no earlier misreading" in text
    assert "e.g. packet 7, 48 bytes from byte 0 of its TCP payload on" in text
    assert "ours:      request DIRECT_FD_PING #600 20 bytes, packet 7" in text
    assert "Wireshark: reply #0 63 bytes, packet 9" in text
    assert "follows from packet 7: u64 at byte 8 is 63" in text
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_open_comes_first() -> None:
    text = render_difference(found(MISREAD, SWALLOWED, MISREAD._replace(reason=Reason.UNEXPLAINED)))
    assert text.index("unexplained: 1 (nobody shown right)") < text.index("verb above 43: 2")
    assert "of 3 disagreements we are right in 2, Wireshark in 0, and 1 are unexplained." in text


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_explanation_and_somebody_who_is_right(reason: Reason) -> None:
    assert reason.explanation.endswith(".")
    assert f"{reason.value}: 1 (" in render_difference(found(MISREAD._replace(reason=reason)))


def test_shares_are_rounded_down() -> None:
    nearly = found(MISREAD)
    nearly.ours[Shape(Protocol.RPC, Kind.REQUEST, "MUTATION")] = 99999
    nearly.agreed[Shape(Protocol.RPC, Kind.REQUEST, "MUTATION")] = 99999
    assert "99.9 % of them" in render_difference(nearly)


def test_a_disagreement_is_json() -> None:
    value = disagreement_json(MISREAD)
    assert json.loads(json.dumps(value)) == value
    assert (value["frame"], value["offset_bytes"], value["stream_range"]) == (7, 0, [96, 144])
    assert (value["reason"], value["right"], value["effect"]) == ("verb above 43", "ours", "misread")
    assert value["ours"]["verb"] == "DIRECT_FD_PING"
    assert value["wireshark"]["verb_number"] is None
    assert value["fields"] == {"verb": {"ours": "63", "wireshark": "None"}}
    assert value["root"]["stream_position"] == 96


def test_a_summary_is_json() -> None:
    value = difference_json(found(MISREAD, SWALLOWED))
    assert json.loads(json.dumps(value)) == value
    assert (value["messages"], value["agreed"], value["agreed_share"]) == (4, 2, 0.5)
    assert value["reasons"][0]["effects"] == {"misread": 1, "swallowed": 1}
    assert value["verbs"] == [
        {"protocol": "rpc", "kind": "request", "verb": "DIRECT_FD_PING", "messages": 4, "agreed": 2}
    ]


def test_json_lines_are_the_summary_and_each_disagreement() -> None:
    first, *rest = map(json.loads, json_lines(found(MISREAD, SWALLOWED)))
    assert first["summary"]["unexplained"] == 0
    assert [each["effect"] for each in rest] == ["misread", "swallowed"]


@pytest.mark.tshark
@pytest.mark.reference
def test_a_modern_capture_is_said_to_be_misread(reference: Path, tshark: Tshark) -> None:
    text = render_difference(compare(reference / "scylla-2025.1" / "base" / "boot.pcapng", tshark=tshark))
    assert "Do not rely on this Wireshark" in text
    assert "DIRECT_FD_PING" in text
    assert "16-byte reply header" in text
