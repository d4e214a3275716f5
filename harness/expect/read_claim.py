"""The claim that reads ask the replicas of their partitions, enough of them, and repair what these disagree about.

One replica is asked for data, others for digests; the coordinator, if it is a replica, may read for itself without a
message. Which replicas are asked is free, and so is asking one more where answers are slow. If digests differ, those
who answered are asked for mutations, and whoever lacks something gets it written.

Source:
    Scylla, service/storage_proxy.cc (read executors, digest mismatch, reconciliation); ScyllaDB docs, "Read Repair";
    captures read_cl, range_scan, index_read, digest_mismatch of both lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness.codec.verbs.common import PartitionRange
from harness.codec.verbs.read import (
    ReadDataReply,
    ReadDigestReply,
    ReadMutationDataReply,
    ReadMutationDataRequest,
    ReadRequest,
)
from harness.events.message import Kind, Message
from harness.events.statement_text import Action
from harness.events.statements import ClientStatement, Key
from harness.events.trace import Trace
from harness.expect.base_writes import node_name
from harness.expect.consistency import checked_level
from harness.expect.finding import Fault
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict
from harness.expect.write_claim import (
    examine_answers,
    examine_outcome,
    is_about,
    messages_of,
    requirement,
)
from harness.partitioner import MAXIMUM_TOKEN, token_of
from harness.schema import Table
from harness.topology import Node

READ_DATA = 3
READ_MUTATION_DATA = 4
READ_DIGEST = 5
_READS = frozenset({READ_DATA, READ_MUTATION_DATA, READ_DIGEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The claim; made by ``read``."""

    table: str | None = None
    consistency_level: str | None = None

    def __str__(self) -> str:
        what = f"reads{'' if self.table is None else f' of {self.table}'} ask replicas of their partitions"
        return f"{what}, {self.consistency_level or 'the consistency level'} is reached before the client's reply"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the SELECTs of a trace, or of a scope; those at SERIAL are lightweight transactions."""
        inspection = Inspection(trace, scope)
        reads = [
            statement
            for statement in inspection.statements()
            if statement.action is Action.SELECT
            and not statement.is_conditional
            and is_about(statement, self.table)
        ]
        if not reads:
            what = "no read" if self.table is None else f"no read of {self.table}"
            inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what} is to be seen")
        for statement in reads:
            self._examine(inspection, statement)
        return inspection.verdict(str(self))

    def _examine(self, inspection: Inspection, statement: ClientStatement) -> None:
        inspection.show(0, statement.name)
        wanted = self.consistency_level
        if wanted is not None and statement.consistency_level != wanted:
            text = f"{statement.name}: its consistency level is {statement.consistency_level}, not {wanted}"
            inspection.fail(Fault.WRONG_CONTENT, text, *messages_of(inspection, statement.request))
        examine_outcome(inspection, statement)
        examine_read(inspection, statement)


def read(*, table: TableLike | None = None, consistency: str | None = None) -> Read:
    """Claim that reads ask enough replicas, and that the client hears when enough have answered.

    Args:
        table: of which; None: any but those of the system. A secondary index is read with its table.
        consistency: the level that the statements have; None: whichever.

    Raises:
        ExpectationError: there is no such consistency level, or the table lacks its keyspace.
    """
    return Read(
        table=name_of(table),
        consistency_level=None if consistency is None else checked_level(consistency),
    )


class Asked(NamedTuple):
    """A request to one replica, with its answer."""

    message: Message
    replica: str
    answer: Message | None

    def is_answered(self, before: int | None) -> bool:
        """Whether it was answered well before the message with a number, or at all."""
        answer = self.answer
        if answer is None or answer.kind is not Kind.REPLY:
            return False
        return before is None or answer.number < before


class ReadRound(NamedTuple):
    """What a coordinator asked about one partition, or one range of partitions."""

    table: Table | None
    key: Key | None
    ring_token: int
    """Of the key, or the last of the range."""
    asked: tuple[Asked, ...]

    def of(self, *verbs: int) -> tuple[Asked, ...]:
        """The requests with one of these verbs."""
        return tuple(one for one in self.asked if one.message.verb in verbs)


def read_rounds(inspection: Inspection, statement: ClientStatement) -> tuple[ReadRound, ...]:
    """What a statement's coordinator asked other nodes to read, by partition or range."""
    found: dict[tuple[object, ...], list[Asked]] = {}
    places: dict[tuple[object, ...], tuple[Table | None, Key | None, int]] = {}
    for message in inspection.scopes.of(statement).messages:
        if message.verb not in _READS or message.kind is not Kind.REQUEST:
            continue
        body = message.body
        if not isinstance(body, ReadRequest | ReadMutationDataRequest):
            continue
        command, partitions = body.command, body.partitions
        table = inspection.trace.schema.table_of(command.table_id, command.schema_version)
        key, token = _place_of(partitions)
        sender = node_name(message, is_sender=True)
        group: tuple[object, ...] = (sender, command.table_id, partitions if key is None else key)
        places.setdefault(group, (table, key, token))
        answer = inspection.trace.exchange_of(message).reply
        found.setdefault(group, []).append(Asked(message, node_name(message, is_sender=False), answer))
    return tuple(ReadRound(*places[group], tuple(some)) for group, some in found.items())


