"""The claim that lightweight transactions run all their rounds: promise, accept, learn, prune.

Every live replica is asked to promise and to accept; most of them have to grant it before the next step. What was
decided is learned by all replicas like a write, and pruned once most of them have it. A condition that is not met,
and a read at SERIAL, decide on nothing, with all the same steps. A coordinator that is a replica takes part without
a message. A contended transaction begins again under a higher ballot: the last one counts.

Source:
    ScyllaDB docs, "Lightweight Transactions"; Scylla, service/storage_proxy.cc (paxos_response_handler),
    service/paxos/; captures lwt_insert_twice, lwt_conditions, lwt_contention of both lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.codec.verbs.paxos import PaxosPrepareRequest
from harness.events.message import Message
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.expect.consistency import Requirement, requirement_of
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.paxos_rounds import PAXOS_PREPARE, PaxosRound, Vote, ballot_order, paxos_rounds_of
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import (
    examine_answers,
    examine_level,
    examine_outcome,
    examine_paths,
    is_about,
    messages_of,
    requirement,
)
from harness.expect.write_groups import WriteGroup
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class LwtRound:
    """The claim; made by ``lwt_round``."""

    table: str | None = None
    is_applied: bool | None = None

    def __str__(self) -> str:
        what = "lightweight transactions" + ("" if self.table is None else f" on {self.table}")
        outcome = {None: "", True: ", and are applied", False: ", and are not applied"}[self.is_applied]
        return f"{what} are promised, accepted, learned and pruned, in that order{outcome}"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the conditional statements, and reads at SERIAL, of a trace or of a scope."""
        inspection = Inspection(trace, scope)
        found = [
            statement
            for statement in inspection.statements()
            if statement.is_conditional and is_about(statement, self.table)
        ]
        if not found:
            where = "" if self.table is None else f" on {self.table}"
            text = f"no lightweight transaction{where} is to be seen"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text)
        for statement in found:
            inspection.show(0, statement.name)
            self._examine(inspection, statement)
        return inspection.verdict(str(self))

    def _examine(self, inspection: Inspection, statement: ClientStatement) -> None:
        examine_outcome(inspection, statement)
        if statement.error is not None or statement.result is None:
            return
        wanted, seen = self.is_applied, statement.is_applied
        if wanted is not None and seen is not wanted:
            text = f"{statement.name}: the client was told [applied] = {seen}, not {wanted}"
            inspection.fail(Fault.WRONG_CONTENT, text, *messages_of(inspection, statement.result))
        found = inspection.scopes.of(statement)
        rounds = paxos_rounds_of(inspection.trace, found.messages)
        own = [one for one in rounds if one.coordinator == statement.coordinator and one.prepares]
        accepted = [one for one in own if one.accepts]
        mixed = ""
        sure = [one for one in accepted if inspection.scopes.owns_ballot(statement, one.ballot)]
        if sure:
            accepted = sure
        elif found.shared_with:
            others = ", ".join(str(number) for number in found.shared_with)
            mixed = f"its messages cannot be told from those of statements {others}"
        if not accepted:
            self._no_round(inspection, statement, own, mixed)
            return
        last = max(accepted, key=lambda one: ballot_order(one.ballot))
        _RoundExamination(inspection, statement, last, mixed).run()

    def _no_round(
        self, inspection: Inspection, statement: ClientStatement, own: Sequence[PaxosRound], mixed: str
    ) -> None:
        """A transaction of which nothing is seen: its coordinator may be the only replica."""
        request = messages_of(inspection, statement.request)
        for part in statement.parts:
            keyspace, _, name = (part.table or "").rpartition(".")
            table = inspection.trace.schema.table(keyspace, name)
            for key in part.keys or () if table is not None else ():
                replicas = [] if table is None else inspection.placement.replicas(table, key)
                if [node.name for node in replicas] == [statement.coordinator]:
                    return
        if request:
            verb = "PAXOS_ACCEPT" if own else "PAXOS_PREPARE"
            why = mixed or inspection.why_missing(
                verb, sender=statement.coordinator, receiver=None, at=request[0]
            )
            inspection.fail(Fault.MISSING, f"{statement.name}: {verb} is missing", *request, why=why)


