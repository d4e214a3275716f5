"""The claim that writes reach their replicas: each of them, once, and as many acknowledge as the client asked for.

The coordinator sends every replica of its own datacenter the write itself; of every other datacenter one replica,
which sends it on to the rest. All get the same, all answer the coordinator. A replica that is the coordinator applies
its own write without a message. What a dead replica missed, a hint may bring later.

Source:
    ScyllaDB docs, "ScyllaDB Architecture - Fault Tolerance", "Consistency Levels"; Scylla, service/storage_proxy.cc
    (which replicas get a write, and who sends it on); captures write_rf2, write_rf3, multi_dc of both lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.events.message import Message
from harness.events.statements import ClientStatement, Key
from harness.events.trace import Trace
from harness.expect.consistency import Requirement, checked_level, requirement_of
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_groups import Delivery, WriteGroup
from harness.schema import Schema, Table
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The claim; made by ``write``."""

    table: str | None = None
    replication_factor: int | None = None
    consistency_level: str | None = None

    def __str__(self) -> str:
        parts = [f"writes{'' if self.table is None else f' to {self.table}'} reach every replica once"]
        if self.replication_factor is not None:
            parts.append(f"{self.replication_factor} replicas each")
        parts.append(
            f"{self.consistency_level or 'the consistency level'} is reached before the client's reply"
        )
        return ", ".join(parts)

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the plain writes of a trace, or of a scope: no counters, no lightweight transactions."""
        inspection = Inspection(trace, scope)
        writes = [
            statement
            for statement in inspection.statements()
            if is_plain_write(statement, trace.schema) and is_about(statement, self.table)
        ]
        if not writes:
            what = "no write" if self.table is None else f"no write to {self.table}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what} is to be seen")
        for statement in writes:
            self._examine(inspection, statement)
        return inspection.verdict(str(self))

    def _examine(self, inspection: Inspection, statement: ClientStatement) -> None:
        inspection.show(0, statement.name)
        wanted = self.consistency_level
        if wanted is not None and statement.consistency_level != wanted:
            text = f"{statement.name}: its consistency level is {statement.consistency_level}, not {wanted}"
            inspection.fail(Fault.WRONG_CONTENT, text, *messages_of(inspection, statement.request))
        examine_outcome(inspection, statement)
        for table, key in partitions_of(inspection, statement, self.table):
            examine_write(inspection, statement, table, key, replication_factor=self.replication_factor)


def write(*, table: TableLike | None = None, rf: int | None = None, consistency: str | None = None) -> Write:
    """Claim that plain writes reach all replicas once, and that the client hears when enough have answered.

    Args:
        table: to which; None: any but those of the system.
        rf: how many replicas each partition has; None: as the schema says.
        consistency: the level that the statements have; None: whichever.

    Raises:
        ExpectationError: there is no such consistency level, or the table lacks its keyspace.
    """
    return Write(
        table=name_of(table),
        replication_factor=rf,
        consistency_level=None if consistency is None else checked_level(consistency),
    )


# Statements.


def is_about(statement: ClientStatement, table: str | None) -> bool:
    """Whether a statement names a table; without one, whether it names any but those of the system."""
    if table is not None:
        return table in statement.tables
    return bool(statement.tables) and not all(name.startswith("system") for name in statement.tables)


def is_plain_write(statement: ClientStatement, schema: Schema) -> bool:
    """Whether a statement changes rows, and neither counters nor by a lightweight transaction."""
    return statement.is_change and not statement.is_conditional and not is_of_counters(statement, schema)


def is_of_counters(statement: ClientStatement, schema: Schema) -> bool:
    """Whether a statement is about a table of counters."""
    for name in statement.tables:
        keyspace, _, short = name.rpartition(".")
        table = schema.table(keyspace, short)
        if table is not None and any(column.type == "counter" for column in table.regular_columns):
            return True
    return False


def messages_of(inspection: Inspection, *numbers: int | None) -> tuple[Message, ...]:
    """The messages with these numbers, as far as they are there."""
    found = [inspection.message(number) for number in numbers if number is not None]
    return tuple(message for message in found if message is not None)


def examine_outcome(inspection: Inspection, statement: ClientStatement) -> None:
    """Find a statement that failed, or was never answered."""
    request = messages_of(inspection, statement.request)
    if statement.error is not None:
        text = f"{statement.name}: the client was told {statement.error} in packet {statement.result_frame}"
        inspection.fail(Fault.FAILED, text, *messages_of(inspection, statement.result))
    elif statement.result is None and request:
        why = inspection.why_no_result(statement)
        inspection.fail(Fault.NOT_ANSWERED, f"{statement.name}: the client got no answer", *request, why=why)


def partitions_of(
    inspection: Inspection, statement: ClientStatement, table: str | None
) -> tuple[tuple[Table, Key], ...]:
    """Tables and partition keys that a statement changes, from its text, else from what its coordinator sent."""
    found: dict[tuple[Table, Key], None] = {}
    for part in statement.parts:
        if part.table is None or (table is not None and part.table != table):
            continue
        keyspace, _, name = part.table.rpartition(".")
        known = inspection.trace.schema.table(keyspace, name)
        if known is not None and part.keys is not None:
            found |= dict.fromkeys((known, key) for key in part.keys)
            continue
        for group in inspection.groups_of(statement):
            if group.table is not None and group.table.full_name == part.table:
                found[group.table, group.key] = None
    return tuple(found)


def requirement(
    inspection: Inspection, statement: ClientStatement, table: Table, replicas: Sequence[Node], level: str
) -> Requirement:
    """What a consistency level asks for in a statement."""
    return requirement_of(
        level,
        replicas,
        inspection.placement.datacenter_of(statement.coordinator_address),
        is_by_datacenter=inspection.placement.is_by_datacenter(table),
    )


# One partition.


def examine_write(
    inspection: Inspection,
    statement: ClientStatement,
    table: Table,
    key: Key,
    *,
    replication_factor: int | None = None,
    consistency_level: str | None = None,
) -> None:
    """Find what is wrong with the write of one partition.

    Args:
        inspection: notes it.
        statement: of the client.
        table: that is written.
        key: of the partition.
        replication_factor: how many replicas there have to be; None: any number.
        consistency_level: that has to be reached before the client's reply; None: the statement's.
    """
    what = f"{statement.name}: {table.full_name}({inspection.key_text(table, key)})"
    replicas = inspection.placement.replicas(table, key)
    groups = [
        group
        for group in inspection.groups_of(statement)
        if group.coordinator == statement.coordinator
        and group.table is not None
        and group.table.full_name == table.full_name
        and group.key == key
        and group.verb == "MUTATION"
    ]
    request = messages_of(inspection, statement.request)
    if not replicas:
        why = inspection.placement.obstacle(table) or f"the replicas of {table.full_name} are not known"
        inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what}: {why}", *request)
        return
    if replication_factor is not None and len(replicas) != replication_factor:
        text = f"{what}: it has {len(replicas)} replicas, not {replication_factor}"
        inspection.fail(Fault.WRONG_COUNT, text, *request)
    if len(groups) > 1:
        packets = " and ".join(str(group.first.frame_last) for group in groups)
        firsts = [group.first for group in groups]
        inspection.fail(Fault.DOUBLED, f"{what} is written twice, from packets {packets} on", *firsts)
    names = [node.name for node in replicas]
    if not groups:
        if statement.error is None and request:
            for name in names:
                if name != statement.coordinator:
                    _missing(inspection, statement, what, name, request[0], None)
        return
    group = groups[0]
    examine_paths(inspection, statement, what, group, replicas)
    examine_answers(inspection, what, group)
    if statement.error is None:
        level = consistency_level or statement.consistency_level
        wanted = requirement(inspection, statement, table, replicas, level)
        examine_level(inspection, statement, what, wanted, group)


def examine_level(
    inspection: Inspection, statement: ClientStatement, what: str, wanted: Requirement, group: WriteGroup
) -> None:
    """Find a client's reply that comes before enough replicas have acknowledged a write."""
    if statement.result is None:
        return
    answered = {*group.acknowledged_by(statement.result), group.coordinator}
    lacking = wanted.lacking(answered)
    if lacking:
        text = (
            f"{what}: the client heard in packet {statement.result_frame}, when {lacking} of the {wanted.count} "
            f"acknowledgements that {wanted.consistency_level} takes were missing"
        )
        hiding = inspection.why_missing(
            "MUTATION_DONE", sender=None, receiver=group.coordinator, at=group.first
        )
        messages = messages_of(inspection, statement.result)
        inspection.fail(Fault.TOO_EARLY, text, *messages, why=hiding)


