"""What a write to a base row has to change in a view: rows that appear, change, or vanish, and what they hold."""

from dataclasses import dataclass
from enum import Enum

from harness.events.changes import MarkerKind, RowChange
from harness.expect.row_state import Cell, CellId, RowImage, Unknown, cells_of
from harness.expect.view_definition import Key, ViewDefinition, ViewKey


class ChangeKind(Enum):
    """What happens to a row of a view."""

    PUT = "put"
    """It appears, or its values change."""
    DELETE = "delete"


class Need(Enum):
    """Whether an update has to be sent."""

    REQUIRED = "required"
    ALLOWED = "allowed"
    """Nothing visible changes; Scylla sends one nevertheless in some of these cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChange:
    """An update of one row of a view that one write to a base row brings about."""

    kind: ChangeKind
    key: ViewKey
    need: Need
    before: RowImage
    """The base row before the write."""
    after: RowImage
    is_new: bool = False
    """The view did not show the row there before, so that all its values have to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """What one write to one base row brings about in a view."""

    changes: tuple[ViewChange, ...] = ()
    unknown: str = ""
    """Why it cannot be told whether there is more; empty if it can."""
    is_undetermined: bool = False
    """Nothing can be told: the outcome depends on what was there before, and nothing else shows it."""


def changes_between(
    definition: ViewDefinition,
    partition: Key,
    clustering: Key,
    before: RowImage,
    after: RowImage,
    time_ns: int,
) -> ChangeSet:
    """Compare a base row before and after a write.

    Args:
        definition: the view.
        partition: partition key of the base row.
        clustering: its clustering key.
        before: the row as it stood.
        after: the same with the write.
        time_ns: when the write was applied.
    """
    old = definition.view_key_of(partition, clustering, before, time_ns)
    new = definition.view_key_of(partition, clustering, after, time_ns)
    if isinstance(new, Unknown):
        return ChangeSet(
            unknown="whether the view shows the row depends on what was there before the capture",
            is_undetermined=True,
        )
    put = ChangeKind.PUT
    if isinstance(old, Unknown):
        found = () if new is None else (_change(put, new, before, after),)
        return ChangeSet(
            changes=found,
            unknown="whether the view showed the row before the capture is not known",
            is_undetermined=not found,
        )
    if old is None:
        return ChangeSet(changes=() if new is None else (_change(put, new, before, after, is_new=True),))
    if new is None:
        return ChangeSet(changes=(_change(ChangeKind.DELETE, old, before, after),))
    if old == new:
        need = _need(definition, before, after, time_ns)
        return ChangeSet(changes=() if need is None else (_change(put, new, before, after, need),))
    deletion = _change(ChangeKind.DELETE, old, before, after)
    return ChangeSet(changes=(deletion, _change(put, new, before, after, is_new=True)))


def _change(
    kind: ChangeKind,
    key: ViewKey,
    before: RowImage,
    after: RowImage,
    need: Need = Need.REQUIRED,
    *,
    is_new: bool = False,
) -> ViewChange:
    return ViewChange(kind=kind, key=key, need=need, before=before, after=after, is_new=is_new)


def _need(definition: ViewDefinition, before: RowImage, after: RowImage, time_ns: int) -> Need | None:
    """Whether a row that stays where it is gets an update; None: it must not."""
    shown = definition.shown_columns | set(definition.valued_key_columns)
    changed = _changed(before, after)
    if any(column in shown for column, _ in changed):
        return Need.REQUIRED
    if after.deleted_at_us != before.deleted_at_us:
        return Need.REQUIRED
    if before.marker != after.marker:
        return Need.ALLOWED
    if not changed:
        return None
    # Values that the view does not show may still decide how long its row lives.
    has_marker = after.marker is not None and after.marker.is_live_at(time_ns) and after.marker.ttl_s is None
    if has_marker and all(element == "" for _, element in changed):
        return None
    return Need.ALLOWED


def _changed(before: RowImage, after: RowImage) -> list[CellId]:
    """Cells that are there afterwards and were not before, or not so."""
    found = [cell_id for cell_id, cell in after.cells.items() if before.cells.get(cell_id) != cell]
    gone = [cell_id for cell_id in before.cells if cell_id not in after.cells]
    return found + gone