def lwt_round(*, table: TableLike | None = None, applied: bool | None = None) -> LwtRound:
    """Claim that lightweight transactions run as they must.

    Args:
        table: on which; None: any but those of the system.
        applied: what the client is told; None: whichever.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return LwtRound(table=name_of(table), is_applied=applied)


class _Step(NamedTuple):
    verb: str
    votes: tuple[Vote, ...]
    granted: str
    """What most replicas have to have done."""
    next_verb: str
    next_message: Message | None
    """Which must not come before that."""


class _RoundExamination:
    """One round, the last of a transaction."""

    def __init__(
        self, inspection: Inspection, statement: ClientStatement, one: PaxosRound, mixed: str
    ) -> None:
        self._inspection = inspection
        self._statement = statement
        self._round = one
        self._mixed = mixed
        """Why its messages may not be all its own; empty: they are."""
        name = "an unknown table" if one.table is None else one.table.full_name
        self._what = f"{statement.name}: {name}({inspection.key_text(one.table, one.key)})"

    def run(self) -> None:
        """Find what is wrong with it."""
        one, inspection, statement = self._round, self._inspection, self._statement
        request = messages_of(inspection, statement.request)
        replicas = () if one.table is None else inspection.placement.replicas(one.table, one.key)
        if one.table is None or not replicas:
            why = "its table is not known" if one.table is None else inspection.placement.obstacle(one.table)
            text = f"{self._what}: {why or 'its replicas are not known'}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, *request)
            return
        participants = self._participants(replicas)
        quorum = requirement_of("QUORUM", participants, "", is_by_datacenter=False)
        accepts = one.accepts[0].message if one.accepts else None
        learns = one.learns[0] if one.learns else None
        self._examine_step(
            _Step("PAXOS_PREPARE", one.prepares, "promised", "PAXOS_ACCEPT", accepts), participants, quorum
        )
        self._examine_step(
            _Step("PAXOS_ACCEPT", one.accepts, "accepted", "PAXOS_LEARN", learns), participants, quorum
        )
        self._examine_proposal()
        group = next(
            (
                group
                for group in inspection.write_groups
                if learns is not None and group.first.number == learns.number
            ),
            None,
        )
        if group is None:
            if [node.name for node in replicas] != [one.coordinator] and accepts is not None:
                self._missing("PAXOS_LEARN", accepts, None)
            return
        self._examine_learn(group, replicas)
        self._examine_prune(group, participants, quorum)

    def _participants(self, replicas: Sequence[Node]) -> Sequence[Node]:
        """The replicas that vote: of one datacenter, if the serial consistency level is local."""
        statement = self._statement
        level = statement.serial_consistency_level or statement.consistency_level
        if level != "LOCAL_SERIAL":
            return replicas
        placement = self._inspection.placement
        near = placement.datacenter_of(statement.coordinator_address)
        return [node for node in replicas if node.datacenter == near]

    def _examine_step(self, step: _Step, participants: Sequence[Node], quorum: Requirement) -> None:
        one, inspection = self._round, self._inspection
        by_replica: dict[str, list[Vote]] = {}
        for vote in step.votes:
            by_replica.setdefault(vote.replica, []).append(vote)
        at = one.messages[0]
        for node in participants:
            some = by_replica.pop(node.name, [])
            if node.name == one.coordinator:
                inspection.show(1, f"{node.name}: {step.granted} by itself", note="not on the wire")
            elif not some:
                self._missing(step.verb, at, node.name)
            if len(some) > 1:
                packets = " and ".join(str(vote.message.frame_last) for vote in some)
                self._fail(
                    Fault.DOUBLED,
                    f"{one.coordinator} → {node.name}: {step.verb} comes twice, in packets {packets}",
                    *(vote.message for vote in some),
                )
            for vote in some:
                self._examine_vote(step, vote)
        for name, some in by_replica.items():
            for vote in some:
                text = f"{one.coordinator} → {name}: {step.verb} in packet {vote.message.frame_last} goes to no participant"
                self._fail(Fault.MISDIRECTED, text, vote.message)
        number = self._statement.result if step.next_message is None else step.next_message.number
        granted = {vote.replica for vote in step.votes if vote.is_granted_before(number)}
        lacking = quorum.lacking(granted | {one.coordinator})
        if lacking:
            packet = (
                self._statement.result_frame if step.next_message is None else step.next_message.frame_last
            )
            after = "the client heard" if step.next_message is None else f"{step.next_verb} was sent"
            text = f"{after} in packet {packet}, before {quorum.count} replicas had {step.granted}"
            message = step.next_message or at
            why = inspection.why_missing(
                step.verb, sender=None, receiver=one.coordinator, at=at, is_reply=True
            )
            self._fail(Fault.WRONG_ORDER, text, message, why=why)

    def _examine_vote(self, step: _Step, vote: Vote) -> None:
        message, answer = vote.message, vote.answer
        where = f"{self._round.coordinator} → {vote.replica}: {step.verb}"
        shown = (message,) if answer is None else (message, answer)
        self._inspection.show(1, where, *shown, note="" if vote.is_granted else f"not {step.granted}")
        if answer is None:
            why = self._inspection.why_unanswered(message, step.verb)
            self._fail(
                Fault.NOT_ANSWERED,
                f"{where} in packet {message.frame_last} was not answered",
                message,
                why=why,
            )

    def _examine_proposal(self) -> None:
        is_applied, is_empty = self._statement.is_applied, self._round.is_empty
        if is_applied is None or is_applied is not is_empty or not self._round.accepts:
            return
        what = (
            "nothing, though the transaction was"
            if is_applied
            else "something, though the transaction was not"
        )
        message = self._round.accepts[0].message
        text = f"packet {message.frame_last} proposes {what} applied"
        self._fail(Fault.WRONG_CONTENT, text, message)

    def _examine_learn(self, group: WriteGroup, replicas: Sequence[Node]) -> None:
        inspection, statement = self._inspection, self._statement
        if self._mixed:
            return
        examine_paths(inspection, statement, self._what, group, replicas)
        examine_answers(inspection, self._what, group)
        table = self._round.table
        if table is not None and not self._round.is_empty and statement.is_change:
            level = statement.consistency_level
            wanted = requirement(inspection, statement, table, replicas, level)
            examine_level(inspection, statement, self._what, wanted, group)

    def _examine_prune(self, group: WriteGroup, participants: Sequence[Node], quorum: Requirement) -> None:
        one, inspection = self._round, self._inspection
        if not one.prunes and self._is_contended(group):
            inspection.show(1, f"{one.coordinator}: no PAXOS_PRUNE", note="as other ballots were under way")
            return
        seen: dict[str, list[Message]] = {}
        for message in one.prunes:
            seen.setdefault(message.receiver_node or message.receiver.address, []).append(message)
        for node in participants:
            some = seen.pop(node.name, [])
            if node.name != one.coordinator and not some:
                self._missing("PAXOS_PRUNE", group.first, node.name)
            for message in some[:1]:
                inspection.show(1, f"{one.coordinator} → {node.name}: PAXOS_PRUNE", message)
            if len(some) > 1:
                packets = " and ".join(str(message.frame_last) for message in some)
                text = f"{one.coordinator} → {node.name}: PAXOS_PRUNE comes twice, in packets {packets}"
                self._fail(Fault.DOUBLED, text, *some)
        for name, some in seen.items():
            for message in some:
                text = f"{one.coordinator} → {name}: PAXOS_PRUNE in packet {message.frame_last} goes to no participant"
                self._fail(Fault.MISDIRECTED, text, message)
        if not one.prunes:
            return
        first = one.prunes[0]
        lacking = quorum.lacking({*group.acknowledged_by(first.number), one.coordinator})
        if lacking:
            text = f"packet {first.frame_last} prunes before {quorum.count} replicas have learned"
            why = inspection.why_missing(
                "MUTATION_DONE", sender=None, receiver=one.coordinator, at=group.first
            )
            self._fail(Fault.WRONG_ORDER, text, first, why=why)

    def _is_contended(self, group: WriteGroup) -> bool:
        """Whether there were other ballots for the partition meanwhile; Scylla then prunes some rounds not at all."""
        one = self._round
        first = self._statement.request
        last = max(
            [group.first.number, *(answer.number for each in group.deliveries for answer in each.answers)]
        )
        return any(
            message.verb == PAXOS_PREPARE
            and first <= message.number <= last
            and isinstance(body := message.body, PaxosPrepareRequest)
            and body.ballot != one.ballot
            and body.key.components == one.key
            for message in self._inspection.trace.messages
        )

    def _missing(self, verb: str, at: Message, receiver: str | None) -> None:
        sender = self._round.coordinator
        to = "" if receiver is None else f"{sender} → {receiver}: "
        why = self._inspection.why_missing(verb, sender=sender, receiver=receiver, at=at)
        self._fail(Fault.MISSING, f"{to}{verb} is missing", at, why=why)

    def _fail(self, fault: Fault, text: str, *messages: Message, why: str = "") -> None:
        self._inspection.fail(fault, f"{self._what}: {text}", *messages, why=self._mixed or why)
