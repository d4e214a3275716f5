"""A verdict as text: the claim line by line against what was seen, for people who look for what went wrong.

    FAIL  in order: QUERY 'INSERT' … RESULT with applied = True
      not found: reply to PAXOS_ACCEPT from n2 to n1 with accepted = True, which answers packet 15

            in order
      ✓  6    QUERY 'INSERT'
              each of n2, n3, in order
                n2
      ✓ 15        PAXOS_ACCEPT from n1 to n2
      ✗           reply to PAXOS_ACCEPT from n2 to n1 with accepted = True
                      nearest   packet 26  n2 -> n1  reply to PAXOS_ACCEPT: rejected  (packet 15, 1.33 ms)
                      accepted  claimed True
                                seen    False
      ...
      Wireshark: frame.number == 15 || frame.number == 26

Marks: ✓ seen or as claimed, ✗ missing or broken, ? may be hidden in what the capture lacks, · not needed. The
number is that of the packet, as in Wireshark.
"""

from collections.abc import Iterator, Sequence

from harness.events.message import Message
from harness.events.trace import Trace
from harness.events.trace_text import TraceText
from harness.expect.verdict import Evidence, NearMiss, Outcome, StepState, TranscriptStep, Verdict

LINES_MAX = 200
"""Most lines of one claim."""
_MESSAGES_MAX = 6
"""Most messages that are written out below one line."""
_TEXT_CHARACTERS_MAX = 160
_TITLE_CHARACTERS_MAX = 100

_MARKS = {
    StepState.HEADING: " ",
    StepState.SEEN: "✓",
    StepState.HOLDS: "✓",
    StepState.MISSING: "✗",
    StepState.BROKEN: "✗",
    StepState.HIDDEN: "?",
    StepState.LEFT_OUT: "·",
}


def explain(verdict: Verdict, trace: Trace) -> str:
    """Write a verdict, so that a reader sees what was claimed, what was seen, and where to look.

    Args:
        verdict: of a claim, or of several.
        trace: what it was reached on; its messages are quoted.
    """
    quotes = _quotes(trace, _numbers(verdict))
    return "\n".join(_lines(verdict, quotes))


def title_of(verdict: Verdict) -> str:
    """The claim in one line."""
    lines = [line.strip() for line in verdict.claim.splitlines()]
    if len(lines) <= 1:
        return _cut(verdict.claim, _TITLE_CHARACTERS_MAX)
    between = " … " if len(lines) > 3 else ", "
    inner = lines[1:2] if len(lines) == 2 else [lines[1], lines[-1]]
    return _cut(f"{lines[0]} {between.join(inner)}", _TITLE_CHARACTERS_MAX)


def _lines(verdict: Verdict, quotes: dict[int, str]) -> Iterator[str]:
    scope = f"  ({verdict.scope})" if verdict.scope and verdict.scope != "the whole trace" else ""
    yield f"{verdict.outcome}  {title_of(verdict)}{_counts(verdict)}{scope}"
    if verdict.parts:
        yield from _part_lines(verdict, quotes)
        return
    # The one line of a short claim says the first reason itself.
    yield from (f"  {reason}" for reason in verdict.reasons[len(verdict.transcript) == 1 :])
    if verdict.transcript:
        yield ""
        yield from _transcript_lines(verdict.transcript, quotes)
    if verdict.captured:
        yield ""
        width = max(len(name) for name, _ in verdict.captured)
        yield from (f"  {f'‹{name}›':<{width + 2}} = {value}" for name, value in verdict.captured)
    yield from _evidence_lines(verdict, quotes)
    if verdict.outcome is not Outcome.PASS and verdict.frames:
        yield ""
        yield f"  Wireshark: {verdict.display_filter}"


def _counts(verdict: Verdict) -> str:
    outcomes = [part.outcome for part in verdict.parts]
    counts = [f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcome in outcomes]
    return f"  ({', '.join(counts)})" if counts else ""


def _part_lines(verdict: Verdict, quotes: dict[int, str]) -> Iterator[str]:
    """The parts; of a verdict that is not PASS, those that are take one line."""
    is_whole = verdict.outcome is Outcome.PASS
    for part in verdict.parts:
        if part.outcome is Outcome.PASS and not is_whole:
            yield f"  {part.outcome}  {title_of(part)}"
    for part in verdict.parts:
        if part.outcome is not Outcome.PASS or is_whole:
            yield ""
            yield from (f"  {line}".rstrip() for line in _lines(part, quotes))


