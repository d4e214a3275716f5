"""A field of a decoded payload as a reader sees it: name, value, and where its bytes stand."""

from typing import NamedTuple

CHILDREN_MAX = 250
"""How many elements of one list are shown; the others are counted."""
TEXT_CHARACTERS_MAX = 2000
"""How long one value gets."""


class FieldNode(NamedTuple):
    """One field, with those inside it."""

    name: str
    text: str
    """Its value; of a field with fields inside, what they are together, or nothing."""
    note: str = ""
    """What the value means: the name of a node or a table, a time, bytes as text."""
    start: int = -1
    """Offset of its first byte in the payload; -1: not known."""
    end: int = -1
    """Offset behind its last byte."""
    children: tuple["FieldNode", ...] = ()

    def to_json(self) -> list[object]:
        """Give its parts in order, without those at the end that say nothing."""
        parts: list[object] = [self.name, self.text, self.note, self.start, self.end]
        if self.children:
            return [*parts, [child.to_json() for child in self.children]]
        if self.start < 0:
            del parts[3:]
            if not self.note:
                del parts[2:]
        return parts


def bounded(text: str) -> str:
    """Cut a value that is too long to be shown."""
    if len(text) <= TEXT_CHARACTERS_MAX:
        return text
    return f"{text[:TEXT_CHARACTERS_MAX]}… ({len(text)} characters)"


def more(count: int) -> FieldNode:
    """Stand for the elements that are left out."""
    return FieldNode("…", f"{count} more are not shown")
