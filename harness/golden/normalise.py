"""How a statement's messages become steps: what is sent for one purpose, what is heard before, who plays which part."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from harness.codec.verbs.mutation import CounterCell, Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareRequest,
    PaxosPruneRequest,
)
from harness.codec.verbs.read import ReadMutationDataRequest, ReadRequest
from harness.codec.verbs.read_command import ReadCommand, SliceOption
from harness.codec.verbs.schema_verbs import DefinitionsUpdate
from harness.codec.verbs.writes import (
    CounterMutationRequest,
    HintMutationRequest,
    MutationRequest,
    TruncateRequest,
)
from harness.events.message import Kind, Message, Protocol
from harness.events.statement_scope import StatementScope
from harness.events.statement_text import Action
from harness.events.trace import Trace
from harness.expect.consistency import requirement_of
from harness.golden.naming import Naming
from harness.golden.normal_form import COORDINATOR, Answer, Flow, Sent, Step, Wait
from harness.golden.step_kind import AWAITED, StepKind
from harness.golden.structure import structure_of
from harness.partitioner import token_of
from harness.replication import NETWORK_TOPOLOGY_STRATEGY
from harness.schema import Table
from harness.topology import Node

_BATCHLOGS = frozenset({"system.batchlog", "system.batchlog_v2"})


class _Key(NamedTuple):
    """What the messages of a step have in common."""

    kind: StepKind
    sender: str
    about: object


@dataclass(slots=True)
class _Draft:
    key: _Key
    table: Table | None
    components: tuple[bytes, ...] | None
    requests: list[Message]
    ballot: UUID | None = None
    is_empty: bool = False
    """Whether it decides that nothing is to be done."""


def flow_of(scope: StatementScope, trace: Trace) -> Flow:
    """The normal form of a statement, from the messages that belong to it."""
    return _Normaliser(scope, trace).flow()


class _Normaliser:
    def __init__(self, scope: StatementScope, trace: Trace) -> None:
        self._scope = scope
        self._trace = trace
        self._statement = scope.statement
        self._home = scope.statement.coordinator_address
        self._messages = [message for message in scope.messages if message.protocol is Protocol.RPC]
        numbers = {message.number for message in self._messages}
        self._answers: defaultdict[int, list[Message]] = defaultdict(list)
        self._requests: list[Message] = []
        self._strays: list[Message] = []
        for message in self._messages:
            number = message.acknowledges if message.request is None else message.request
            if number in numbers and number is not None:
                self._answers[number].append(message)
            elif not _is_answer(message):
                self._requests.append(message)
        self._strays += self._meanwhile()

    def _meanwhile(self) -> Iterator[Message]:
        """Answers to nothing that nodes get while the statement is worked on, or just after."""
        messages = self._trace.messages
        last = self._scope.messages[-1]
        begin = bisect_left(messages, self._statement.request, key=lambda message: message.number)
        for message in islice(messages, begin, None):
            if message.number > last.number and message.time_ns > last.time_ns + _JUST_AFTER_NS:
                break
            if _is_answer(message) and message.request is None and message.acknowledges is None:
                yield message

    def flow(self) -> Flow:
        drafts = self._drafts()
        roles = self._roles(drafts)
        naming = Naming(self._trace.schema, roles)
        by_number = {message.number: message for message in self._scope.messages}
        steps = tuple(self._step(draft, drafts, roles, naming) for draft in drafts)
        answer = None if self._statement.result is None else by_number.get(self._statement.result)
        waits: tuple[Wait, ...] = ()
        if answer is not None:
            waits = self._waits(drafts, answer, None)
        part = self._statement.parts[0] if self._statement.parts else None
        keys = () if part is None or part.keys is None else part.keys
        table = self._table(part.table) if part is not None else None
        return Flow(
            text=naming.text(" ".join(self._statement.text.split())),
            consistency_level=""
            if self._statement.action in _WITHOUT_LEVEL
            else self._statement.consistency_level,
            coordinator_has_part=any(self._home in self._replicas(table, key) for key in keys),
            is_contended=bool(self._scope.shared_with)
            or len({draft.ballot for draft in drafts if draft.ballot is not None}) > 1,
            steps=steps,
            result_waits=waits,
            result=None if answer is None else structure_of(answer, naming),
            strays=tuple(sorted(message.verb_name or "a reply" for message in self._strays)),
        )

    # Which messages make a step.

    def _drafts(self) -> list[_Draft]:
        found: dict[_Key, _Draft] = {}
        for message in self._requests:
            draft = self._draft_of(message)
            found.setdefault(draft.key, draft).requests.append(message)
        return sorted(
            found.values(), key=lambda draft: (draft.key.sender != self._home, _ORDER[draft.key.kind])
        )

    def _draft_of(self, message: Message) -> _Draft:
        sender = message.sender.address
        body = message.body
        schema = self._trace.schema
        match body:
            case HintMutationRequest(mutation=mutation):
                table = schema.table_of(mutation.table_id)
                key_of = _Key(StepKind.HINT, sender, mutation.key)
                return _Draft(key_of, table, mutation.key.components, [])
            case MutationRequest(mutation=mutation):
                table = schema.table_of(mutation.table_id)
                kind = self._kind_of_write(body, table)
                identity: object = (body.shard, body.response_id)
                if kind is StepKind.REPAIR:
                    identity = mutation.key
                components = mutation.key.components
                return _Draft(_Key(kind, body.reply_to, identity), table, components, [])
            case ReadRequest() | ReadMutationDataRequest():
                is_read = isinstance(body, ReadRequest)
                kind = StepKind.READ if is_read else StepKind.RECONCILE
                start = body.partitions.start
                key = start.value.key if body.partitions.singular and start is not None else None
                table = schema.table_of(body.command.table_id)
                about = (body.partitions, _as_asked(body.command))
                return _Draft(_Key(kind, sender, about), table, None if key is None else key.components, [])
            case PaxosPrepareRequest():
                table = schema.table_of(body.command.table_id)
                key_of = _Key(StepKind.PREPARE, sender, body.ballot)
                return _Draft(key_of, table, body.key.components, [], body.ballot)
            case PaxosAcceptRequest(proposal=proposal):
                table = schema.table_of(proposal.update.table_id)
                key_of = _Key(StepKind.ACCEPT, sender, proposal.ballot)
                return _Draft(key_of, table, proposal.update.key.components, [], proposal.ballot)
            case PaxosLearnRequest(decision=decision):
                table = schema.table_of(decision.update.table_id)
                key_of = _Key(StepKind.LEARN, body.reply_to, (body.shard, body.response_id))
                is_empty = not decision.update.partition.rows
                return _Draft(key_of, table, decision.update.key.components, [], decision.ballot, is_empty)
            case PaxosPruneRequest():
                key_of = _Key(StepKind.PRUNE, sender, body.ballot)
                return _Draft(key_of, None, body.key.components, [], body.ballot)
            case CounterMutationRequest():
                first = body.mutations[0]
                table = schema.table_of(first.table_id)
                return _Draft(_Key(StepKind.COUNTER, sender, first.key), table, first.key.components, [])
            case TruncateRequest():
                table = schema.table(body.keyspace, body.table)
                return _Draft(_Key(StepKind.TRUNCATE, sender, None), table, None, [])
            case DefinitionsUpdate():
                return _Draft(_Key(StepKind.ANNOUNCE, sender, None), None, None, [])
            case _:
                return _Draft(_Key(StepKind.OTHER, sender, message.verb_name), None, None, [])

    def _kind_of_write(self, body: MutationRequest, table: Table | None) -> StepKind:
        if table is not None and table.full_name in _BATCHLOGS:
            return StepKind.BATCHLOG if body.mutation.partition.rows else StepKind.UNBATCH
        if table is not None and table.base is not None and table.full_name not in self._statement.tables:
            return StepKind.VIEW
        if _counts(body.mutation):
            return StepKind.REPLICATE
        is_plain = self._statement.is_change and not self._statement.is_conditional
        return StepKind.WRITE if is_plain else StepKind.REPAIR

    # Who is who.

    def _roles(self, drafts: Iterable[_Draft]) -> dict[str, str]:
        """Nodes by their part: the coordinator, replicas in the order of what they do, others."""
        told: defaultdict[str, list[tuple[int, str, int]]] = defaultdict(list)
        stores: Counter[str] = Counter()
        for draft in drafts:
            replicas = self._replicas(draft.table, draft.components)
            for message in draft.requests:
                address = message.receiver.address
                forwards = len(getattr(message.body, "forward", ()))
                told[address].append((_ORDER[draft.key.kind], message.verb_name, -forwards))
                if draft.key.kind is not StepKind.VIEW and address in replicas:
                    stores[address] += 1
        home = self._trace.topology.node_at(self._home)
        here = home.datacenter if home is not None else ""
        names: dict[str, str] = {self._home: COORDINATOR}
        counts: Counter[str] = Counter()
        nodes = {node.address: node for node in self._trace.topology.nodes}
        for address in sorted(set(told) | set(nodes), key=lambda each: (not told[each], told[each])):
            if address == self._home:
                continue
            node = nodes.get(address)
            part = "replica" if stores[address] else ("node" if told[address] else "bystander")
            if part == "node" and any(order == _ORDER[StepKind.VIEW] for order, _, _ in told[address]):
                part = "view replica"
            if node is not None and node.datacenter != here:
                part = f"remote {part}"
            counts[part] += 1
            names[address] = f"{part} {counts[part]}"
        return names

    def _table(self, name: str | None) -> Table | None:
        keyspace, _, table = (name or "").partition(".")
        return self._trace.schema.table(keyspace, table)

    def _replicas(self, table: Table | None, components: Sequence[bytes] | None) -> tuple[str, ...]:
        return tuple(node.address for node in self._replica_nodes(table, components))

    def _replica_nodes(self, table: Table | None, components: Sequence[bytes] | None) -> tuple[Node, ...]:
        if table is None or components is None:
            return ()
        keyspace = self._trace.schema.keyspaces.get(table.keyspace)
        if keyspace is None:
            return ()
        topology = self._trace.topology
        token = token_of(components)
        if table.id is not None and topology.tablet_of(table.id, token) is not None:
            return topology.tablet_replicas(table.id, token)
        return topology.replicas(keyspace.replication, token)

    # Steps.

    def _step(self, draft: _Draft, drafts: list[_Draft], roles: dict[str, str], naming: Naming) -> Step:
        kind = draft.key.kind
        first = draft.requests[0]
        owner = draft.key.sender
        table = draft.table or next(
            (
                other.table
                for other in drafts
                if draft.ballot and other.ballot == draft.ballot and other.table
            ),
            None,
        )
        ordered = sorted(
            draft.requests,
            key=lambda message: (message.verb_name, roles.get(message.receiver.address, ""), message.number),
        )
        is_own = owner in self._replicas(table, draft.components)
        reached = {message.receiver.address for message in draft.requests}
        copies: int | None = len(draft.requests) + (is_own and owner not in reached)
        if kind is StepKind.READ:
            copies = self._read_copies(len(draft.requests), table, draft.components, is_own=is_own)
        elif kind in {StepKind.VIEW, StepKind.HINT, StepKind.REPLICATE, StepKind.REPAIR, StepKind.RECONCILE}:
            copies = None
        return Step(
            kind=kind,
            table=_about(draft) if table is None else table.full_name,
            sender=roles.get(owner, "node"),
            heard=self._heard(draft, drafts),
            waits=self._waits(drafts, first, draft),
            copies=copies,
            own=is_own,
            sent=tuple(self._sent(message, roles, naming) for message in ordered),
        )

    def _read_copies(
        self, asked: int, table: Table | None, components: Sequence[bytes] | None, *, is_own: bool
    ) -> int | None:
        """How many replicas a read needs, where the requests may be those of such a read."""
        if components is None:
            return None
        needed = self._required(StepKind.READ, table, components)
        least = needed - 1 if is_own else needed
        return needed if least <= asked <= needed + 1 else asked

    def _sent(self, message: Message, roles: dict[str, str], naming: Naming) -> Sent:
        answers = sorted(self._answers[message.number], key=lambda answer: (answer.verb_name, answer.number))
        return Sent(
            verb=message.verb_name,
            sender=roles.get(message.sender.address, "node"),
            receiver=roles.get(message.receiver.address, "node"),
            structure=structure_of(message, naming),
            answers=tuple(
                Answer(
                    verb=_answer_name(answer),
                    sender=roles.get(answer.sender.address, "node"),
                    receiver=roles.get(answer.receiver.address, "node"),
                    structure=structure_of(answer, naming),
                )
                for answer in answers
            ),
        )

    def _heard(self, draft: _Draft, drafts: list[_Draft]) -> str:
        """Of a node that is not the coordinator: what made it begin."""
        first = draft.requests[0]
        if draft.key.sender == self._home:
            return ""
        wanted = _HEARD.get(draft.key.kind, frozenset(StepKind))
        kinds = {
            other.key.kind
            for other in drafts
            for message in other.requests
            if other is not draft
            and other.key.kind in wanted
            and message.receiver.address == draft.key.sender
            and message.number < first.number
        }
        return ", ".join(sorted(kind.value for kind in kinds))

    # What has to be awaited.

    def _waits(self, drafts: list[_Draft], moment: Message, draft: _Draft | None) -> tuple[Wait, ...]:
        """How many of the answers that have to be awaited were there; of several steps of a kind, the least."""
        least: dict[StepKind, int] = {}
        for other in drafts:
            kind = other.key.kind
            if draft is None:
                if other.key.sender != self._home or kind in _NEVER_AWAITED_BY_CLIENT:
                    continue
            elif (
                other is draft
                or other.key.sender != draft.key.sender
                or kind not in AWAITED.get(draft.key.kind, ())
                or (draft.ballot is not None and other.ballot != draft.ballot)
            ):
                continue
            required = self._required(kind, other.table, other.components, draft)
            if not required or (draft is None and other.is_empty):
                continue
            own = other.key.sender in self._replicas(other.table, other.components)
            seen = own + sum(
                answer.number < moment.number
                for message in other.requests
                if not (own and message.receiver.address == other.key.sender)
                for answer in self._counted(message, kind)
            )
            least[kind] = min(required, seen, least.get(kind, required))
        return tuple(Wait(kind, least[kind]) for kind in StepKind if kind in least)

    def _counted(self, message: Message, kind: StepKind) -> list[Message]:
        """Answers that count; of local levels, those of the coordinator's datacenter alone."""
        answers = self._answers[message.number]
        level = self._level(kind)
        if not level.startswith("LOCAL_"):
            return answers
        here = self._datacenter(self._home)
        return [answer for answer in answers if self._datacenter(answer.sender.address) == here]

    def _datacenter(self, address: str) -> str:
        node = self._trace.topology.node_at(address)
        return "" if node is None else node.datacenter

    def _level(self, kind: StepKind) -> str:
        statement = self._statement
        if kind in {StepKind.PREPARE, StepKind.ACCEPT}:
            return statement.serial_consistency_level or statement.consistency_level
        if kind is StepKind.LEARN and statement.consistency_level in {"SERIAL", "LOCAL_SERIAL"}:
            return "ANY"
        return statement.consistency_level

    def _required(
        self,
        kind: StepKind,
        table: Table | None,
        components: Sequence[bytes] | None,
        awaiting: _Draft | None = None,
    ) -> int:
        if kind in {StepKind.BATCHLOG, StepKind.COUNTER}:
            return 1
        if kind in {StepKind.TRUNCATE, StepKind.RECONCILE}:
            return 99
        level = self._level(kind)
        if kind is StepKind.LEARN and awaiting is not None:
            level = "LOCAL_QUORUM" if self._level(StepKind.ACCEPT) == "LOCAL_SERIAL" else "QUORUM"
        if level == "ANY":
            return 0
        nodes = self._replica_nodes(table, components)
        if not nodes or table is None:
            return 1
        keyspace = self._trace.schema.keyspaces[table.keyspace]
        is_by_datacenter = keyspace.replication.strategy == NETWORK_TOPOLOGY_STRATEGY
        here = self._datacenter(self._home)
        return requirement_of(level, nodes, here, is_by_datacenter=is_by_datacenter).count


