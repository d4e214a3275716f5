"""The claim that TRUNCATE reaches every node that stores some of the table, before the client hears of it.

Source:
    Scylla, service/storage_proxy.cc (truncate_blocking), service/topology_coordinator.cc; captures truncate of both
    lines, and of 2025.1 with tablets.
"""

from dataclasses import dataclass

from harness.codec.verbs.writes import TruncateRequest, TruncateWithTabletsRequest
from harness.events.message import Kind, Message
from harness.events.statement_text import Action
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.expect.base_writes import node_name
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import examine_outcome, is_about, messages_of
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """The claim; made by ``truncate``."""

    table: str | None = None

    def __str__(self) -> str:
        what = "TRUNCATE" if self.table is None else f"TRUNCATE of {self.table}"
        return f"{what} is done by every node that stores the table, before the client's reply"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the TRUNCATEs of a trace, or of a scope."""
        inspection = Inspection(trace, scope)
        found = [
            statement
            for statement in inspection.statements()
            if statement.action is Action.TRUNCATE and is_about(statement, self.table)
        ]
        if not found:
            what = "no TRUNCATE" if self.table is None else f"no TRUNCATE of {self.table}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what} is to be seen")
        for statement in found:
            inspection.show(0, statement.name)
            examine_outcome(inspection, statement)
            if statement.error is None and statement.result is not None:
                _examine(inspection, statement)
        return inspection.verdict(str(self))


def truncate(*, table: TableLike | None = None) -> Truncate:
    """Claim that tables are truncated everywhere.

    Args:
        table: which; None: any but those of the system.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return Truncate(table=name_of(table))


def _examine(inspection: Inspection, statement: ClientStatement) -> None:
    asked: dict[str, list[Message]] = {}
    sender = statement.coordinator
    for message in inspection.scopes.of(statement).messages:
        is_truncation = message.kind is Kind.REQUEST and isinstance(
            message.body, TruncateRequest | TruncateWithTabletsRequest
        )
        if is_truncation:
            sender = node_name(message, is_sender=True)
            asked.setdefault(node_name(message, is_sender=False), []).append(message)
    request = messages_of(inspection, statement.request)
    owners, verb = _owners(inspection, statement)
    if owners is None or not request:
        text = f"{statement.name}: which nodes store the table is not known: give a context"
        inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, *request)
        return
    for node in owners:
        some = asked.pop(node.name, [])
        where = f"{statement.name}: {sender} → {node.name}: {verb}"
        if node.name == sender:
            inspection.show(1, f"{node.name}: by itself", note="not on the wire")
        elif not some:
            why = inspection.why_missing(verb, sender=sender, receiver=node.name, at=request[0])
            inspection.fail(Fault.MISSING, f"{where} is missing", *request, why=why)
        if len(some) > 1:
            packets = " and ".join(str(message.frame_last) for message in some)
            inspection.fail(Fault.DOUBLED, f"{where} comes twice, in packets {packets}", *some)
        for message in some:
            _examine_answer(inspection, statement, where, message)
    for name, some in asked.items():
        for message in some:
            text = f"{statement.name}: {sender} → {name}: {verb} in packet {message.frame_last} goes to a node without data"
            inspection.fail(Fault.MISDIRECTED, text, message)


def _examine_answer(inspection: Inspection, statement: ClientStatement, where: str, message: Message) -> None:
    answer = inspection.trace.exchange_of(message).reply
    inspection.show(1, where.partition(": ")[2], *((message,) if answer is None else (message, answer)))
    if answer is None:
        why = inspection.why_unanswered(message, message.verb_name)
        text = f"{where} in packet {message.frame_last} was not answered"
        inspection.fail(Fault.NOT_ANSWERED, text, message, why=why)
    elif answer.kind is not Kind.REPLY:
        text = f"{where} failed, as packet {answer.frame_last} says"
        inspection.fail(Fault.FAILED, text, message, answer)
    elif statement.result is not None and answer.number > statement.result:
        text = f"{where} was answered in packet {answer.frame_last}, after the client had heard"
        inspection.fail(Fault.TOO_EARLY, text, answer, *messages_of(inspection, statement.result))


def _owners(inspection: Inspection, statement: ClientStatement) -> tuple[tuple[Node, ...] | None, str]:
    """The nodes that have to truncate, None if they are not known; and the verb."""
    topology = inspection.trace.topology
    keyspace, _, name = statement.tables[0].rpartition(".")
    table = inspection.trace.schema.table(keyspace, name)
    has_verb = {
        message.verb_name
        for message in inspection.scopes.of(statement).messages
        if message.kind is Kind.REQUEST
    }
    if (table is not None and inspection.placement.has_tablets(table)) or "TRUNCATE_WITH_TABLETS" in has_verb:
        hosts = {
            host
            for tablet in topology.tablets
            if table is not None and tablet.table_id == table.id
            for host, _ in tablet.replicas
        }
        nodes = tuple(node for node in topology.nodes if node.host_id in hosts)
        return (nodes or None), "TRUNCATE_WITH_TABLETS"
    return (tuple(node for node in topology.nodes if node.tokens) or None), "TRUNCATE"
