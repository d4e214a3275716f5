"""The fields of an RPC payload with the bytes of each."""

from collections.abc import Iterator

from harness.codec.verbs.wire import ABSENT, FieldSpan, field_spans, is_declared, struct_of, unread_of
from harness.errors import DecodeError
from harness.events.surroundings import Surroundings
from harness.report.field_node import CHILDREN_MAX, FieldNode, more
from harness.report.meaning import meaning_of, value_text


def rpc_fields(body: object, payload: bytes, surroundings: Surroundings) -> tuple[FieldNode, ...]:
    """Take a decoded payload apart.

    Args:
        body: an instance of the declared class that the payload holds.
        payload: the bytes from which it was decoded.
        surroundings: names of nodes and tables.
    """
    try:
        spans = field_spans(type(body), payload)
    except DecodeError:
        spans = ()
    return _Fields(spans, surroundings).of_struct(body, len(payload))


class _Fields:
    """Walks a value in the order in which its fields were decoded, and hands out their places."""

    def __init__(self, spans: tuple[FieldSpan, ...], surroundings: Surroundings) -> None:
        self._spans: Iterator[FieldSpan] = iter(spans)
        self._surroundings = surroundings

    def of_struct(self, value: object, end: int) -> tuple[FieldNode, ...]:
        """Take the fields of a declared value, which ends there."""
        nodes = []
        for spec in struct_of(type(value)).specs:
            item = getattr(value, spec.name)
            if item is ABSENT:
                continue
            span = next(self._spans, None)
            if span is None:
                nodes.append(self._node(spec.name, item, -1, -1))
            else:
                nodes.append(self._node(spec.name, item, span.start, span.end))
        unread = unread_of(value)
        if unread:
            nodes.append(
                FieldNode("unread", value_text(unread), "no declaration names it", end - len(unread), end)
            )
        return tuple(nodes)

    def _node(self, name: str, value: object, start: int, end: int) -> FieldNode:
        if is_declared(value):
            return FieldNode(name, type(value).__name__, "", start, end, self.of_struct(value, end))
        if isinstance(value, tuple):
            return self._list(name, value, start, end)
        return FieldNode(name, value_text(value), meaning_of(name, value, self._surroundings), start, end)

    def _list(self, name: str, value: tuple[object, ...], start: int, end: int) -> FieldNode:
        """Take the elements; what is known of the place of one is where its fields begin and end.

        Elements beyond the maximum are walked too, as the places of what follows come after theirs.
        """
        children = []
        for index, item in enumerate(value):
            node = self._node(f"[{index}]", item, -1, -1)
            if index < CHILDREN_MAX:
                children.append(_spanned(node))
        if len(value) > CHILDREN_MAX:
            children.append(more(len(value) - CHILDREN_MAX))
        text = "empty" if not value else f"{len(value)} element{'' if len(value) == 1 else 's'}"
        return FieldNode(name, text, "", start, end, tuple(children))


def _spanned(node: FieldNode) -> FieldNode:
    if node.start >= 0:
        return node
    known = [child for child in node.children if child.start >= 0]
    return node._replace(start=known[0].start, end=known[-1].end) if known else node
