"""A difference as text for the terminal, and as JSON lines."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from harness.dissect.difference import Difference
from harness.dissect.disagreement import Disagreement, Effect, Reason, Right
from harness.events.message import Message, Protocol

EXAMPLES = 2
"""Shown of each reason."""

TRUSTED_SHARE = 0.95
"""Below, the reader is told not to rely on Wireshark."""

_WIDTH = 100
_INDENT = "    "


def render_difference(difference: Difference, *, examples: int = EXAMPLES) -> str:
    """Write a difference for somebody who wants to know whether, and where, Wireshark can be trusted here.

    Args:
        difference: with at least as many disagreements kept of each reason.
        examples: how many of each reason to show.
    """
    return "\n".join(_lines(difference, examples)) + "\n"


def difference_json(difference: Difference) -> dict[str, Any]:
    """Return the summary of a difference as values that JSON has."""
    return {
        "capture": difference.capture,
        "tshark": difference.tshark,
        "messages": difference.count(),
        "agreed": sum(difference.agreed.values()),
        "agreed_share": round(difference.share(), 6),
        "protocols": {
            protocol.value: {
                "messages": difference.count(protocol),
                "agreed_share": round(difference.share(protocol), 6),
            }
            for protocol in Protocol
        },
        "wireshark_messages": difference.wireshark_count,
        "undecoded": difference.undecoded_count,
        "unexplained": difference.unexplained_count,
        "wireshark_right": difference.wrong_count,
        "reasons": [
            {
                "reason": reason.value,
                "right": reason.right.value,
                "explanation": reason.explanation,
                "first_misreadings": difference.roots[reason],
                "effects": {
                    effect.value: difference.counts[reason, effect]
                    for effect in Effect
                    if difference.counts[reason, effect]
                },
            }
            for reason in _reasons(difference)
        ],
        "verbs": [
            {
                "protocol": shape.protocol.value,
                "kind": shape.kind.value,
                "verb": shape.verb,
                "messages": count,
                "agreed": difference.agreed[shape],
            }
            for shape, count in sorted(
                difference.ours.items(),
                key=lambda item: (item[0].protocol.value, item[0].kind.value, item[0].verb),
            )
        ],
    }


def disagreement_json(disagreement: Disagreement) -> dict[str, Any]:
    """Return one disagreement as values that JSON has."""
    return {
        "frame": disagreement.frame,
        "offset_bytes": disagreement.offset_bytes,
        "stream_range": [disagreement.start, disagreement.end],
        "connection": disagreement.connection,
        "reason": disagreement.reason.value,
        "effect": disagreement.effect.value,
        "right": disagreement.right.value,
        "evidence": disagreement.evidence,
        "root": {
            "reason": disagreement.root.reason.value,
            "frame": disagreement.root.frame,
            "stream_position": disagreement.root.start,
            "evidence": disagreement.root.evidence,
        },
        "ours": _message_json(disagreement.ours),
        "wireshark": _message_json(disagreement.wireshark),
        "fields": {
            field.name: {"ours": field.ours, "wireshark": field.wireshark} for field in disagreement.fields
        },
    }


def json_lines(difference: Difference) -> Iterator[str]:
    """Yield the summary, then every disagreement that was kept, each as one line."""
    yield json.dumps({"summary": difference_json(difference)})
    for disagreement in difference.disagreements:
        yield json.dumps(disagreement_json(disagreement))


def _lines(difference: Difference, examples: int) -> Iterator[str]:
    count, agreed = difference.count(), sum(difference.agreed.values())
    yield f"{difference.capture}: {count} messages; Wireshark {difference.tshark} shows {difference.wireshark_count}"
    for protocol in Protocol:
        if difference.count(protocol):
            yield (
                f"{_INDENT}{protocol.value:<4} {difference.count(protocol):>8} messages, "
                f"{_percent(difference.share(protocol))} of them shown alike by Wireshark"
            )
    if difference.undecoded_count:
        yield f"{_INDENT}{difference.undecoded_count} stretches of bytes that we cannot decode are left out"
    if agreed == count and not difference.counts:
        yield "No disagreement."
        return
    yield f"By the written protocol: {_verdict(difference)}"
    if difference.share(Protocol.RPC) < TRUSTED_SHARE:
        yield "Do not rely on this Wireshark for the messages between nodes of this capture."
    kept: dict[Reason, list[Disagreement]] = {}
    for disagreement in difference.disagreements:
        kept.setdefault(disagreement.reason, []).append(disagreement)
    for reason in _reasons(difference):
        yield ""
        yield from _reason_lines(reason, difference, kept.get(reason, []), examples)


def _reason_lines(
    reason: Reason, difference: Difference, kept: list[Disagreement], examples: int
) -> Iterator[str]:
    effects = {
        effect: difference.counts[reason, effect] for effect in Effect if difference.counts[reason, effect]
    }
    who = {
        Right.OURS: "we are right",
        Right.WIRESHARK: "Wireshark is right",
        Right.BOTH: "bytes are missing, both may be right",
        Right.UNKNOWN: "nobody shown right",
    }
    yield f"{reason.value}: {sum(effects.values())} ({who[reason.right]})"
    yield from _wrap(reason.explanation)
    counts = ", ".join(f"{count} {effect.value}" for effect, count in effects.items())
    roots = difference.roots[reason]
    yield f"{_INDENT}{counts}; {roots} of them follow{'s' if roots == 1 else ''} from no earlier misreading"
    for disagreement in _examples(kept, examples):
        yield from _example_lines(disagreement)


def _examples(kept: list[Disagreement], examples: int) -> Iterator[Disagreement]:
    """Choose first what began it, then one of each effect."""
    chosen: list[Disagreement] = []
    seen: set[Effect] = set()
    for disagreement in sorted(kept, key=lambda each: each.is_consequence):
        if len(chosen) < examples and disagreement.effect not in seen:
            seen.add(disagreement.effect)
            chosen.append(disagreement)
    yield from chosen


def _example_lines(disagreement: Disagreement) -> Iterator[str]:
    where = f"packet {disagreement.frame}"
    size_bytes = disagreement.end - disagreement.start
    if disagreement.offset_bytes is not None and size_bytes:
        where += f", {size_bytes} bytes from byte {disagreement.offset_bytes} of its TCP payload on"
    yield from _wrap(f"e.g. {where}, {disagreement.connection}: {disagreement.effect.value}")
    if disagreement.ours is not None:
        yield f"{_INDENT * 2}ours:      {_message_text(disagreement.ours)}"
    if disagreement.wireshark is not None:
        yield f"{_INDENT * 2}Wireshark: {_message_text(disagreement.wireshark)}"
    yield from _wrap(disagreement.evidence, indent=_INDENT * 2)
    if disagreement.is_consequence:
        root = disagreement.root
        yield from _wrap(f"follows from packet {root.frame}: {root.evidence}", indent=_INDENT * 2)


def _verdict(difference: Difference) -> str:
    total = sum(difference.counts.values())
    wrong, unexplained = difference.wrong_count, difference.unexplained_count
    if not wrong and not unexplained:
        return f"we are right in all {total} disagreements, and each is explained."
    return (
        f"of {total} disagreements we are right in {total - wrong - unexplained}, Wireshark in {wrong}, and "
        f"{unexplained} are unexplained."
    )


def _reasons(difference: Difference) -> list[Reason]:
    """What is open first, then by how much it matters."""
    totals: Counter[Reason] = Counter()
    for (reason, _), count in difference.counts.items():
        totals[reason] += count
    return sorted(totals, key=lambda reason: (reason.right is Right.OURS, -totals[reason]))


def _message_text(message: Message) -> str:
    words = [message.kind.value]
    if message.verb is not None:
        words.append(message.verb_name)
    if message.msg_id is not None:
        words.append(f"#{message.msg_id}")
    words.append(f"{len(message.payload)} bytes, packet {message.frame_last}")
    return " ".join(words)


def _message_json(message: Message | None) -> dict[str, Any] | None:
    if message is None:
        return None
    return {
        "frame_first": message.frame_first,
        "frame_last": message.frame_last,
        "protocol": message.protocol.value,
        "kind": message.kind.value,
        "verb": message.verb_name,
        "verb_number": message.verb,
        "msg_id": message.msg_id,
        "timeout_ms": message.timeout_ms,
        "payload_bytes": len(message.payload),
    }


def _percent(share: float) -> str:
    """Round down, so that 100 % means all."""
    return f"{int(share * 1000) / 10:.1f} %"


def _wrap(text: str, *, indent: str = _INDENT) -> Iterator[str]:
    line = indent
    for word in text.split():
        if len(line) + len(word) + 1 > _WIDTH and line.strip():
            yield line
            line = indent
        line += word if line == indent else f" {word}"
    yield line