def _place_of(partitions: PartitionRange) -> tuple[Key | None, int]:
    start, end = partitions.start, partitions.end
    if partitions.singular and start is not None and start.value.key is not None:
        key = start.value.key.components
        return key, token_of(key)
    return None, MAXIMUM_TOKEN if end is None else end.value.token.value


# One statement.


def examine_read(inspection: Inspection, statement: ClientStatement) -> None:
    """Find what is wrong with the reads of a statement."""
    rounds = read_rounds(inspection, statement)
    read_keys = {(one.table.full_name, one.key) for one in rounds if one.table is not None}
    for part in statement.parts:
        keyspace, _, name = (part.table or "").rpartition(".")
        table = inspection.trace.schema.table(keyspace, name)
        if table is None:
            continue
        for key in part.keys or ():
            if (table.full_name, key) not in read_keys:
                _examine_round(inspection, statement, ReadRound(table, key, token_of(key), ()))
    for one in rounds:
        _examine_round(inspection, statement, one)
    for group in inspection.groups_of(statement):
        where = inspection.key_text(group.table, group.key)
        examine_answers(inspection, f"{statement.name}: repair of ({where})", group)


def _examine_round(inspection: Inspection, statement: ClientStatement, one: ReadRound) -> None:
    table = one.table
    if table is None:
        messages = [asked.message for asked in one.asked]
        text = f"{statement.name}: packet {messages[0].frame_last} reads a table that is not known"
        inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, text, *messages)
        return
    what = _what(inspection, statement, one)
    replicas = inspection.placement.replicas_of_token(table, one.ring_token)
    request = messages_of(inspection, statement.request)
    if not replicas:
        if table.keyspace.startswith("system"):
            return
        why = inspection.placement.obstacle(table) or f"the replicas of {table.full_name} are not known"
        inspection.tell(Outcome.INCONCLUSIVE, Fault.UNKNOWN, f"{what}: {why}", *request)
        return
    for asked in one.asked:
        shown = (asked.message,) if asked.answer is None else (asked.message, asked.answer)
        nodes = f"{node_name(asked.message, is_sender=True)} → {asked.replica}"
        inspection.show(1, f"{nodes}: {asked.message.verb_name}", *shown)
    _examine_requests(inspection, what, one, replicas)
    if statement.error is not None or statement.result is None:
        return
    examine_read_level(inspection, statement, one)
    _examine_digests(inspection, statement, what, one, replicas)


def _what(inspection: Inspection, statement: ClientStatement, one: ReadRound) -> str:
    name = "an unknown table" if one.table is None else one.table.full_name
    key_text = "a range" if one.key is None else inspection.key_text(one.table, one.key)
    return f"{statement.name}: {name}({key_text})"


def _examine_requests(inspection: Inspection, what: str, one: ReadRound, replicas: Sequence[Node]) -> None:
    """Find requests that go to the wrong node, or twice, or are not answered."""
    names = {node.name for node in replicas}
    seen: dict[tuple[str, int | None, bytes], Message] = {}
    for asked in one.asked:
        message = asked.message
        where = f"{node_name(message, is_sender=True)} → {asked.replica}: {message.verb_name} in packet {message.frame_last}"
        # Ranges are merged where some replicas are the same; which, the last token does not tell.
        if one.key is not None and asked.replica not in names:
            inspection.fail(Fault.MISDIRECTED, f"{what}: {where} goes to no replica", message)
        first = seen.setdefault((asked.replica, message.verb, message.payload), message)
        if first is not message:
            text = f"{what}: {where} repeats packet {first.frame_last}"
            inspection.fail(Fault.DOUBLED, text, first, message)
        if asked.answer is None:
            why = inspection.why_unanswered(message, message.verb_name)
            inspection.fail(Fault.NOT_ANSWERED, f"{what}: {where} was not answered", message, why=why)
        elif asked.answer.kind is not Kind.REPLY:
            text = f"{what}: {where} was answered with an exception in packet {asked.answer.frame_last}"
            inspection.fail(Fault.FAILED, text, message, asked.answer)


