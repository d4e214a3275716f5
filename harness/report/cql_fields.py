"""The fields of a CQL body, with the bytes of texts, values and cells.

The CQL codec does not tell where it found what. Texts and values stand behind their length, so a search for
length and bytes, from the end of the field before, finds them; numbers are too short to be searched for.

Source:
    native_protocol_v4.spec, "3. Notations".
"""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import cast

from harness.codec.cql.consistency import consistency_name
from harness.codec.cql.errors import error_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import QueryParameters
from harness.codec.cql.results import Column, Rows
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import CqlType
from harness.events.surroundings import Surroundings
from harness.events.typed_value import value_of
from harness.report.field_node import CHILDREN_MAX, FieldNode, bounded, more
from harness.report.meaning import meaning_of, printable, value_text


def cql_fields(
    body: CqlMessage, payload: bytes, prepared: Prepared | None, surroundings: Surroundings
) -> tuple[FieldNode, ...]:
    """Take a body apart.

    Args:
        body: decoded from the payload.
        payload: the unpacked body.
        prepared: the statement that is executed or answered, where it is known.
        surroundings: names of nodes.
    """
    walk = _Fields(payload, prepared, surroundings)
    # What stands in front of the content on the wire is found first.
    front = [
        walk.node(name, value)
        for name in ("is_traced", "is_beta", "tracing_id", "warnings", "custom_payload")
        if (value := getattr(body, name))
    ]
    content = walk.children(body.content)
    rest = [walk.node("rest", body.rest)] if body.rest else []
    return (*front, *content, *rest)


class _Fields:
    def __init__(self, payload: bytes, prepared: Prepared | None, surroundings: Surroundings) -> None:
        self._payload = payload
        self._prepared = prepared
        self._surroundings = surroundings
        self._position = 0

    def node(self, name: str, value: object) -> FieldNode:
        """Take a field of any kind."""
        if isinstance(value, CqlType):
            return FieldNode(name, str(value))
        if isinstance(value, Enum):
            return FieldNode(name, value_text(value))
        if is_dataclass(value):
            children = self.children(value)
            return self._around(FieldNode(name, "", children=children))
        if isinstance(value, tuple):
            return self._list(name, value)
        start, end = self._place_of(value)
        return FieldNode(name, value_text(value), self._note(name, value), start, end)

    def children(self, value: object) -> tuple[FieldNode, ...]:
        """Take the fields of a dataclass."""
        if isinstance(value, Rows):
            return (self.node("metadata", value.metadata), self._rows(value))
        return tuple(
            self._values(item, value.names)
            if isinstance(value, QueryParameters) and field.name == "values"
            else self.node(field.name, item)
            for field in fields(cast("type", value))
            if (item := getattr(value, field.name)) not in (None, ())
        )

    def _note(self, name: str, value: object) -> str:
        if isinstance(value, int) and name in {"consistency", "serial_consistency"}:
            return consistency_name(value)
        if isinstance(value, int) and name == "code":
            return error_name(value)
        return meaning_of(name, value, self._surroundings)

    def _list(self, name: str, values: tuple[object, ...]) -> FieldNode:
        shown = [self.node(f"[{index}]", value) for index, value in enumerate(values[:CHILDREN_MAX])]
        if len(values) > CHILDREN_MAX:
            shown.append(more(len(values) - CHILDREN_MAX))
        text = f"{len(values)} element{'' if len(values) == 1 else 's'}"
        return self._around(FieldNode(name, text, children=tuple(shown)))

    def _rows(self, rows: Rows) -> FieldNode:
        shown = []
        for index, row in enumerate(rows.rows[:CHILDREN_MAX]):
            columns: Sequence[Column] = rows.columns if len(rows.columns) == len(row) else ()
            cells = tuple(self._cell(columns, place, cell) for place, cell in enumerate(row))
            shown.append(self._around(FieldNode(f"[{index}]", "", children=cells)))
        if len(rows.rows) > CHILDREN_MAX:
            shown.append(more(len(rows.rows) - CHILDREN_MAX))
        text = f"{len(rows.rows)} row{'' if len(rows.rows) == 1 else 's'}"
        return self._around(FieldNode("rows", text, children=tuple(shown)))

    def _values(self, values: tuple[object, ...], names: tuple[str, ...]) -> FieldNode:
        columns = () if self._prepared is None else self._prepared.bound_columns
        if len(columns) != len(values):
            columns = ()
        shown = tuple(self._cell(columns, place, value) for place, value in enumerate(values[:CHILDREN_MAX]))
        if len(names) == len(values):
            shown = tuple(node._replace(name=name) for node, name in zip(shown, names, strict=False))
        return self._around(FieldNode("values", f"{len(values)} bound", children=shown))

    def _cell(self, columns: Sequence[Column], place: int, cell: object) -> FieldNode:
        column = columns[place] if columns else None
        name = f"[{place}]" if column is None else column.name
        start, end = self._place_of(cell)
        if not isinstance(cell, bytes):
            return FieldNode(name, "null" if cell is None else value_text(cell))
        if column is None:
            return FieldNode(name, value_text(cell), meaning_of(name, cell, self._surroundings), start, end)
        return FieldNode(
            name, bounded(printable(value_of(column.type, cell).text)), str(column.type), start, end
        )

    def _place_of(self, value: object) -> tuple[int, int]:
        """Find a text or bytes behind their length, not before what was found last; else nowhere."""
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
        elif isinstance(value, bytes):
            data = value
        else:
            return -1, -1
        if not data:
            return -1, -1
        found = []
        for width in (2, 4):
            if len(data) < 1 << (8 * width):
                start = self._payload.find(len(data).to_bytes(width, "big") + data, self._position)
                if start >= 0:
                    found.append(start + width)
        if not found:
            return -1, -1
        self._position = min(found) + len(data)
        return min(found), self._position

    @staticmethod
    def _around(node: FieldNode) -> FieldNode:
        """Give a field with fields inside the place of those that have one."""
        places = [(child.start, child.end) for child in node.children if child.start >= 0]
        if not places:
            return node
        return node._replace(start=min(start for start, _ in places), end=max(end for _, end in places))
