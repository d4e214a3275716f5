"""What a payload writes or reads, with the schema: rows, cells and values under their names."""

from collections.abc import Iterator

from harness.codec.verbs.mutation import CanonicalMutationFrame, Mutation
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read import ReadMutationDataRequest, ReadRequest
from harness.codec.verbs.read_command import ReadCommand
from harness.codec.verbs.wire import field_names, is_declared
from harness.events.changes import CellChange, CellKind, MarkerKind, PartitionChange, RangeDeletion, RowChange
from harness.events.contents import changes_of
from harness.events.read_contents import ResultRow, read_of, rows_of
from harness.events.surroundings import Surroundings
from harness.events.typed_value import Value
from harness.report.field_node import CHILDREN_MAX, FieldNode, bounded, more
from harness.report.meaning import meaning_of, printable

MUTATIONS_MAX = 50
"""How many mutations of one payload are shown."""


def contents_fields(
    body: object, request: object | None, surroundings: Surroundings
) -> tuple[FieldNode, ...]:
    """Read mutations, read commands and results inside a decoded payload.

    Args:
        body: the payload.
        request: the payload that it answers, where there is one: a result is read by its command.
        surroundings: the schema.
    """
    nodes = []
    mutations = list(_inside(body, (Mutation, CanonicalMutationFrame)))
    for mutation in mutations[:MUTATIONS_MAX]:
        assert isinstance(mutation, Mutation | CanonicalMutationFrame)
        nodes.append(_change(changes_of(mutation, surroundings.schema), surroundings))
    if len(mutations) > MUTATIONS_MAX:
        nodes.append(more(len(mutations) - MUTATIONS_MAX))
    if isinstance(body, ReadRequest | ReadMutationDataRequest):
        nodes.append(_leaf("read", read_of(body.command, body.partitions, surroundings.schema).text))
    asked = getattr(request, "command", None)
    if isinstance(asked, ReadCommand):
        for result in _inside(body, (QueryResult,)):
            assert isinstance(result, QueryResult)
            nodes.append(_result(rows_of(result, asked, surroundings.schema)))
    return tuple(nodes)


def _inside(value: object, classes: tuple[type, ...]) -> Iterator[object]:
    """Find the instances of some classes in a payload, the outermost of each branch."""
    if isinstance(value, classes):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _inside(item, classes)
    elif is_declared(value):
        for name in field_names(value):
            yield from _inside(getattr(value, name), classes)


def _leaf(name: str, text: str, note: str = "") -> FieldNode:
    return FieldNode(name, bounded(printable(text)), note)


def _key(name: str, key: tuple[Value, ...]) -> FieldNode:
    return _leaf(name, ", ".join(value.text for value in key))


def _timestamp(name: str, timestamp_us: int, surroundings: Surroundings) -> FieldNode:
    return FieldNode(name, str(timestamp_us), meaning_of("timestamp", timestamp_us, surroundings))


def _change(change: PartitionChange, surroundings: Surroundings) -> FieldNode:
    children = [_key("partition key", change.key)]
    if change.deleted_at_us is not None:
        children.append(_timestamp("partition deleted at", change.deleted_at_us, surroundings))
    children += [_cell(cell, surroundings) for cell in change.static_cells]
    children += [_deletion(deletion, surroundings) for deletion in change.range_deletions[:CHILDREN_MAX]]
    children += [_row(row, surroundings) for row in change.rows[:CHILDREN_MAX]]
    if len(change.rows) > CHILDREN_MAX:
        children.append(more(len(change.rows) - CHILDREN_MAX))
    children += [_change(batched, surroundings) for batched in change.batched[:CHILDREN_MAX]]
    kind = ""
    if change.table is not None and change.table.base is not None:
        kind = f"{'index' if change.table.is_index else 'view'} of {change.table.base}"
    return FieldNode(change.table_name, "", kind, children=tuple(children))


def _row(row: RowChange, surroundings: Surroundings) -> FieldNode:
    children = []
    if row.marker is not MarkerKind.NONE and row.marker_timestamp_us is not None:
        name = "row deleted at" if row.marker is MarkerKind.DEAD else "row exists since"
        children.append(_timestamp(name, row.marker_timestamp_us, surroundings))
    if row.deleted_at_us is not None:
        name = "row deleted at" + (" (shadowable)" if row.is_shadowable else "")
        children.append(_timestamp(name, row.deleted_at_us, surroundings))
    children += [_cell(cell, surroundings) for cell in row.cells]
    key = ", ".join(value.text for value in row.key)
    return FieldNode("row", bounded(printable(f"[{key}]")) if key else "", children=tuple(children))


def _cell(cell: CellChange, surroundings: Surroundings) -> FieldNode:
    notes = [meaning_of("timestamp", cell.timestamp_us, surroundings)]
    if cell.ttl_s is not None:
        notes.append(f"ttl {cell.ttl_s} s")
    if cell.kind in {CellKind.COUNTER, CellKind.COUNTER_UPDATE}:
        notes.append(cell.kind.value)
    text = "deleted" if cell.kind is CellKind.DEAD else cell.text
    return _leaf(cell.column, text, " · ".join(note for note in notes if note))


def _deletion(deletion: RangeDeletion, surroundings: Surroundings) -> FieldNode:
    start = ", ".join(value.text for value in deletion.start.key)
    end = ", ".join(value.text for value in deletion.end.key)
    left = "[" if deletion.start.is_inclusive else "("
    right = "]" if deletion.end.is_inclusive else ")"
    note = meaning_of("timestamp", deletion.timestamp_us, surroundings)
    return _leaf("rows deleted", f"{left}{start} … {end}{right}", note)


def _result(rows: tuple[ResultRow, ...]) -> FieldNode:
    shown = []
    for index, row in enumerate(rows[:CHILDREN_MAX]):
        parts = []
        if row.partition_key is not None:
            parts.append(_key("partition key", row.partition_key))
        if row.key:
            parts.append(_key("clustering key", row.key))
        parts += [_leaf(name, value.text) for name, value in row.values]
        shown.append(FieldNode(f"[{index}]", "", children=tuple(parts)))
    if len(rows) > CHILDREN_MAX:
        shown.append(more(len(rows) - CHILDREN_MAX))
    return FieldNode("rows", str(len(rows)), children=tuple(shown))
