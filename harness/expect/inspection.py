"""What ready-made claims share while they look through a trace: what they know of it, and what they have found."""

from collections.abc import Sequence
from functools import cached_property

from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.registry import Mode
from harness.events.message import Message
from harness.events.statement_scope import StatementScopes, statement_scopes
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.events.typed_value import key_text, key_values
from harness.expect.cql_patterns import result
from harness.expect.finding import Fault, Finding, verdict_of
from harness.expect.losses import Losses
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import Pattern
from harness.expect.placement import Placement
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.scope import Scope
from harness.expect.silence import Silence
from harness.expect.verbs import verb_named
from harness.expect.verdict import Evidence, Outcome, StepState, TranscriptStep, Verdict, evidence_of
from harness.expect.write_groups import WriteGroup, write_groups_of
from harness.schema import Table

CHARACTERS = 60
"""How long a value gets in what is told."""


class Inspection:
    """One claim on one part of a trace.

    Args:
        trace: all messages, for what was asked before the scope is needed to understand it.
        scope: what the claim is about.
    """

    def __init__(self, trace: Trace, scope: Scope) -> None:
        self.trace = trace
        self.scope = scope
        self.silence = Silence(trace)
        self.findings: list[Finding] = []
        self._proof: list[Evidence] = []
        self._transcript: list[TranscriptStep] = []

    @cached_property
    def placement(self) -> Placement:
        """Where partitions are stored."""
        return Placement(self.trace.topology, self.trace.schema, doubtful=self._doubtful)

    @cached_property
    def _doubtful(self) -> frozenset[str]:
        """Keyspaces whose writes go, every second time or more often, where the ring stores nothing of them.

        Only lines with tablets are doubted, and only as long as nobody says which tables have them.
        """
        ring = Placement(self.trace.topology, self.trace.schema)
        counts: dict[str, list[int]] = {}
        hinted: dict[Mutation, set[str]] = {}
        for group in self.write_groups:
            if group.verb == "HINT_MUTATION":
                hinted.setdefault(group.mutation, set()).update(one.receiver for one in group.deliveries)
        for group in self.write_groups:
            table, statement = group.table, group.statement
            if group.verb != "MUTATION" or statement is None or group.coordinator != statement.coordinator:
                # Hints and view updates go to one node each.
                continue
            if not statement.is_change or statement.is_conditional:
                continue
            if table is None or group.first.connection.line < Line.V6_2:
                continue
            if ring.has_tablets(table) or ring.obstacle(table):
                continue
            reached = {delivery.receiver for delivery in group.deliveries}
            reached |= hinted.get(group.mutation, set())
            nodes = {node.name: node for node in ring.replicas(table, group.key)}
            left_out = [
                node
                for name, node in nodes.items()
                if name not in reached and name != group.coordinator
                # Who is dead gets nothing, wherever it stands.
                if self.silence.silent_ns(node.address, group.first.time_ns) is None
            ]
            is_astray = bool(left_out) or not reached <= nodes.keys()
            count = counts.setdefault(table.keyspace, [0, 0])
            count[0] += 1
            count[1] += is_astray
        return frozenset(keyspace for keyspace, (all_of, astray) in counts.items() if astray * 2 >= all_of)

    @cached_property
    def scopes(self) -> StatementScopes:
        """Which message belongs to which statement."""
        return statement_scopes(self.trace)

    @cached_property
    def write_groups(self) -> tuple[WriteGroup, ...]:
        """Every write of the trace."""
        return write_groups_of(self.trace, self.scopes)

    def groups_of(self, statement: ClientStatement) -> Sequence[WriteGroup]:
        """The writes that belong to a statement."""
        return self._groups_by_statement.get(statement.number, ())

    @cached_property
    def _groups_by_statement(self) -> dict[int, list[WriteGroup]]:
        found: dict[int, list[WriteGroup]] = {}
        for group in self.write_groups:
            if group.statement is not None:
                found.setdefault(group.statement.number, []).append(group)
        return found

    @cached_property
    def losses(self) -> Losses:
        """What the capture may hide."""
        return Losses(MessageIndex(self.trace))

    def statements(self) -> tuple[ClientStatement, ...]:
        """The statements whose request is in the scope."""
        messages = {message.number for message in self.trace.messages if self.scope.holds(message)}
        return tuple(statement for statement in self.scopes.statements if statement.request in messages)

    def message(self, number: int) -> Message | None:
        """The message with a number."""
        return self._messages.get(number)

    @cached_property
    def _messages(self) -> dict[int, Message]:
        return {message.number: message for message in self.trace.messages}

    def key_text(self, table: Table | None, key: tuple[bytes, ...]) -> str:
        """A partition key as CQL writes it."""
        columns = () if table is None else table.partition_key
        return key_text(key_values(self.trace.schema, table, columns, key), CHARACTERS)

    # What is found.

    def tell(self, outcome: Outcome, fault: Fault, text: str, *messages: Message, why: str = "") -> None:
        """Note something that is not as claimed, or cannot be told."""
        self.findings.append(Finding(outcome=outcome, fault=fault, text=text, messages=messages, why=why))

    def fail(self, fault: Fault, text: str, *messages: Message, why: str = "") -> None:
        """Note what is not as claimed; if something explains it, it cannot be told."""
        self.tell(Outcome.INCONCLUSIVE if why else Outcome.FAIL, fault, text, *messages, why=why)

    def why_missing(
        self,
        verb: str,
        *,
        sender: str | None,
        receiver: str | None,
        at: Message,
        is_reply: bool = False,
        slowest_ns: int = 0,
    ) -> str:
        """What may explain that a message is not there; empty: nothing does.

        Args:
            verb: its name.
            sender: the node that would have sent it.
            receiver: the node that would have got it.
            at: the message about whose time it would have come.
            is_reply: it would be a reply, not a request.
            slowest_ns: how much later others of its kind came, at most.
        """
        hiding = self.losses.hiding(_pattern(verb, sender, receiver, is_reply=is_reply))
        if hiding:
            return "; ".join(hiding)
        ends = self.silence.end_of_capture(at, slowest_ns)
        if ends:
            return ends
        for name in (receiver, sender):
            node = None if name is None else self.trace.topology.node_named(name)
            silent_ns = None if node is None else self.silence.silent_ns(node.address, at.time_ns)
            if silent_ns is not None:
                return f"{name} sent nothing for {silent_ns / 1e9:.1f} s then"
        return ""

    def why_unanswered(self, message: Message, answer: str) -> str:
        """What may explain that a message was not answered; empty: nothing does.

        Args:
            message: that was not answered.
            answer: name of the verb of the answer; the message's own for replies.
        """
        return "; ".join(self.hiding(answer, message)) or self.silence.explanation(message)

    def hiding(self, answer: str, message: Message) -> tuple[str, ...]:
        """Losses that may hide the answer to a message; see ``why_unanswered``."""
        is_reply = answer == message.verb_name
        pattern = _pattern(answer, message.receiver_node, message.sender_node, is_reply=is_reply)
        return self.losses.hiding(pattern)

    def why_no_result(self, statement: ClientStatement) -> str:
        """What may explain that a client got no answer; empty: nothing does."""
        message = self.message(statement.request)
        if message is None:
            return ""
        hiding = self.losses.hiding(result(sender=statement.coordinator))
        hiding += self.losses.hiding(result(sender=statement.coordinator, error=True))
        return "; ".join(dict.fromkeys(hiding)) or self.silence.explanation(message)

    def show(self, depth: int, text: str, *messages: Message, note: str = "") -> None:
        """Note what is as claimed, with the messages that show it; without messages, a heading."""
        evidence = tuple(evidence_of(message, text) for message in messages)
        state = StepState.SEEN if messages else StepState.HOLDS if note else StepState.HEADING
        self._proof += evidence
        self._transcript.append(
            TranscriptStep(depth=depth, text=text, state=state, messages=evidence, note=note)
        )

    def verdict(self, claim: str) -> Verdict:
        """The verdict of all that was found."""
        findings = sorted(
            self.findings, key=lambda finding: finding.messages[0].number if finding.messages else -1
        )
        return verdict_of(
            claim, findings, proof=self._proof, transcript=self._transcript, scope=self.scope.name
        )


def _pattern(verb: str, sender: str | None, receiver: str | None, *, is_reply: bool) -> Pattern:
    known = verb_named(verb)
    if known is not None and known.mode is Mode.ONE_WAY:
        return one_way(known, sender=sender, receiver=receiver)
    if is_reply:
        return reply(known or verb, sender=sender, receiver=receiver)
    return request(known or verb, sender=sender, receiver=receiver)
