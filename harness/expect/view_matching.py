"""Holds the updates that were sent for one base row against those that its writes make due.

Updates are matched to what is due in several passes, the surest first: the right one between the right nodes; then
the right one between wrong nodes; then one between the right nodes with wrong contents. What is left of the dues is
missing, what is left of the updates doubled or unexplained.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.events.changes import RowChange
from harness.events.message import Message
from harness.events.typed_value import Value, key_values
from harness.expect.base_writes import Answer, BaseWrite
from harness.expect.finding import Fault
from harness.expect.row_state import Cell, CellId, ClusteringKey, PartitionState
from harness.expect.view_change import (
    ChangeKind,
    ChangeSet,
    Need,
    ViewChange,
    changes_between,
    difference,
    kind_of,
)
from harness.expect.view_definition import Key, ViewDefinition, ViewKey
from harness.expect.view_pairing import ViewPairing
from harness.topology import Topology

ASSUMED_MAX = 8
"""So many rows of the view are tried as the one in which a base row stood before the capture."""


class BaseKey(NamedTuple):
    """Where a base row stands."""

    partition: Key
    clustering: ClusteringKey


class ViewUpdate(NamedTuple):
    """What one message changes in one row of a view."""

    message: Message
    sender: str
    receiver: str
    key: ViewKey
    row: RowChange | None
    """None: the whole partition of the view is deleted, this row with it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Due:
    """An update that a write makes due."""

    write: BaseWrite
    change: ViewChange
    target: str | None
    """The view replica paired with the base replica; None: it has none, or that is not known."""
    is_pair_known: bool
    update: ViewUpdate | None = None

    @property
    def is_local(self) -> bool:
        """Whether base replica and view replica are one node."""
        return self.target == self.write.node

    @property
    def is_required(self) -> bool:
        """Whether it is wrong if the update does not come."""
        return self.change.need is Need.REQUIRED and self.write.answer in {Answer.DONE, Answer.LOCAL}


class RowFault(NamedTuple):
    """What is wrong with the updates of a base row."""

    fault: Fault
    due: Due | None = None
    update: ViewUpdate | None = None
    write: BaseWrite | None = None
    text: str = ""


@dataclass(slots=True, kw_only=True)
class RowResult:
    """What was found of one base row."""

    key: BaseKey
    dues: list[Due] = field(default_factory=list)
    faults: list[RowFault] = field(default_factory=list)
    assumed: ViewKey | None = None
    """Where the view is taken to have shown the row before the capture, because updates say so."""
    depends_on_past: bool = False
    """Whether anything that was there before the capture could have made more updates due."""

    @property
    def badness(self) -> tuple[int, int]:
        """Less is better; faults that may only be ignorance count less."""
        unknown = sum(fault.fault is Fault.UNKNOWN for fault in self.faults)
        return len(self.faults) - unknown, unknown