_WITHOUT_LEVEL = frozenset({Action.SCHEMA, Action.TRUNCATE})
_JUST_AFTER_NS = 1_000_000
_ACKNOWLEDGEMENTS = frozenset({"MUTATION_DONE", "MUTATION_FAILED"})
_NEVER_AWAITED_BY_CLIENT = frozenset(
    {
        StepKind.VIEW,
        StepKind.PRUNE,
        StepKind.UNBATCH,
        StepKind.HINT,
        StepKind.OTHER,
        StepKind.ANNOUNCE,
        StepKind.REPLICATE,
    }
)
_HEARD = {
    StepKind.VIEW: frozenset({StepKind.WRITE, StepKind.LEARN, StepKind.REPAIR}),
    StepKind.REPLICATE: frozenset({StepKind.COUNTER}),
}
_ORDER = {kind: index for index, kind in enumerate(StepKind)}


def _as_asked(command: ReadCommand) -> ReadCommand:
    """The command without what shows in it once the coordinator has read from itself."""
    options = command.partition_slice.options & ~SliceOption.WITH_DIGEST
    return replace(command, partition_slice=replace(command.partition_slice, options=options))


def _counts(mutation: Mutation) -> bool:
    """Whether it holds counters."""
    return any(
        isinstance(column.cell, CounterCell)
        for row in mutation.partition.rows
        for column in row.cells.columns
    )


def _about(draft: _Draft) -> str:
    """What a step without a table is about: of messages of no known purpose, their verb."""
    return draft.requests[0].verb_name if draft.key.kind is StepKind.OTHER else ""


def _is_answer(message: Message) -> bool:
    if message.protocol is not Protocol.RPC:
        return False
    return message.kind in {Kind.REPLY, Kind.EXCEPTION} or message.verb_name in _ACKNOWLEDGEMENTS


def _answer_name(message: Message) -> str:
    if message.kind is Kind.REPLY:
        return f"reply to {message.verb_name}"
    if message.kind is Kind.EXCEPTION:
        return f"exception to {message.verb_name}"
    return message.verb_name