def examine_read_level(inspection: Inspection, statement: ClientStatement, one: ReadRound) -> None:
    """Find a client's reply that comes before enough replicas have answered a read."""
    table = one.table
    replicas = () if table is None else inspection.placement.replicas_of_token(table, one.ring_token)
    if table is None or not replicas:
        return
    what = _what(inspection, statement, one)
    wanted = requirement(inspection, statement, table, replicas, statement.consistency_level)
    reading = {node_name(asked.message, is_sender=True) for asked in one.asked} or {statement.coordinator}
    answered = {asked.replica for asked in one.asked if asked.is_answered(statement.result)}
    names = {node.name for node in replicas}
    # A replica reads for itself without a message.
    local = reading & names
    if one.key is None:
        lacking = wanted.count - len(answered) - len(local)
    else:
        lacking = wanted.lacking(answered | local)
    first = messages_of(inspection, statement.request)
    if lacking > 0 and first:
        text = (
            f"{what}: the client heard in packet {statement.result_frame}, when {lacking} of the {wanted.count} "
            f"answers that {wanted.consistency_level} takes were missing"
        )
        at = one.asked[0].message if one.asked else first[0]
        why = inspection.why_missing(
            "READ_DIGEST", sender=None, receiver=statement.coordinator, at=at, is_reply=True
        )
        inspection.fail(Fault.TOO_EARLY, text, *messages_of(inspection, statement.result), why=why)
    if not local and one.asked and not one.of(READ_DATA, READ_MUTATION_DATA):
        at = one.asked[0].message
        why = inspection.why_missing("READ_DATA", sender=statement.coordinator, receiver=None, at=at)
        text = f"{what}: no replica is asked for the data"
        inspection.fail(Fault.MISSING, text, *(asked.message for asked in one.asked), why=why)


def _examine_digests(
    inspection: Inspection, statement: ClientStatement, what: str, one: ReadRound, replicas: Sequence[Node]
) -> None:
    """Find a disagreement that nothing is done about, and a reconciliation without one."""
    digests: dict[bytes, list[Asked]] = {}
    for asked in one.of(READ_DATA, READ_DIGEST):
        digest = _digest(asked)
        if digest is not None and asked.is_answered(statement.result):
            digests.setdefault(digest, []).append(asked)
    reconciled = one.of(READ_MUTATION_DATA)
    if len(digests) > 1 and not reconciled:
        answers = [asked.answer for some in digests.values() for asked in some if asked.answer is not None]
        packets = ", ".join(str(answer.frame_last) for answer in answers)
        text = f"{what}: the digests in packets {packets} differ, but nobody is asked for mutations"
        why = inspection.why_missing(
            "READ_MUTATION_DATA", sender=statement.coordinator, receiver=None, at=answers[-1]
        )
        inspection.fail(Fault.MISSING, text, *answers, why=why)
    is_blind = any(node.name == statement.coordinator for node in replicas)
    late = {digest for asked in one.of(READ_DATA, READ_DIGEST) if (digest := _digest(asked)) is not None}
    if reconciled and one.of(READ_DIGEST) and len(late) == 1 and not is_blind:
        message = reconciled[0].message
        text = f"{what}: packet {message.frame_last} asks for mutations, though no digests differ"
        inspection.fail(Fault.UNEXPLAINED, text, message)
    _examine_repair(inspection, statement, what, one)


def _examine_repair(inspection: Inspection, statement: ClientStatement, what: str, one: ReadRound) -> None:
    """Find replicas that differ, and are not repaired."""
    answers: list[Message] = []
    contents: set[object] = set()
    for asked in one.of(READ_MUTATION_DATA):
        body = asked.answer.body if asked.answer is not None else None
        if asked.answer is not None and isinstance(body, ReadMutationDataReply):
            answers.append(asked.answer)
            contents.add(tuple(partition.mutation for partition in body.result.partitions))
    if len(contents) < 2:
        return
    repairs = [
        group for group in inspection.groups_of(statement) if (one.key is None or group.key == one.key)
    ]
    if not repairs:
        packets = ", ".join(str(answer.frame_last) for answer in answers)
        text = f"{what}: the replicas differ, as packets {packets} say, but no MUTATION repairs any"
        why = inspection.why_missing("MUTATION", sender=statement.coordinator, receiver=None, at=answers[-1])
        inspection.fail(Fault.MISSING, text, *answers, why=why)


def _digest(asked: Asked) -> bytes | None:
    body = asked.answer.body if asked.answer is not None else None
    match body:
        case ReadDataReply():
            return body.result.digest
        case ReadDigestReply():
            return body.digest
        case _:
            return None