class ViewMatcher:
    """Examines base rows of one view.

    Args:
        definition: of the view.
        pairing: of base replicas and view replicas.
        topology: the nodes.
        is_known: the base table was empty when the capture began.
        resets: numbers of messages after which the table was empty.
    """

    def __init__(
        self,
        definition: ViewDefinition,
        pairing: ViewPairing,
        topology: Topology,
        *,
        is_known: bool,
        resets: Sequence[int] = (),
    ) -> None:
        self._definition = definition
        self._pairing = pairing
        self._topology = topology
        self._is_known = is_known
        self._resets = resets

    def examine(self, key: BaseKey, writes: Sequence[BaseWrite], updates: Sequence[ViewUpdate]) -> RowResult:
        """Match the updates of a base row.

        Args:
            key: of the base row.
            writes: that change it, or all its partition, in the order of the trace.
            updates: of rows of the view that stand for it, in the order of the trace.
        """
        best = self._examine(key, writes, updates, None)
        if not best.faults:
            return best
        for ordered in _orders(writes):
            found = self._examine(key, ordered, updates, None)
            if found.badness < best.badness:
                best, writes = found, ordered
        if self._is_known or not best.faults:
            return best
        told = dict.fromkeys(
            fault.update.key
            for fault in best.faults
            if fault.update is not None and fault.fault is Fault.UNEXPLAINED and fault.update.row is not None
        )
        for view_key in list(told)[:ASSUMED_MAX]:
            found = self._examine(key, writes, updates, view_key)
            # Of two that are equally bad, the one that explains an update by a past is likelier.
            if found.badness < best.badness or (found.badness == best.badness and best.assumed is None):
                best = found
        return best

    def is_local(self, write: BaseWrite) -> bool:
        """Whether the updates of a write stay on its node, whatever they are."""
        node = self._topology.node_named(write.node)
        return node is not None and self._pairing.is_always_local(node, write.ring_token)

    def _examine(
        self,
        key: BaseKey,
        writes: Sequence[BaseWrite],
        updates: Sequence[ViewUpdate],
        assumed: ViewKey | None,
    ) -> RowResult:
        result = RowResult(key=key, assumed=assumed)
        cells = {} if assumed is None else self._definition.assumed_cells(assumed)
        by_node: dict[str, list[BaseWrite]] = {}
        for write in writes:
            by_node.setdefault(write.node, []).append(write)
        undetermined: dict[int, BaseWrite] = {}
        for some in by_node.values():
            for write, changes in self._changes(key, some, cells):
                result.dues += [self._due(write, change) for change in changes.changes]
                if changes.unknown and not self.is_local(write):
                    result.depends_on_past = True
                    if changes.is_undetermined and write.answer is not Answer.FAILED:
                        undetermined.setdefault(write.message.number, write)
        result.dues.sort(key=lambda due: due.write.began)
        result.faults += _match(self._definition, result.dues, updates)
        result.faults += [
            RowFault(Fault.UNKNOWN, write=write, text="whether the view showed the row before is not known")
            for write in undetermined.values()
        ]
        return result

    def _changes(
        self, key: BaseKey, writes: Iterable[BaseWrite], cells: Mapping[CellId, Cell]
    ) -> Iterator[tuple[BaseWrite, ChangeSet]]:
        base = self._definition.base
        state = PartitionState(
            base, is_known=self._is_known, assumed={key.clustering: cells} if cells else {}
        )
        values = self._clustering_values(key)
        began = 0
        for write in writes:
            if any(began < reset < write.began for reset in self._resets):
                state = PartitionState(base, is_known=True)
            began = write.began
            before = state.image(key.clustering, values)
            state.apply(write.change, write.mutation, write.time_ns)
            after = state.image(key.clustering, values)
            if before != after:
                yield (
                    write,
                    changes_between(
                        self._definition, key.partition, key.clustering, before, after, write.time_ns
                    ),
                )

    def _clustering_values(self, key: BaseKey) -> tuple[Value, ...]:
        base = self._definition.base
        return key_values(self._definition.schema, base, base.clustering_key, key.clustering)

    def _due(self, write: BaseWrite, change: ViewChange) -> Due:
        node = self._topology.node_named(write.node)
        token = change.key.token
        if node is None or not self._pairing.view_replicas(token):
            return Due(write=write, change=change, target=None, is_pair_known=False)
        paired = self._pairing.paired(node, write.ring_token, token)
        return Due(
            write=write, change=change, target=None if paired is None else paired.name, is_pair_known=True
        )


def _orders(writes: Sequence[BaseWrite]) -> Iterator[Sequence[BaseWrite]]:
    """Other orders in which writes under way at the same time may have been applied."""
    if len(writes) < 2:
        return
    acknowledged = sorted(
        writes,
        key=lambda write: (
            write.message.number if write.acknowledgement is None else write.acknowledgement.number
        ),
    )
    if acknowledged != list(writes):
        yield acknowledged


# Matching.