def examine_paths(
    inspection: Inspection,
    statement: ClientStatement,
    what: str,
    group: WriteGroup,
    replicas: Sequence[Node],
) -> None:
    """Find replicas that got nothing, too much, or got it by the wrong way.

    Args:
        inspection: notes them.
        statement: of the client.
        what: is written.
        group: the write.
        replicas: that have to get it.
    """
    by_receiver: dict[str, list[Delivery]] = {}
    for delivery in group.deliveries:
        by_receiver.setdefault(delivery.receiver, []).append(delivery)
    for node in replicas:
        some = by_receiver.pop(node.name, [])
        if node.name == group.coordinator:
            inspection.show(1, f"{node.name}: its own write", note="not on the wire")
        elif not some:
            _missing(inspection, statement, what, node.name, group.first, group)
        for delivery in some[:1]:
            shown = [delivery.message, *delivery.answers[:1]]
            inspection.show(1, f"{delivery.sender} → {delivery.receiver}: {group.verb}", *shown)
        if len(some) > 1:
            packets = " and ".join(str(one.message.frame_last) for one in some)
            messages = [one.message for one in some]
            inspection.fail(
                Fault.DOUBLED, f"{what}: {node.name} got it twice, in packets {packets}", *messages
            )
    for name, some in by_receiver.items():
        for delivery in some:
            text = (
                f"{what}: {delivery.sender} → {name}: packet {delivery.message.frame_last} goes to no replica"
            )
            known = inspection.trace.topology.node_named(name)
            why = "" if known is not None and known.tokens else f"what {name} stores is not known"
            inspection.fail(Fault.MISDIRECTED, text, delivery.message, why=why)
    _examine_forwarding(inspection, what, group)
    if group.mutations_differ:
        text = f"{what}: its replicas did not all get the same"
        inspection.fail(Fault.WRONG_CONTENT, text, *(one.message for one in group.deliveries))


