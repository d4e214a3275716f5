"""The claim that what a replica missed is brought to it later, by a hint of the coordinator, once.

Hints are kept of plain writes, not of lightweight transactions or counters, and sent when the replica is back.

Source:
    ScyllaDB docs, "Hinted Handoff"; Scylla, db/hints/; captures hinted_handoff, paused_replica, pause_then_read_all
    of both lines.
"""

from dataclasses import dataclass

from harness.events.trace import Trace
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.rpc_patterns import one_way
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import examine_answers, is_about, is_plain_write
from harness.expect.write_groups import Delivery, WriteGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """The claim; made by ``hints``."""

    table: str | None = None

    def __str__(self) -> str:
        where = "" if self.table is None else f" to {self.table}"
        return f"writes{where} that a replica missed are brought to it by a hint, once"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the hints of a trace, and against its writes that a replica missed."""
        inspection = Inspection(trace, scope)
        hints = [
            group
            for group in inspection.write_groups
            if group.verb == "HINT_MUTATION" and _is_of(group, self.table)
        ]
        seen: dict[tuple[object, str], Delivery] = {}
        in_scope = 0
        for group in hints:
            for delivery in group.deliveries:
                if not (scope.holds(delivery.message) or self._is_owned(inspection, group)):
                    continue
                in_scope += 1
                self._examine_hint(inspection, group, delivery)
                first = seen.setdefault((group.mutation, delivery.receiver), delivery)
                # What was not acknowledged is sent again.
                if first is not delivery and _is_done_before(first, delivery):
                    packets = f"{first.message.frame_last} and {delivery.message.frame_last}"
                    text = f"{self._what(inspection, group, delivery)} came twice, in packets {packets}"
                    inspection.fail(Fault.DOUBLED, text, first.message, delivery.message)
        missed = self._examine_missed(inspection, seen)
        if not in_scope and not missed:
            where = "" if self.table is None else f" to {self.table}"
            text = f"no hint is to be seen, and no write{where} that a replica missed"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text)
        return inspection.verdict(str(self))

    def _is_owned(self, inspection: Inspection, group: WriteGroup) -> bool:
        """Whether a hint is for a write of a statement in the scope."""
        statement = group.statement
        request = None if statement is None else inspection.message(statement.request)
        return request is not None and inspection.scope.holds(request)

    def _examine_hint(self, inspection: Inspection, group: WriteGroup, delivery: Delivery) -> None:
        what = self._what(inspection, group, delivery)
        inspection.show(0, what, delivery.message, *delivery.answers[:1])
        examine_answers(inspection, what, group)
        table = group.table
        replicas = () if table is None else inspection.placement.replicas(table, group.key)
        if replicas and delivery.receiver not in {node.name for node in replicas}:
            text = f"{what}: packet {delivery.message.frame_last} goes to no replica"
            inspection.fail(Fault.MISDIRECTED, text, delivery.message)
        for other in inspection.write_groups:
            is_write = (
                other.verb != "HINT_MUTATION" and other.statement is not None and other.statement.is_change
            )
            # What a read repaired meanwhile the keeper of the hint does not know of.
            if is_write and other.mutation == group.mutation:
                reached = [one for one in other.deliveries if one.receiver == delivery.receiver]
                done = next((one.done for one in reached if one.done is not None), None)
                # A coordinator that takes a node for dead keeps a hint, and its late answer changes nothing.
                if done is not None and done.time_ns - other.first.time_ns < _LATE_NS:
                    text = (
                        f"{what}: packet {delivery.message.frame_last} brings what {delivery.receiver} had "
                        f"acknowledged in packet {done.frame_last}"
                    )
                    inspection.fail(Fault.UNEXPLAINED, text, delivery.message, done)

    def _examine_missed(self, inspection: Inspection, seen: dict[tuple[object, str], Delivery]) -> int:
        """Find writes that a replica missed, and that no hint brings; count those that were missed."""
        count = 0
        numbers = {statement.number for statement in inspection.statements()}
        for group in inspection.write_groups:
            statement, table = group.statement, group.table
            if statement is None or table is None or statement.number not in numbers:
                continue
            if group.verb != "MUTATION" or group.coordinator != statement.coordinator:
                continue
            if table.full_name not in statement.tables:
                continue
            if not is_plain_write(statement, inspection.trace.schema) or not is_about(statement, self.table):
                continue
            done = {*group.acknowledged_by(None), group.coordinator}
            for node in inspection.placement.replicas(table, group.key):
                if node.name in done:
                    continue
                count += 1
                if (group.mutation, node.name) not in seen:
                    text = (
                        f"{statement.name}: {table.full_name}({inspection.key_text(table, group.key)}): "
                        f"{group.coordinator} → {node.name}: no HINT_MUTATION brings what it missed"
                    )
                    hiding = inspection.losses.hiding(
                        one_way("HINT_MUTATION", sender=group.coordinator, receiver=node.name)
                    )
                    why = "; ".join(hiding)
                    if not why and not self._is_back(inspection, node.address, group):
                        why = f"the capture ends before {node.name} is back for long enough"
                    inspection.fail(Fault.MISSING, text, group.first, why=why)
        return count

    def _is_back(self, inspection: Inspection, address: str, group: WriteGroup) -> bool:
        """Whether a node is heard for long enough after a write that hints could have come."""
        messages = inspection.trace.messages
        heard = [
            message.time_ns
            for message in messages
            if message.sender.address == address and message.time_ns > group.first.time_ns
        ]
        return bool(heard) and messages[-1].time_ns - heard[0] >= _HINT_PERIOD_NS

    def _what(self, inspection: Inspection, group: WriteGroup, delivery: Delivery) -> str:
        name = "an unknown table" if group.table is None else group.table.full_name
        origin = "" if group.statement is None else f"{group.statement.name}: "
        key = inspection.key_text(group.table, group.key)
        return f"{origin}{name}({key}): {delivery.sender} → {delivery.receiver}: HINT_MUTATION"


def hints(*, table: TableLike | None = None) -> Hints:
    """Claim that replicas get what they missed.

    Args:
        table: of which; None: any.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return Hints(table=name_of(table))


_LATE_NS = 100_000_000
"""Who answers later may have been taken for dead: failure detectors begin to doubt after a few hundred ms."""
_HINT_PERIOD_NS = 20_000_000_000
"""Hints are written to disk every ten seconds, and sent thereafter."""


def _is_done_before(first: Delivery, delivery: Delivery) -> bool:
    """Whether a hint was acknowledged before it was sent once more."""
    return first.done is not None and first.done.number < delivery.message.number


def _is_of(group: WriteGroup, table: str | None) -> bool:
    return table is None or (group.table is not None and group.table.full_name == table)
