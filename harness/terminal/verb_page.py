"""What is known of a verb, as a page for the terminal: names, mode, and its payloads field by field."""

import textwrap
from collections.abc import Iterator

from harness.codec.verbs.describe import FieldRow, class_text, describe_payload
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Payload, Role, Verb
from harness.codec.verbs.table import TABLE
from harness.events.filter_values import did_you_mean

_WIDTH_MIN = 60
_LAYOUT_MAX = 28


def find_verb(name: str) -> Verb | str:
    """The verb with a name, any of its names, or a number; else what to say about it."""
    if name.isdecimal():
        return TABLE.by_number.get(int(name)) or f"no verb has the number {name}; harness describe lists all"
    number = TABLE.by_name.get(name)
    if number is None:
        guess = did_you_mean(name, TABLE.by_name) or "; harness describe lists all"
        return f"no verb is called {name!r}{guess}"
    return TABLE.by_number[number]


def verb_lines(verb: Verb, line: Line | None, width: int) -> Iterator[str]:
    """Describe a verb.

    Args:
        verb: a row of the table.
        line: the version line whose payloads are wanted; None: the newest, with the line that began each field.
        width: of the text; 0: no limit.
    """
    named = line or Line.HEAD
    yield f"{verb.name(named)}, verb {verb.number}, {verb.mode.value}"
    if verb.purpose:
        yield f"  {verb.purpose}"
    names = [f"{name} (since {since.value})" for since, name in verb.names]
    if len(names) > 1:
        yield f"  names: {', '.join(names)}"
    elif verb.names[0][0] > Line.V4_0:
        yield f"  since {verb.names[0][0].value}"
    if verb.retired is not None:
        yield f"  nobody sends it from {verb.retired.value} on"
    real = ", ".join(each.value for each in verb.evidence)
    yield f"  tried on bytes of real clusters: {real or 'no, written from the protocol alone'}"
    payload = verb.payload(named)
    if payload is None:
        yield "  payload: not declared, its bytes are kept"
        return
    yield from _payload_lines(payload, line, width)
    others = [each.since.value for each in verb.payloads if each is not payload]
    if others:
        yield ""
        yield f"other forms since {', '.join(others)}: --line shows them"


def _payload_lines(payload: Payload, line: Line | None, width: int) -> Iterator[str]:
    for role in Role:
        cls = payload.of(role)
        if cls is None:
            continue
        rows = list(_rows_of(cls, line))
        yield ""
        yield f"{role.value}: {class_text(cls)}"
        if not rows:
            yield "  no fields"
            continue
        yield from _field_lines(rows, width)


def _rows_of(cls: type, line: Line | None) -> Iterator[FieldRow]:
    """The fields that senders of a line write; of one that they do not, nothing inside it either."""
    hidden: int | None = None
    for row in describe_payload(cls):
        if hidden is not None and row.depth > hidden:
            continue
        hidden = row.depth if line is not None and row.since is not None and row.since > line else None
        if hidden is None:
            yield row


def _field_lines(rows: list[FieldRow], width: int) -> Iterator[str]:
    name_width = max(2 * row.depth + len(row.name) for row in rows)
    layout_width = max((len(row.layout) for row in rows if len(row.layout) <= _LAYOUT_MAX), default=0)
    for row in rows:
        name = "  " * row.depth + row.name
        since = "" if row.since is None else f"[since {row.since.value}] "
        values = ", ".join(f"{number} {value}" for number, value in row.values)
        meaning = row.text.replace("``", "")
        text = f"{since}{meaning}{f' ({values})' if values else ''}"
        head = f"  {name:<{name_width}}  "
        if len(row.layout) > layout_width:
            # The alternatives are spelled out below; here the layout may stick out.
            yield (head + row.layout).rstrip()
            if text:
                yield from _wrapped(" " * (len(head) + layout_width + 2), text, width)
            continue
        yield from _wrapped(f"{head}{row.layout:<{layout_width}}  ", text, width)


def _wrapped(head: str, text: str, width: int) -> Iterator[str]:
    room = width - len(head)
    if not width:
        yield (head + text).rstrip()
        return
    if room < _WIDTH_MIN // 2:
        # The columns leave no room: the text goes below.
        yield head.rstrip()
        head, room = " " * 8, max(_WIDTH_MIN, width) - 8
        if not text:
            return
    lines = textwrap.wrap(text, room) or [""]
    yield (head + lines[0]).rstrip()
    for more in lines[1:]:
        yield " " * len(head) + more


def all_verbs(line: Line | None) -> Iterator[str]:
    """One line for each verb."""
    for verb in TABLE.verbs:
        named = line or Line.HEAD
        if verb.names[0][0] > named:
            continue
        yield f"{verb.number:>3}  {verb.name(named):<44} {verb.purpose}"