def _examine_forwarding(inspection: Inspection, what: str, group: WriteGroup) -> None:
    near = inspection.placement.datacenter_of(group.coordinator_address)
    nodes = {node.name: node for node in inspection.trace.topology.nodes}
    forwarders: dict[str, list[Delivery]] = {}
    for delivery in group.direct:
        node = nodes.get(delivery.receiver)
        if node is None:
            continue
        if node.datacenter != near:
            forwarders.setdefault(node.datacenter, []).append(delivery)
        elif delivery.forward:
            text = (
                f"{what}: packet {delivery.message.frame_last} asks {delivery.receiver}, of the coordinator's own "
                f"datacenter, to send it on to {', '.join(delivery.forward)}"
            )
            inspection.fail(Fault.MISDIRECTED, text, delivery.message)
    for datacenter, some in forwarders.items():
        if len(some) > 1:
            packets = " and ".join(str(one.message.frame_last) for one in some)
            text = f"{what}: it crosses to {datacenter} more than once, in packets {packets}"
            inspection.fail(Fault.DOUBLED, text, *(one.message for one in some))
    asked = {(one.receiver, name) for one in group.direct for name in one.forward}
    for delivery in group.sent_on:
        if (delivery.sender, delivery.receiver) not in asked:
            text = (
                f"{what}: {delivery.sender} → {delivery.receiver}: packet {delivery.message.frame_last} comes from "
                f"a node that was not asked to send it on"
            )
            inspection.fail(Fault.MISDIRECTED, text, delivery.message)


def _missing(
    inspection: Inspection,
    statement: ClientStatement,
    what: str,
    replica: str,
    at: Message,
    group: WriteGroup | None,
) -> None:
    if group is not None and _hint(inspection, group, replica) is not None:
        inspection.show(1, f"{replica}: a hint brings it", _hint(inspection, group, replica) or at)
        return
    sender = statement.coordinator
    if group is not None:
        sender = next((one.receiver for one in group.direct if replica in one.forward), sender)
    verb = "MUTATION" if group is None else group.verb
    text = f"{what}: {sender} → {replica}: {verb} is missing"
    why = inspection.why_missing(verb, sender=sender, receiver=replica, at=at)
    inspection.fail(Fault.MISSING, text, at, why=why)


def _hint(inspection: Inspection, group: WriteGroup, replica: str) -> Message | None:
    """The hint that brings a write to a replica later."""
    for other in inspection.write_groups:
        if other.verb == "HINT_MUTATION" and other.mutation == group.mutation:
            for delivery in other.deliveries:
                if delivery.receiver == replica:
                    return delivery.message
    return None


def examine_answers(inspection: Inspection, what: str, group: WriteGroup) -> None:
    """Find what was not acknowledged, or acknowledged twice, wrongly, or as failed."""
    for delivery in group.deliveries:
        message = delivery.message
        where = f"{what}: {delivery.sender} → {delivery.receiver}: packet {message.frame_last}"
        if not delivery.answers:
            if _hint(inspection, group, delivery.receiver) is None:
                why = inspection.why_unanswered(message, "MUTATION_DONE")
                inspection.fail(Fault.NOT_ACKNOWLEDGED, f"{where} was not acknowledged", message, why=why)
            continue
        failed = delivery.failed
        if failed is not None:
            text = f"{where} failed, as {delivery.receiver} says in packet {failed.frame_last}"
            inspection.fail(Fault.FAILED, text, message, failed)
        if len(delivery.answers) > 1:
            packets = " and ".join(str(answer.frame_last) for answer in delivery.answers)
            text = f"{where} was acknowledged {len(delivery.answers)} times, in packets {packets}"
            inspection.fail(Fault.DOUBLED, text, message, *delivery.answers)
        for answer in delivery.answers:
            if (answer.sender_node, answer.receiver_node) != (delivery.receiver, group.coordinator):
                text = (
                    f"{where} was acknowledged by {answer.sender_node} to {answer.receiver_node}, "
                    f"in packet {answer.frame_last}"
                )
                inspection.fail(Fault.MISDIRECTED, text, message, answer)