def _match(definition: ViewDefinition, dues: Sequence[Due], updates: Sequence[ViewUpdate]) -> list[RowFault]:
    left = dict.fromkeys(range(len(updates)))
    faults: list[RowFault] = []
    open_dues = [due for due in dues if not due.is_local]

    def take(due: Due, index: int) -> None:
        due.update = updates[index]
        open_dues.remove(due)
        # The deletion of a partition deletes several rows.
        if updates[index].row is not None:
            left.pop(index, None)

    # The right ones.
    for due in list(open_dues):
        for index in left:
            update = updates[index]
            if _is_between(update, due) and _fits(definition, due, update) == "":
                take(due, index)
                break
    used = {id(due.update.message) for due in dues if due.update is not None and due.update.row is None}
    left = {
        index: None
        for index in left
        if updates[index].row is not None or id(updates[index].message) not in used
    }
    # Sent twice to the same node: not to be taken for another one's.
    faults += _doubled(dues, updates, left, anywhere=False)
    # Right contents between wrong nodes.
    for due in [*open_dues, *(due for due in dues if due.is_local and due.is_required)]:
        for index in list(left):
            update = updates[index]
            if (update.sender == due.write.node or update.receiver == due.target) and _fits(
                definition, due, update
            ) == "":
                faults.append(RowFault(Fault.MISDIRECTED, due, update))
                due.update = update
                if due in open_dues:
                    open_dues.remove(due)
                del left[index]
                break
    faults += _doubled(dues, updates, left, anywhere=True)
    # Wrong contents between the right nodes: of the right row, else of another.
    for same_row in (True, False):
        for due in list(open_dues):
            for index in list(left):
                update = updates[index]
                if not _is_between(update, due) or (update.key == due.change.key) is not same_row:
                    continue
                if update.message.number <= due.write.began or not _same_kind(update, due):
                    continue
                text = _fits(definition, due, update) if same_row else "it is for another row of the view"
                faults.append(RowFault(Fault.WRONG_CONTENT, due, update, text=text))
                take(due, index)
                break
    for due in open_dues:
        if due.target is None and not due.is_pair_known:
            faults.append(
                RowFault(Fault.UNKNOWN, due, write=due.write, text="who stores the view row is not known")
            )
        elif due.target is not None and due.is_required:
            faults.append(RowFault(Fault.MISSING, due))
    faults += [RowFault(Fault.UNEXPLAINED, update=updates[index]) for index in left]
    return faults


def _is_between(update: ViewUpdate, due: Due) -> bool:
    if update.sender != due.write.node:
        return False
    return update.receiver == due.target or not due.is_pair_known


def _fits(definition: ViewDefinition, due: Due, update: ViewUpdate) -> str:
    """What keeps an update from being the one that is due; empty: nothing does."""
    change = due.change
    if update.message.number <= due.write.began:
        return "it is sent before the write"
    if update.row is None:
        is_deletion = change.kind is ChangeKind.DELETE and update.key.partition == change.key.partition
        return "" if is_deletion else "it deletes the partition"
    if update.key != change.key:
        return "it is for another row of the view"
    return difference(definition, change, update.row, due.write.time_ns)


def _same_kind(update: ViewUpdate, due: Due) -> bool:
    return update.row is not None and kind_of(update.row) is due.change.kind


def _doubled(
    dues: Sequence[Due], updates: Sequence[ViewUpdate], left: dict[int, None], *, anywhere: bool
) -> list[RowFault]:
    """Take out what its sender has sent before, to the same node or anywhere."""
    found: list[RowFault] = []
    for index in list(left):
        update = updates[index]
        for due in dues:
            known = due.update
            if known is None or (known.sender, known.key, known.row) != (
                update.sender,
                update.key,
                update.row,
            ):
                continue
            if anywhere or known.receiver == update.receiver:
                found.append(RowFault(Fault.DOUBLED, due, update))
                del left[index]
                break
    return found
