"""The claim that batches are written as they must be: logged ones only once the batchlog has them.

A logged batch of several partitions goes to the batchlog of up to two other live nodes of the coordinator's
datacenter first. When one of them has acknowledged it, the writes follow; when these are done, the log is deleted.
Unlogged batches, and those of one partition, need no log.

Source:
    Scylla, service/storage_proxy.cc (mutate_atomically), db/batchlog_manager.cc; capture batch of both lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.events.contents import changes_of
from harness.events.statements import ClientStatement, Key
from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import (
    examine_answers,
    examine_outcome,
    examine_write,
    is_about,
    is_plain_write,
    messages_of,
    partitions_of,
)
from harness.expect.write_groups import WriteGroup
from harness.schema import Table

_BATCHLOGS = frozenset({"system.batchlog", "system.batchlog_v2"})
_LOG_NODES_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The claim; made by ``batches``."""

    table: str | None = None

    def __str__(self) -> str:
        where = "" if self.table is None else f" on {self.table}"
        return (
            f"batches{where} are written, logged ones after the batchlog has them and before it forgets them"
        )

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the batches of a trace, or of a scope: no counters, no lightweight transactions."""
        inspection = Inspection(trace, scope)
        batches = [
            statement
            for statement in inspection.statements()
            if statement.batch_type is not None
            and is_plain_write(statement, trace.schema)
            and is_about(statement, self.table)
        ]
        if not batches:
            where = "" if self.table is None else f" on {self.table}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"no batch{where} is to be seen")
        for statement in batches:
            inspection.show(0, statement.name)
            _examine(inspection, statement)
        return inspection.verdict(str(self))


def batches(*, table: TableLike | None = None) -> Batch:
    """Claim that batches are written as they must be.

    Args:
        table: on which, among others; None: any but those of the system.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return Batch(table=name_of(table))


def _examine(inspection: Inspection, statement: ClientStatement) -> None:
    examine_outcome(inspection, statement)
    partitions = partitions_of(inspection, statement, None)
    own = list(inspection.groups_of(statement))
    logs = [group for group in own if group.table is not None and group.table.full_name in _BATCHLOGS]
    needs_log = statement.batch_type == "LOGGED" and len(partitions) > 1
    if needs_log:
        _examine_log(inspection, statement, partitions, logs, own)
    for group in () if needs_log else logs:
        text = f"{statement.name}: packet {group.first.frame_last} writes to the batchlog for no reason"
        inspection.fail(Fault.UNEXPLAINED, text, group.first)
    for table, key in partitions:
        examine_write(inspection, statement, table, key)


def _examine_log(
    inspection: Inspection,
    statement: ClientStatement,
    partitions: Sequence[tuple[Table, Key]],
    logs: Sequence[WriteGroup],
    own: Sequence[WriteGroup],
) -> None:
    request = messages_of(inspection, statement.request)
    near = inspection.placement.datacenter_of(statement.coordinator_address)
    others = [
        node
        for node in inspection.trace.topology.nodes
        if node.datacenter == near and node.address != statement.coordinator_address
    ]
    if not others or not request:
        return
    written = [group for group in logs if not group.mutation.partition.tombstone.exists]
    deleted = [group for group in logs if group.mutation.partition.tombstone.exists]
    what = f"{statement.name}: its batchlog"
    live = [node for node in others if inspection.silence.silent_ns(node.address, request[0].time_ns) is None]
    wanted = min(_LOG_NODES_MAX, len(live))
    for name, groups in (("entry", written), ("deletion", deleted)):
        reached = {delivery.receiver for group in groups for delivery in group.deliveries}
        if len(reached) < wanted:
            why = inspection.why_missing(
                "MUTATION", sender=statement.coordinator, receiver=None, at=request[0]
            )
            at = [group.first for group in (*groups, *written)][:1] or list(request)
            text = f"{what}: the {name} reaches {', '.join(sorted(reached)) or 'nobody'}, not {wanted} nodes"
            inspection.fail(Fault.MISSING, text, *at, why=why)
        for group in groups:
            examine_answers(inspection, f"{what}: {name}", group)
            for delivery in group.deliveries:
                shown = [delivery.message, *delivery.answers[:1]]
                inspection.show(1, f"{delivery.sender} → {delivery.receiver}: batchlog, {name}", *shown)
    writes = [group for group in own if group not in logs and group.coordinator == statement.coordinator]
    if written:
        _examine_contents(inspection, what, written[0], partitions)
    _examine_order(inspection, what, written, deleted, writes)


def _examine_contents(
    inspection: Inspection, what: str, log: WriteGroup, partitions: Sequence[tuple[Table, Key]]
) -> None:
    batched = changes_of(log.mutation, inspection.trace.schema).batched
    seen = sorted(
        f"{change.table_name}({', '.join(value.text for value in change.key)})" for change in batched
    )
    wanted = sorted({f"{table.full_name}({inspection.key_text(table, key)})" for table, key in partitions})
    if seen != wanted:
        text = f"{what}: packet {log.first.frame_last} holds {', '.join(seen) or 'nothing'}, not {', '.join(wanted)}"
        inspection.fail(Fault.WRONG_CONTENT, text, log.first)


def _examine_order(
    inspection: Inspection,
    what: str,
    written: Sequence[WriteGroup],
    deleted: Sequence[WriteGroup],
    writes: Sequence[WriteGroup],
) -> None:
    acknowledged = [
        answer.number for group in written for delivery in group.deliveries for answer in delivery.answers
    ]
    first_write = min((group.first for group in writes), key=lambda message: message.number, default=None)
    if (
        first_write is not None
        and written
        and min(acknowledged, default=first_write.number) >= first_write.number
    ):
        text = f"{what}: packet {first_write.frame_last} writes before anybody has acknowledged the entry"
        inspection.fail(Fault.WRONG_ORDER, text, first_write)
    for group in deleted:
        late = [one for one in writes if one.first.number > group.first.number]
        if late:
            text = (
                f"{what}: packet {group.first.frame_last} deletes the entry, before packet "
                f"{late[0].first.frame_last} writes"
            )
            inspection.fail(Fault.WRONG_ORDER, text, group.first, late[0].first)