def _transcript_lines(transcript: Sequence[TranscriptStep], quotes: dict[int, str]) -> Iterator[str]:
    frames = [step.messages[0].frame_last for step in transcript if _stands_alone(step)]
    width = max((len(str(frame)) for frame in frames), default=0)
    for step in transcript[:LINES_MAX]:
        frame = str(step.messages[0].frame_last) if _stands_alone(step) else ""
        column = f"{frame:>{width}}  " if width else ""
        note = f"  ({step.note})" if step.note else ""
        indent = "  " * step.depth
        yield f"  {_MARKS[step.state]} {column}{indent}{step.text}{note}".rstrip()
        below = f"    {' ' * len(column)}{indent}    "
        if not _stands_alone(step):
            yield from (f"{below}{line}" for line in _message_lines(step.messages, quotes))
        if step.nearest is not None:
            yield from (f"{below}{line}" for line in _nearest_lines(step.nearest, quotes))
    if len(transcript) > LINES_MAX:
        yield f"  and {len(transcript) - LINES_MAX} more lines"


def _stands_alone(step: TranscriptStep) -> bool:
    """Whether the packet of its one message can stand in front."""
    return step.state is StepState.SEEN and len(step.messages) == 1


def _message_lines(messages: Sequence[Evidence], quotes: dict[int, str]) -> Iterator[str]:
    for message in messages[:_MESSAGES_MAX]:
        yield f"packet {message.frame_last}  {quotes.get(message.number, '')}".rstrip()
    if len(messages) > _MESSAGES_MAX:
        frames = ", ".join(str(message.frame_last) for message in messages[_MESSAGES_MAX:])
        yield f"packets {frames}"


def _nearest_lines(near: NearMiss, quotes: dict[int, str]) -> Iterator[str]:
    width = max(len("nearest"), len(near.field))
    frame = near.message.frame_last
    yield f"{'nearest':<{width}}  packet {frame}  {quotes.get(near.message.number, '')}".rstrip()
    yield f"{near.field:<{width}}  claimed {near.claimed}"
    yield f"{'':<{width}}  seen    {near.seen}"


def _evidence_lines(verdict: Verdict, quotes: dict[int, str]) -> Iterator[str]:
    """What else is pointed to, which no line of the transcript shows."""
    if verdict.outcome is Outcome.PASS:
        return
    shown = {message.number for step in verdict.transcript for message in step.messages}
    for step in verdict.transcript:
        if step.nearest is not None:
            shown.add(step.nearest.message.number)
            # Its packet is named, with what it is to the message.
            shown |= set() if step.nearest.other is None else {step.nearest.other.number}
    others = [item for item in verdict.evidence if item.number not in shown]
    if others:
        yield ""
        for item in others[:_MESSAGES_MAX]:
            yield f"  packet {item.frame_last}  {quotes.get(item.number, '')}".rstrip()
            yield f"    {item.what}"


# Messages in words.


def _numbers(verdict: Verdict) -> set[int]:
    numbers = {item.number for item in verdict.evidence}
    for step in verdict.transcript:
        numbers.update(message.number for message in step.messages)
        if step.nearest is not None:
            numbers.add(step.nearest.message.number)
    for part in verdict.parts:
        numbers |= _numbers(part)
    return numbers


def _quotes(trace: Trace, numbers: set[int]) -> dict[int, str]:
    """Messages in a line each, without packet and time."""
    if not numbers:
        return {}
    text = TraceText(trace.surroundings)
    last = max(numbers)
    quotes: dict[int, str] = {}
    for message in trace:
        if message.number > last:
            break
        text.see(message)
        if message.number in numbers:
            quotes[message.number] = _quote(text, message)
    return quotes


def _quote(text: TraceText, message: Message) -> str:
    line = text.parts(message)
    text_of_it = _cut(line.text, _TEXT_CHARACTERS_MAX)
    return f"{line.sender} {line.arrow} {line.receiver}  {text_of_it}  {line.reference}".rstrip()


def _cut(text: str, characters_max: int) -> str:
    return text if len(text) <= characters_max else text[: characters_max - 1] + "…"
