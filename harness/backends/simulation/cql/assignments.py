"""What a write does to one column of a row: the cells that it makes.

Source:
    Scylla (branch 4.2), cql3/constants.cc, lists.cc, sets.cc, maps.cc, user_types.cc; measured on the mutations of
    captures. A collection that is set as a whole gets a deletion one microsecond older than its elements.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.composite_values import collection_parts, tuple_parts
from harness.backends.simulation.cql.evaluation import Evaluation, Slot
from harness.backends.simulation.cql.prior_rows import PriorRows
from harness.backends.simulation.cql.request_error import invalid
from harness.backends.simulation.cql.statements import Assignment, Change
from harness.backends.simulation.storage.cells import Cell, SimpleCell, dead_cell, live_cell
from harness.backends.simulation.storage.partition import PartitionKey
from harness.backends.simulation.storage.tombstones import NO_TOMBSTONE
from harness.backends.simulation.table_layout import TableLayout
from harness.codec.cql.notation import Unset
from harness.codec.cql.types import CqlType, ListType, MapType, ScalarType, SetType, UserType
from harness.codec.verbs.common import Tombstone
from harness.codec.verbs.mutation import CollectionCell, CollectionElement, CounterCell, CounterDelta
from harness.table import ColumnKind

_TIME_UUID_EPOCH_100NS = 0x01B21DD213814000
_REFERENCE_100NS = 1_262_304_000_000 * 10_000 + _TIME_UUID_EPOCH_100NS
"""2010, at which the times of elements that are put in front of a list are mirrored."""


class WriteContext(NamedTuple):
    """One run of a write, for one row."""

    evaluation: Evaluation
    timestamp_us: int
    ttl_s: int
    key: PartitionKey
    row_key: tuple[bytes, ...]
    prior: PriorRows | None
    """What was there before; None: it does not matter."""

    @property
    def now_s(self) -> int:
        """Seconds since 1970."""
        return self.evaluation.moment.now_s

    def live(self, value: bytes) -> SimpleCell:
        """A cell with a value."""
        return live_cell(value, self.timestamp_us, self.ttl_s, self.now_s)

    def dead(self) -> SimpleCell:
        """A deleted cell."""
        return dead_cell(self.timestamp_us, self.now_s)

    def tombstone(self) -> Tombstone:
        """A deletion."""
        return Tombstone(timestamp=self.timestamp_us, deletion_time=self.now_s)

    def tombstone_just_before(self) -> Tombstone:
        """A deletion of everything that was there before the elements of this write."""
        return Tombstone(timestamp=self.timestamp_us - 1, deletion_time=self.now_s)

    def elements_before(self, name: str) -> list[tuple[bytes, bytes]]:
        """Keys and values of what a collection held."""
        assert self.prior is not None
        return self.prior.elements(self.key, self.row_key, name)


_MakeCell = Callable[[WriteContext], Cell | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """A prepared assignment."""

    column: str
    is_static: bool
    slots: tuple[Slot, ...]
    needs_prior: bool
    """Whether it depends on what the column held."""
    cell: _MakeCell
    """Makes the cell to be written; None: the column is left as it is. Raises RequestError."""


def operation_of(layout: TableLayout, assignment: Assignment) -> Operation:
    """Prepare an assignment, or a deletion of a column or of a part of one.

    Raises:
        RequestError: INVALID: there is no such column, or this cannot be done with it.
    """
    name = assignment.column
    column = layout.column(name)
    if column is None:
        raise invalid(f"Unknown identifier {name}")
    if column.kind in {ColumnKind.PARTITION_KEY, ColumnKind.CLUSTERING}:
        if assignment.change in _DELETIONS:
            raise invalid(f"Invalid identifier {name} for deletion (should not be a PRIMARY KEY part)")
        raise invalid(f"PRIMARY KEY part {name} found in SET part")
    make = _of_counter if layout.types[name] is ScalarType.COUNTER else _of_cells
    slots, needs_prior, cell = make(layout, assignment)
    return Operation(name, column.kind is ColumnKind.STATIC, slots, needs_prior, cell)


_DELETIONS = frozenset({Change.DELETE, Change.DELETE_ELEMENT, Change.DELETE_FIELD})

_Made = tuple[tuple[Slot, ...], bool, _MakeCell]


def _value_slot(assignment: Assignment, cql_type: CqlType, name: str) -> Slot:
    assert assignment.value is not None
    return Slot(assignment.value, cql_type, name)


def _of_counter(_layout: TableLayout, assignment: Assignment) -> _Made:
    name = assignment.column
    if assignment.change is Change.DELETE:
        return (), False, lambda context: context.dead()
    if assignment.change not in {Change.ADD, Change.SUBTRACT}:
        raise invalid(
            f"Cannot set the value of counter column {name} (counters can only be incremented/decremented, not set)"
        )
    slot = _value_slot(assignment, ScalarType.BIGINT, name)
    sign = 1 if assignment.change is Change.ADD else -1

    def cell(context: WriteContext) -> Cell | None:
        value = context.evaluation.value(*slot)
        if value is None:
            raise invalid("Invalid null value for counter increment")
        if isinstance(value, Unset):
            return None
        delta = sign * int.from_bytes(value, "big", signed=True)
        if delta == 2**63:
            raise invalid(
                f"The negation of {-delta} overflows supported counter precision (signed 8 bytes integer)"
            )
        return CounterCell(created_at=context.timestamp_us, state=CounterDelta(delta=delta))

    return (slot,), False, cell


def _of_cells(layout: TableLayout, assignment: Assignment) -> _Made:
    name, cql_type = assignment.column, layout.types[assignment.column]
    is_multi_cell = layout.is_multi_cell(name)
    match assignment.change:
        case Change.SET if is_multi_cell:
            return _set_collection(layout, assignment)
        case Change.SET:
            return _set_value(assignment, cql_type)
        case Change.DELETE if is_multi_cell:
            return (), False, lambda context: CollectionCell(tombstone=context.tombstone(), elements=())
        case Change.DELETE:
            return (), False, lambda context: context.dead()
        case Change.SET_FIELD | Change.DELETE_FIELD:
            return _change_field(assignment, cql_type, is_multi_cell=is_multi_cell)
        case Change.SET_ELEMENT | Change.DELETE_ELEMENT:
            if not is_multi_cell or isinstance(cql_type, UserType):
                raise invalid(
                    f"Invalid operation ({name}[{assignment.key}]) for column {name} of type {cql_type}"
                )
            return _change_element(assignment, cql_type)
        case Change.ADD | Change.PREPEND | Change.SUBTRACT:
            if not is_multi_cell or isinstance(cql_type, UserType):
                raise invalid(
                    f"Invalid operation ({name} = {name} {assignment.change.value[0]} {assignment.value})"
                    f" for non counter column {name}"
                )
            return _add_or_subtract(layout, assignment, cql_type)


def _set_value(assignment: Assignment, cql_type: CqlType) -> _Made:
    slot = _value_slot(assignment, cql_type, assignment.column)

    def cell(context: WriteContext) -> Cell | None:
        value = context.evaluation.value(*slot)
        if isinstance(value, Unset):
            return None
        return context.dead() if value is None else context.live(value)

    return (slot,), False, cell


def _set_collection(layout: TableLayout, assignment: Assignment) -> _Made:
    name, cql_type = assignment.column, layout.types[assignment.column]
    slot = _value_slot(assignment, cql_type, name)

    def cell(context: WriteContext) -> Cell | None:
        value = context.evaluation.value(*slot)
        if isinstance(value, Unset):
            return None
        elements = () if value is None else _live_elements(layout, name, value, context)
        return CollectionCell(tombstone=context.tombstone_just_before(), elements=elements)

    return (slot,), False, cell


def _live_elements(
    layout: TableLayout, name: str, value: bytes, context: WriteContext
) -> tuple[CollectionElement, ...]:
    """The elements of a collection or user-defined type, given as one value."""
    cql_type = layout.types[name]
    pairs: Iterable[tuple[bytes, bytes]]
    match cql_type:
        case ListType():
            pairs = [
                (context.evaluation.moment.make_timeuuid().bytes, part) for part in collection_parts(value)
            ]
        case SetType():
            pairs = [(part, b"") for part in collection_parts(value)]
        case MapType():
            parts = collection_parts(value, parts_per_entry=2)
            pairs = zip(parts[::2], parts[1::2], strict=True)
        case _:
            pairs = [
                (index.to_bytes(2, "big"), part)
                for index, part in enumerate(tuple_parts(value))
                if part is not None
            ]
    return _sorted(layout, name, [CollectionElement(key=key, cell=context.live(part)) for key, part in pairs])


def _sorted(
    layout: TableLayout, name: str, elements: Iterable[CollectionElement]
) -> tuple[CollectionElement, ...]:
    order = layout.element_order(name)
    by_key = {element.key: element for element in elements}
    return tuple(sorted(by_key.values(), key=lambda element: order(element.key)))


def _some(elements: tuple[CollectionElement, ...]) -> Cell | None:
    """A cell that leaves the other elements as they are."""
    return CollectionCell(tombstone=NO_TOMBSTONE, elements=elements) if elements else None


def _add_or_subtract(layout: TableLayout, assignment: Assignment, cql_type: CqlType) -> _Made:
    name, change = assignment.column, assignment.change
    if change is Change.PREPEND and not isinstance(cql_type, ListType):
        raise invalid(f"Invalid operation ({assignment.value} + {name}) for column {name} of type {cql_type}")
    value_type = cql_type
    if change is Change.SUBTRACT and isinstance(cql_type, MapType):
        value_type = SetType(cql_type.key)
    slot = _value_slot(assignment, value_type, name)

    def cell(context: WriteContext) -> Cell | None:
        value = context.evaluation.value(*slot)
        if isinstance(value, Unset) or value is None:
            return None
        if change is Change.ADD:
            return _some(_live_elements(layout, name, value, context))
        if change is Change.PREPEND:
            return _some(_prepended(layout, name, value, context))
        gone = collection_parts(value)
        if isinstance(cql_type, ListType):
            gone = [key for key, element in context.elements_before(name) if element in gone]
        dead = [CollectionElement(key=key, cell=context.dead()) for key in gone]
        return _some(_sorted(layout, name, dead))

    return (slot,), change is Change.SUBTRACT and isinstance(cql_type, ListType), cell


def _prepended(
    layout: TableLayout, name: str, value: bytes, context: WriteContext
) -> tuple[CollectionElement, ...]:
    """Elements whose keys are older, the later they are written: their times run backwards."""
    parts = collection_parts(value)
    keys = [_mirrored(context.evaluation.moment.make_timeuuid()) for _ in parts]
    elements = [
        CollectionElement(key=key, cell=context.live(part))
        for key, part in zip(reversed(keys), parts, strict=True)
    ]
    return _sorted(layout, name, elements)


def _mirrored(timeuuid: UUID) -> bytes:
    time = 2 * _REFERENCE_100NS - timeuuid.time
    high = (time >> 48) & 0x0FFF | 0x1000
    low = timeuuid.int & (2**64 - 1)
    return UUID(int=(time & 0xFFFFFFFF) << 96 | ((time >> 32) & 0xFFFF) << 80 | high << 64 | low).bytes


def _change_element(assignment: Assignment, cql_type: CqlType) -> _Made:
    name = assignment.column
    assert assignment.key is not None
    key_type: CqlType
    match cql_type:
        case MapType():
            key_type, value_type = cql_type.key, cql_type.value
        case ListType():
            key_type, value_type = ScalarType.INT, cql_type.element
        case SetType() if assignment.change is Change.DELETE_ELEMENT:
            key_type, value_type = cql_type.element, cql_type.element
        case _:
            raise invalid(
                f"Invalid operation ({name}[{assignment.key}] = {assignment.value}) for column {name}"
                f" of type {cql_type}"
            )
    is_list = isinstance(cql_type, ListType)
    key_slot = Slot(assignment.key, key_type, f"idx({name})" if is_list else f"key({name})")
    value_slot = None if assignment.value is None else Slot(assignment.value, value_type, f"value({name})")

    def cell(context: WriteContext) -> Cell | None:
        key = context.evaluation.required(*key_slot)
        if is_list:
            key = _key_at(key, name, context)
        value = None if value_slot is None else context.evaluation.value(*value_slot)
        if isinstance(value, Unset):
            return None
        element = context.dead() if value is None else context.live(value)
        return _some((CollectionElement(key=key, cell=element),))

    slots = (key_slot,) if value_slot is None else (key_slot, value_slot)
    return slots, is_list, cell


def _key_at(index_bytes: bytes, name: str, context: WriteContext) -> bytes:
    """The key of the element at an index of a list."""
    index = int.from_bytes(index_bytes, "big", signed=True)
    elements = context.elements_before(name)
    if not elements:
        raise invalid(f"Attempted to set an element on a list which is null: {name}")
    if not 0 <= index < len(elements):
        raise invalid(f"List index {index} out of bound, list {name} has size {len(elements)}")
    return elements[index][0]


def _change_field(assignment: Assignment, cql_type: CqlType, *, is_multi_cell: bool) -> _Made:
    name, field = assignment.column, assignment.field or ""
    if not isinstance(cql_type, UserType):
        raise invalid(f"Invalid operation ({name}.{field}) for column {name} of type {cql_type}")
    if not is_multi_cell:
        raise invalid(f"Invalid operation ({name}.{field}) for frozen UDT column {name}")
    names = [one for one, _ in cql_type.fields]
    if field not in names:
        raise invalid(f"UDT column {name} does not have a field named {field}")
    index = names.index(field)
    key = index.to_bytes(2, "big")
    slot = (
        None
        if assignment.value is None
        else Slot(assignment.value, cql_type.fields[index][1], f"{name}.{field}")
    )

    def cell(context: WriteContext) -> Cell | None:
        value = None if slot is None else context.evaluation.value(*slot)
        if isinstance(value, Unset):
            return None
        element = context.dead() if value is None else context.live(value)
        return _some((CollectionElement(key=key, cell=element),))

    return () if slot is None else (slot,), False, cell