# What an update that was seen holds.


def kind_of(row: RowChange) -> ChangeKind | None:
    """Whether an update of a view's row writes it or deletes it; None: it holds neither."""
    shown = [cell for cell in row.cells if not cell.is_virtual]
    is_alive = row.marker in {MarkerKind.LIVE, MarkerKind.EXPIRING}
    if is_alive or any(not cell.is_dead for _, cell in cells_of(shown, 0)):
        return ChangeKind.PUT
    if row.deleted_at_us is not None or row.marker is MarkerKind.DEAD or row.cells:
        return ChangeKind.DELETE
    return None


def difference(definition: ViewDefinition, change: ViewChange, row: RowChange, time_ns: int) -> str:
    """The first thing in an update of a view's row that is not as it has to be; empty: there is nothing.

    Args:
        definition: the view.
        change: what has to be.
        row: the update as it was sent.
        time_ns: when the base row was written.
    """
    if change.kind is ChangeKind.DELETE:
        return _difference_of_deletion(definition, change, row)
    return _difference_of_put(definition, change, row, time_ns)


def _difference_of_deletion(definition: ViewDefinition, change: ViewChange, row: RowChange) -> str:
    if kind_of(row) is ChangeKind.PUT:
        return "it writes the row instead of deleting it"
    before, after = change.before, change.after
    if not definition.valued_key_columns:
        return ""
    if row.deleted_at_us is None:
        return "it does not delete the row"
    is_deleted = after.deleted_at_us is not None and after.deleted_at_us != before.deleted_at_us
    # If only the view's key changes, the old row goes as far back as its key's value, and may come again.
    wanted_us = after.deleted_at_us if is_deleted else definition.key_timestamp_us(before)
    if wanted_us is not None and row.deleted_at_us != wanted_us:
        return f"it deletes what is not newer than {row.deleted_at_us} µs, not {wanted_us} µs"
    if not is_deleted and not row.is_shadowable:
        return "its deletion is not shadowable, though the base row lives on"
    return ""


def _difference_of_put(definition: ViewDefinition, change: ViewChange, row: RowChange, time_ns: int) -> str:
    before, after = change.before, change.after
    if kind_of(row) is ChangeKind.DELETE and definition.valued_key_columns:
        return "it deletes the row instead of writing it"
    seen = dict(cells_of(row.cells, time_ns))
    for (column, element), cell in seen.items():
        wanted = after.cells.get((column, element))
        if wanted is None and (after.is_partial or cell.is_dead):
            continue
        if wanted is None:
            return f"it writes {column} = {cell.text}, which the base row does not hold"
        if not _is_same(cell, wanted):
            return f"it writes {column} = {_stamped(cell)}, not {_stamped(wanted)}"
    for (column, element), wanted in after.cells.items():
        if column not in definition.shown_columns or (column, element) in seen:
            continue
        is_due = (
            wanted.is_live_at(time_ns) if change.is_new else before.cells.get((column, element)) != wanted
        )
        if is_due and change.need is Need.REQUIRED:
            return f"it lacks {column} = {_stamped(wanted)}"
    return _difference_of_marker(definition, after, row)


def _difference_of_marker(definition: ViewDefinition, after: RowImage, row: RowChange) -> str:
    if not definition.valued_key_columns:
        return ""
    wanted_us = definition.key_timestamp_us(after)
    if row.marker not in {MarkerKind.LIVE, MarkerKind.EXPIRING}:
        return "it has no row marker"
    if wanted_us is not None and row.marker_timestamp_us != wanted_us:
        return f"its row marker is of {row.marker_timestamp_us} µs, not {wanted_us} µs"
    return ""


def _is_same(cell: Cell, other: Cell) -> bool:
    return (cell.text, cell.timestamp_us, cell.is_dead, cell.ttl_s) == (
        other.text,
        other.timestamp_us,
        other.is_dead,
        other.ttl_s,
    )


def _stamped(cell: Cell) -> str:
    ttl = "" if cell.ttl_s is None else f" ttl={cell.ttl_s}s"
    return f"{cell.text}{ttl} of {cell.timestamp_us} µs"
