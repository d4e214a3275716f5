"""One view in one trace: its base writes, its updates, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest
from harness.events.contents import changes_of
from harness.events.message import Message, Protocol
from harness.events.statement_text import Action
from harness.events.trace import Trace
from harness.events.typed_value import key_text, key_values
from harness.events.write_timestamps import write_timestamps
from harness.expect.base_writes import (
    HINT_MUTATION,
    Answer,
    BaseWrite,
    answer_to,
    base_writes_of,
    ids_of,
    node_name,
    write_of,
)
from harness.expect.finding import Fault, Finding, verdict_of
from harness.expect.inspection import CHARACTERS, Inspection
from harness.expect.rpc_patterns import one_way
from harness.expect.scope import Scope
from harness.expect.verdict import Outcome
from harness.expect.view_definition import ViewDefinition, ViewKey
from harness.expect.view_matching import BaseKey, Due, RowFault, RowResult, ViewMatcher, ViewUpdate
from harness.expect.view_pairing import ViewPairing
from harness.expect.view_report import Pair, PairState, ViewReport, proof_of, transcript_of

_ROW_BEARERS = frozenset(
    {
        "REPAIR_PUT_ROW_DIFF",
        "REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM",
        "REPAIR_GET_ROW_DIFF",
        "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM",
        "STREAM_BLOB",
        "STREAM_MUTATION",
        "STREAM_MUTATION_FRAGMENTS",
    }
)
_GREGORIAN_100NS = 0x01B21DD213814000
"""From the beginning of time UUIDs to 1970."""


class ViewExamination:
    """Looks through a trace for what is wrong with the updates of one view.

    Args:
        definition: of the view.
        trace: all messages.
        scope: what of it is judged.
        claim: what is claimed, in words.
        is_synchronous: base replicas have to wait for the updates.
    """

    def __init__(
        self, definition: ViewDefinition, trace: Trace, scope: Scope, *, claim: str, is_synchronous: bool
    ) -> None:
        self._claim = claim
        self._is_synchronous = is_synchronous
        self._trace = trace
        self._scope = scope
        self._definition = definition
        self._base, self._view = self._definition.base, self._definition.view
        self._inspection = Inspection(trace, scope)
        self._placement = self._inspection.placement
        self._began_ns = trace.messages[0].first_ns if trace.messages else 0
        self._pairs: list[Pair] = []
        self._slowest_ns = 0
        """How long after its base write the slowest update came."""
        self._notes: dict[str, None] = {}

    def report(self) -> ViewReport:
        """Examine everything."""
        obstacle = self._definition.obstacle or self._placement.obstacle(self._base)
        if obstacle:
            self._inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, obstacle)
        else:
            self._examine()
        verdict = verdict_of(
            self._claim,
            self._inspection.findings,
            proof=proof_of(self._pairs),
            transcript=transcript_of(self._pairs, self._notes),
            scope=self._scope.name,
        )
        return ViewReport(
            verdict=verdict,
            pairs=tuple(self._pairs),
            findings=tuple(self._inspection.findings),
            notes=tuple(self._notes),
        )

    # Writes and updates, by base row.

    def _examine(self) -> None:
        writes = base_writes_of(self._trace, self._base, self._placement, self._inspection.scopes)
        updates, partition_deletions = self._updates()
        is_known = self._was_empty()
        matcher = ViewMatcher(
            self._definition,
            ViewPairing(self._trace.topology, self._placement, self._base, self._view),
            self._trace.topology,
            is_known=is_known,
            resets=self._truncations(),
        )
        if not any(self._is_in_scope(write) for write in writes):
            text = f"no write to {self._base.full_name} is to be seen"
            self._inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text)
        by_row: dict[BaseKey, list[BaseWrite]] = {}
        wide: dict[tuple[bytes, ...], list[BaseWrite]] = {}
        for write in writes:
            for row in dict.fromkeys(row.key.components for row in write.mutation.partition.rows):
                by_row.setdefault(BaseKey(write.partition, row), []).append(write)
            if write.change.partition_deleted or write.change.range_deletions:
                wide.setdefault(write.partition, []).append(write)
        told: set[tuple[bytes, ...]] = set()
        used: set[int] = set()
        results: list[RowResult] = []
        for key in dict.fromkeys((*by_row, *updates)):
            some = {id(write): write for write in (*by_row.get(key, ()), *wide.get(key.partition, ()))}
            ordered = sorted(some.values(), key=_write_order)
            result = matcher.examine(key, ordered, [*updates.get(key, ()), *partition_deletions])
            told.add(key.partition)
            used |= {due.update.message.number for due in result.dues if due.update is not None}
            results.append(result)
        self._slowest_ns = max((_lag_ns(due) for result in results for due in result.dues), default=0)
        for result in results:
            self._take(result)
        for deletion in partition_deletions:
            if deletion.message.number not in used:
                self._unexplained(deletion, "")
        if not is_known:
            for partition, some_writes in wide.items():
                if partition not in told:
                    self._deletion_of_unknown_rows(matcher, some_writes)
        self._examine_answers(writes)
        self._inspection.findings.sort(key=_finding_order)
        self._pairs.sort(key=lambda pair: pair.write.began)

    def _was_empty(self) -> bool:
        """Whether the base table was created within the capture: its id tells when."""
        table_id = self._base.id
        if table_id is None or table_id.version != 1:
            return False
        return (table_id.time - _GREGORIAN_100NS) * 100 >= self._began_ns

    def _truncations(self) -> list[int]:
        return [
            statement.result
            for statement in self._inspection.scopes.statements
            if statement.action is Action.TRUNCATE
            and statement.tables == (self._base.full_name,)
            and statement.result is not None
            and statement.error is None
        ]

    def _updates(self) -> tuple[dict[BaseKey, list[ViewUpdate]], list[ViewUpdate]]:
        """Updates by base row, and deletions of whole partitions of the view."""
        ids = ids_of(self._trace, self._view)
        found: dict[BaseKey, list[ViewUpdate]] = {}
        partition_deletions: list[ViewUpdate] = []
        for message in self._trace.messages:
            write = write_of(message)
            if write is None or write[1].table_id not in ids:
                continue
            if not isinstance(write[0], MutationRequest | HintMutationRequest):
                continue
            for update in self._updates_in(message, write[1]):
                base_key = self._definition.base_key_of(update.key)
                if update.row is None:
                    partition_deletions.append(update)
                elif base_key is not None:
                    found.setdefault(BaseKey(*base_key), []).append(update)
                else:
                    text = f"packet {message.frame_last} changes rows of {self._view.full_name} of no known base row"
                    self._inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, message)
        return found, partition_deletions

    def _updates_in(self, message: Message, mutation: Mutation) -> Iterator[ViewUpdate]:
        sender, receiver = node_name(message, is_sender=True), node_name(message, is_sender=False)
        change = changes_of(mutation, self._trace.schema)
        partition = mutation.key.components
        if change.deleted_at_us is not None:
            yield ViewUpdate(message, sender, receiver, ViewKey(partition, ()), None)
        for row, wire_row in zip(change.rows, mutation.partition.rows, strict=True):
            yield ViewUpdate(message, sender, receiver, ViewKey(partition, wire_row.key.components), row)

    # Results.

    def _take(self, result: RowResult) -> None:
        base_key = self._base_key_text(result.key)
        misdirected = {id(fault.update) for fault in result.faults if fault.fault is Fault.MISDIRECTED}
        retried = self._retried(result)
        for due in result.dues:
            if not self._is_in_scope(due.write):
                continue
            acknowledgement = None
            if due.update is not None and id(due.update) not in misdirected:
                acknowledgement = self._acknowledgement(due, due.update, base_key, retried)
            self._pairs.append(self._pair(due, base_key, acknowledgement))
        for fault in result.faults:
            self._take_fault(fault, base_key)
        if result.assumed is not None:
            where = self._view_key_text(result.assumed)
            self._notes[
                f"({base_key}) stood in row ({where}) of the view before the capture, as its updates say"
            ] = None
        elif result.depends_on_past:
            self._notes[f"({base_key}) is taken to have had no row in the view before the capture"] = None

    def _pair(self, due: Due, base_key: str, acknowledgement: Message | None) -> Pair:
        state = PairState.NOT_SEEN
        if due.is_local:
            state = PairState.LOCAL
        elif due.update is not None:
            state = PairState.SEEN
        elif due.target is None:
            state = PairState.UNPAIRED
        return Pair(
            write=due.write,
            base_key=base_key,
            view_key=self._view_key_text(due.change.key),
            kind=due.change.kind,
            base_replica=due.write.node,
            view_replica=due.target,
            state=state,
            update=None if due.update is None else due.update.message,
            acknowledgement=acknowledgement,
        )

    def _take_fault(self, fault: RowFault, base_key: str) -> None:
        due, update = fault.due, fault.update
        match fault.fault:
            case Fault.MISSING if due is not None:
                self._missing(due, base_key)
            case Fault.DOUBLED if due is not None and update is not None and due.update is not None:
                if update.message.verb != HINT_MUTATION and self._is_in_scope(due.write):
                    text = f"{self._due_text(due, base_key)} came twice, in packets {due.update.message.frame_last} and {update.message.frame_last}"
                    self._inspection.fail(Fault.DOUBLED, text, due.update.message, update.message)
            case Fault.MISDIRECTED if due is not None and update is not None:
                if self._is_in_scope(due.write):
                    text = f"{self._due_text(due, base_key)} went from {update.sender} to {update.receiver}, in packet {update.message.frame_last}"
                    self._inspection.fail(Fault.MISDIRECTED, text, update.message)
            case Fault.WRONG_CONTENT if due is not None and update is not None:
                if self._is_in_scope(due.write):
                    text = f"{self._due_text(due, base_key)}: packet {update.message.frame_last} is wrong, {fault.text}"
                    self._inspection.fail(Fault.WRONG_CONTENT, text, update.message)
            case Fault.UNEXPLAINED if update is not None:
                self._unexplained(update, base_key)
            case _ if fault.write is not None and self._is_in_scope(fault.write):
                text = f"{fault.write.origin}: ({base_key}): {fault.text}"
                self._inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, fault.write.message)
            case _:
                pass

    def _missing(self, due: Due, base_key: str) -> None:
        if not self._is_in_scope(due.write):
            return
        target = due.target or ""
        text = f"{self._due_text(due, base_key)} is missing; the base write came in packet {due.write.message.frame_last}"
        why = self._inspection.why_missing(
            "MUTATION",
            sender=due.write.node,
            receiver=target,
            at=due.write.message,
            slowest_ns=self._slowest_ns,
        )
        self._inspection.fail(Fault.MISSING, text, due.write.message, why=why)

    def _unexplained(self, update: ViewUpdate, base_key: str) -> None:
        message = update.message
        if not self._scope.holds(message):
            return
        write = write_of(message)
        newest_us = max(write_timestamps(write[1]), default=0) if write is not None else 0
        row = self._view_key_text(update.key)
        if newest_us * 1000 < self._began_ns:
            self._notes[
                f"packet {message.frame_last}: row ({row}) of the view, for a base row written before the capture"
            ] = None
            return
        text = (
            f"({base_key}): {update.sender} → {update.receiver}: packet {message.frame_last} changes row ({row}) "
            f"of the view, though no write to the base row asks for that"
        )
        hiding = self._inspection.losses.hiding(one_way("MUTATION", receiver=update.sender))
        why = "; ".join(hiding) or self._brought_otherwise.get(update.sender, "")
        self._inspection.fail(Fault.UNEXPLAINED, text, message, why=why)

    @cached_property
    def _brought_otherwise(self) -> dict[str, str]:
        """Nodes that got rows by repair or streaming, from which views are updated too; by name, with words."""
        found: dict[str, str] = {}
        for message in self._trace.messages:
            if message.verb_name in _ROW_BEARERS and message.protocol is Protocol.RPC:
                name = node_name(message, is_sender=False)
                what = f"{name} got rows by {message.verb_name} in packet {message.frame_last}"
                found.setdefault(name, f"{what}, and what they change is not followed")
        return found

    def _deletion_of_unknown_rows(self, matcher: ViewMatcher, writes: list[BaseWrite]) -> None:
        for write in {
            write.message.number: write for write in writes if not matcher.is_local(write)
        }.values():
            if self._is_in_scope(write):
                key = self._base_key_text(BaseKey(write.partition, ()))
                text = f"{write.origin}: which rows of ({key}) it deletes is not known"
                self._inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, write.message)

    # Acknowledgements.

    def _retried(self, result: RowResult) -> dict[int, Message]:
        """Hints that brought an update once more, by number of the message that did not."""
        return {
            fault.due.update.message.number: fault.update.message
            for fault in result.faults
            if fault.fault is Fault.DOUBLED
            and fault.due is not None
            and fault.due.update is not None
            and fault.update is not None
            and fault.update.message.verb == HINT_MUTATION
        }

    def _acknowledgement(
        self, due: Due, update: ViewUpdate, base_key: str, retried: dict[int, Message]
    ) -> Message | None:
        message = update.message
        replies = self._trace.exchange_of(message).replies
        answer, reply = answer_to(self._trace, message)
        if answer is not Answer.DONE and message.number in retried:
            answer, reply = answer_to(self._trace, retried[message.number])
        what = f"{self._due_text(due, base_key)}: packet {message.frame_last}"
        if reply is None:
            why = self._inspection.why_unanswered(message, "MUTATION_DONE")
            self._inspection.fail(Fault.NOT_ACKNOWLEDGED, f"{what} was not acknowledged", message, why=why)
            return None
        if answer is Answer.FAILED:
            text = f"{what} failed, as {update.receiver} says in packet {reply.frame_last}"
            self._inspection.fail(Fault.FAILED, text, message, reply)
        for other in replies:
            sides = (node_name(other, is_sender=True), node_name(other, is_sender=False))
            if sides != (update.receiver, update.sender):
                text = f"{what} was acknowledged by {sides[0]} to {sides[1]}, in packet {other.frame_last}"
                self._inspection.fail(Fault.MISDIRECTED, text, message, other)
        if len(replies) > 1:
            packets = " and ".join(str(other.frame_last) for other in replies)
            text = f"{what} was acknowledged {len(replies)} times, in packets {packets}"
            self._inspection.fail(Fault.DOUBLED, text, message, *replies)
        if self._is_synchronous:
            self._examine_order(due, reply, what)
        return reply

    def _examine_order(self, due: Due, reply: Message, what: str) -> None:
        statement = due.write.statement
        done = None if due.write.acknowledgement is None else due.write.acknowledgement.number
        if due.write.is_local and statement is not None:
            done = statement.result
        if done is not None and reply.number > done:
            text = f"{what} was acknowledged in packet {reply.frame_last}, after {due.write.node} had acknowledged the base write"
            self._inspection.fail(Fault.WRONG_ORDER, text, reply)

    def _examine_answers(self, writes: tuple[BaseWrite, ...]) -> None:
        """Base writes that nobody acknowledged: whether they were applied is not known."""
        for write in writes:
            if write.answer is not Answer.NONE or not self._is_in_scope(write):
                continue
            key = self._base_key_text(BaseKey(write.partition, ()))
            sender = node_name(write.message, is_sender=True)
            text = (
                f"{write.origin}: ({key}): {sender} → {write.node}: the base write in packet "
                f"{write.message.frame_last} was not acknowledged"
            )
            why = self._inspection.why_unanswered(write.message, "MUTATION_DONE")
            self._inspection.fail(Fault.NOT_ACKNOWLEDGED, text, write.message, why=why)

    # Words.

    def _is_in_scope(self, write: BaseWrite) -> bool:
        return self._scope.holds(write.message)

    def _due_text(self, due: Due, base_key: str) -> str:
        return f"{due.write.origin}: {replace(self._pair(due, base_key, None), state=PairState.LOCAL if due.is_local else PairState.SEEN)}"

    def _base_key_text(self, key: BaseKey) -> str:
        schema, base = self._trace.schema, self._base
        values = key_values(schema, base, base.partition_key, key.partition)
        values += key_values(schema, base, base.clustering_key, key.clustering)
        return key_text(values, CHARACTERS)

    def _view_key_text(self, key: ViewKey) -> str:
        schema, view = self._trace.schema, self._view
        values = key_values(schema, view, view.partition_key, key.partition)
        values += key_values(schema, view, view.clustering_key, key.clustering)
        return key_text(values, CHARACTERS)


def _lag_ns(due: Due) -> int:
    """How long after its base write an update came; hints wait for a node that was away."""
    if due.update is None or due.update.message.verb == HINT_MUTATION:
        return 0
    return max(0, due.update.message.time_ns - due.write.message.time_ns)


def _write_order(write: BaseWrite) -> tuple[int, bool]:
    return write.message.number, not write.is_local


def _finding_order(finding: Finding) -> int:
    return finding.messages[0].number if finding.messages else -1
