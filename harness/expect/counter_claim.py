"""The claim that counter updates are counted by one replica, their leader, and replicated from there.

A coordinator that does not lead itself asks the leader, which answers when enough replicas have the new value. The
leader sends the other replicas what it has counted, as a coordinator sends a write.

Source:
    ScyllaDB docs, "Counters"; Scylla, service/storage_proxy.cc (mutate_counters); capture counter of both lines.
"""

from dataclasses import dataclass

from harness.codec.verbs.writes import CounterMutationRequest
from harness.events.changes import CellKind
from harness.events.contents import changes_of
from harness.events.message import Kind, Message
from harness.events.statements import ClientStatement, Key
from harness.events.trace import Trace
from harness.expect.consistency import Requirement
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import (
    examine_answers,
    examine_outcome,
    examine_paths,
    is_about,
    is_of_counters,
    messages_of,
    partitions_of,
    requirement,
)
from harness.expect.write_groups import WriteGroup
from harness.schema import Table

_COUNTER_MUTATION = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterUpdate:
    """The claim; made by ``counter_update``."""

    table: str | None = None

    def __str__(self) -> str:
        where = "" if self.table is None else f" of {self.table}"
        return f"counter updates{where} are counted by one replica and replicated from there"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the updates of counters in a trace, or in a scope."""
        inspection = Inspection(trace, scope)
        updates = [
            statement
            for statement in inspection.statements()
            if statement.is_change
            and is_of_counters(statement, trace.schema)
            and is_about(statement, self.table)
        ]
        if not updates:
            where = "" if self.table is None else f" of {self.table}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"no counter update{where} is to be seen")
        for statement in updates:
            inspection.show(0, statement.name)
            examine_outcome(inspection, statement)
            for table, key in partitions_of(inspection, statement, self.table):
                examine_counter(inspection, statement, table, key)
        return inspection.verdict(str(self))


def counter_update(*, table: TableLike | None = None) -> CounterUpdate:
    """Claim that counters are updated as they must be.

    Args:
        table: of which; None: any.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return CounterUpdate(table=name_of(table))


def examine_counter(inspection: Inspection, statement: ClientStatement, table: Table, key: Key) -> None:
    """Find what is wrong with the counter update of one partition."""
    what = f"{statement.name}: {table.full_name}({inspection.key_text(table, key)})"
    replicas = inspection.placement.replicas(table, key)
    request = messages_of(inspection, statement.request)
    if not replicas:
        why = inspection.placement.obstacle(table) or f"the replicas of {table.full_name} are not known"
        inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what}: {why}", *request)
        return
    names = {node.name for node in replicas}
    asked = _asked(inspection, statement, key)
    leader = statement.coordinator
    end: Message | None = None
    if asked is not None:
        leader = asked.receiver_node or asked.receiver.address
        end = inspection.trace.exchange_of(asked).reply
        shown = (asked,) if end is None else (asked, end)
        inspection.show(1, f"{statement.coordinator} → {leader}: COUNTER_MUTATION", *shown)
        if end is None:
            why = inspection.why_unanswered(asked, "COUNTER_MUTATION")
            text = f"{what}: {statement.coordinator} → {leader}: packet {asked.frame_last} was not answered"
            inspection.fail(Fault.NOT_ANSWERED, text, asked, why=why)
        elif end.kind is not Kind.REPLY:
            text = f"{what}: {leader} failed, as it says in packet {end.frame_last}"
            inspection.fail(Fault.FAILED, text, asked, end)
    if leader not in names:
        text = f"{what}: {leader} is no replica, and cannot lead"
        why = (
            ""
            if asked is not None or not request
            else inspection.why_missing(
                "COUNTER_MUTATION", sender=statement.coordinator, receiver=None, at=request[0]
            )
        )
        inspection.fail(Fault.MISDIRECTED, text, *((asked,) if asked is not None else request), why=why)
        return
    groups = [
        group
        for group in inspection.groups_of(statement)
        if group.coordinator == leader and group.key == key and group.verb == "MUTATION"
    ]
    if not groups:
        if names != {leader} and request and statement.error is None:
            at = asked or request[0]
            why = inspection.why_missing("MUTATION", sender=leader, receiver=None, at=at)
            inspection.fail(Fault.MISSING, f"{what}: {leader} sends no MUTATION", at, why=why)
        return
    group = groups[0]
    examine_paths(inspection, statement, what, group, replicas)
    examine_answers(inspection, what, group)
    cells = [cell for row in changes_of(group.mutation, inspection.trace.schema).rows for cell in row.cells]
    if any(cell.kind is CellKind.COUNTER_UPDATE for cell in cells):
        text = f"{what}: packet {group.first.frame_last} replicates what is to be added, not what was counted"
        inspection.fail(Fault.WRONG_CONTENT, text, group.first)
    if statement.error is None:
        wanted = requirement(inspection, statement, table, replicas, statement.consistency_level)
        examine_counter_level(inspection, statement, what, wanted, group)


def examine_counter_level(
    inspection: Inspection, statement: ClientStatement, what: str, wanted: Requirement, group: WriteGroup
) -> None:
    """Find a leader, or a coordinator that leads, that answers before enough replicas have the new value."""
    asked = _asked(inspection, statement, group.key)
    end = None if asked is None else inspection.trace.exchange_of(asked).reply
    number = statement.result if asked is None else None if end is None else end.number
    lacking = 0 if number is None else wanted.lacking({*group.acknowledged_by(number), group.coordinator})
    if lacking:
        packet = statement.result_frame if end is None else end.frame_last
        text = f"{what}: packet {packet} says that it is done, when {lacking} acknowledgements were missing"
        why = inspection.why_missing("MUTATION_DONE", sender=None, receiver=group.coordinator, at=group.first)
        inspection.fail(Fault.TOO_EARLY, text, *messages_of(inspection, number), why=why)


def _asked(inspection: Inspection, statement: ClientStatement, key: Key) -> Message | None:
    """The message by which a coordinator asks a leader."""
    for message in inspection.scopes.of(statement).messages:
        if message.verb == _COUNTER_MUTATION and message.kind is Kind.REQUEST:
            body = message.body
            if isinstance(body, CounterMutationRequest) and any(
                mutation.key.components == key for mutation in body.mutations
            ):
                return message
    return None
