"""What a statement caused: the messages between nodes that belong to it, and how that is known.

What messages say is taken first: the tracing session id, if tracing is on; then that a reply belongs where its
request does, an acknowledgement where its write does, a write sent on where the first one does (address, shard and
response id), a ballot where its PAXOS_PREPARE does. Else coordinator, table and partition key decide, with the
write timestamp where the client chose it, within the statement's time. A view update belongs to the base write
that its sender applied last. What goes on all the time (gossip, pings, heartbeats of raft) belongs to nothing, and
neither does what tracing itself writes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import (
    PaxosAcceptRequest,
    PaxosPrepareReply,
    PaxosPrepareRequest,
    Promise,
)
from harness.codec.verbs.read import MapreduceRequest, ReadMutationDataRequest
from harness.codec.verbs.writes import (
    CounterMutationRequest,
    HintMutationRequest,
    MutationRequest,
    TruncateRequest,
    TruncateWithTabletsRequest,
)
from harness.events.changes import CellKind
from harness.events.contents import changes_of
from harness.events.folding import Noise, NoiseFilter
from harness.events.message import Kind, Message, Protocol
from harness.events.request_subject import Subject, subject_of
from harness.events.statement_text import Action, read_statement
from harness.events.statements import ClientStatement, Key, statements_of
from harness.events.trace import Trace
from harness.events.write_timestamps import write_timestamps
from harness.schema import Table

RECENT_NS = 1_000_000_000
"""So long after its answer a statement may still send what it does in the background."""


class Basis(Enum):
    """By what a message was found to belong to a statement."""

    TRACE_ID = "tracing session id"
    KEY = "partition keys"
    WRITE_TIMESTAMP = "write timestamps"
    RESPONSE_ID = "response ids"
    BALLOT = "ballots"
    ANSWER = "what replies and acknowledgements answer"
    BASE_WRITE = "base writes of view updates"
    TABLE = "tables"
    TIME = "times"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementScope:
    """The messages of one statement."""

    statement: ClientStatement
    messages: tuple[Message, ...]
    """The request, what it caused, and the answer, in the order of the trace."""
    basis: tuple[Basis, ...]
    """All that was used, the surest first."""
    shared_with: tuple[int, ...] = ()
    """Numbers of other statements to which some of the messages may belong as well."""

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the messages."""
        return frozenset(message.number for message in self.messages)

    @property
    def basis_text(self) -> str:
        """``by tracing session id 91da5df0-...``, or ``by partition keys, response ids``."""
        names = [
            f"{basis.value} {self.statement.tracing_id}" if basis is Basis.TRACE_ID else basis.value
            for basis in self.basis
        ]
        shared = ", ".join(str(number) for number in self.shared_with)
        return f"by {', '.join(names)}{f'; shared with statements {shared}' if shared else ''}"


def statement_scopes(trace: Trace) -> "StatementScopes":
    """The scopes of all statements of a trace; several claims on one trace share them."""
    known = _KNOWN.get(id(trace))
    if known is None or known.trace is not trace:
        _KNOWN.clear()
        known = _KNOWN[id(trace)] = StatementScopes(trace)
    return known


class _Write(NamedTuple):
    """A write that a node applied."""

    owner: int
    timestamps: frozenset[int]


class StatementScopes:
    """Divides the messages of a trace among its statements."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.statements = statements_of(trace)
        self._schema = trace.schema
        self._owners: dict[int, int] = {}
        self._bases: list[set[Basis]] = [set() for _ in self.statements]
        self._shared: list[set[int]] = [set() for _ in self.statements]
        self._by_trace = {
            statement.tracing_id: index
            for index, statement in enumerate(self.statements)
            if statement.tracing_id is not None
        }
        self._by_key: dict[tuple[str, str, Key | None], list[int]] = {}
        """Statements by coordinator, table and key; without key, those that name none."""
        self._open_at: dict[str, dict[int, None]] = {}
        self._ballots: dict[UUID, int] = {}
        self._identities: dict[tuple[str, int, int], int] = {}
        self._batches: dict[Key, int] = {}
        self._applied: dict[tuple[str, str, Key], list[_Write]] = {}
        """Writes by address of the node that applied them, table and key."""
        self._reconciled: set[int] = set()
        self._sure_ballots: dict[UUID, int] = {}
        self._literals_of: dict[int, frozenset[str]] = {}
        self._group0_users: list[int] = []
        self._walk()

    def of(self, statement: ClientStatement) -> StatementScope:
        """The messages of a statement of this trace."""
        index = statement.number - 1
        return StatementScope(
            statement=statement,
            messages=tuple(self._messages_by_owner.get(index, ())),
            basis=tuple(basis for basis in Basis if basis in self._bases[index]),
            shared_with=tuple(sorted(self._shared[index])),
        )

    def owner_of(self, message: Message) -> ClientStatement | None:
        """The statement that a message belongs to, as far as that can be told."""
        index = self._owners.get(message.number)
        return None if index is None else self.statements[index]

    # One pass over the messages.

    def _walk(self) -> None:
        requests = {statement.request: index for index, statement in enumerate(self.statements)}
        results = {statement.result: index for index, statement in enumerate(self.statements)}
        noise = NoiseFilter()
        by_owner: dict[int, list[Message]] = {}
        for message in self.trace.messages:
            number = message.number
            if message.protocol is Protocol.CQL:
                index = requests.get(number)
                if index is not None:
                    self._open(index)
                else:
                    index = results.get(number)
                    if index is not None:
                        self._open_at[self.statements[index].coordinator_address].pop(index, None)
                if index is not None:
                    self._owners[number] = index
                    by_owner.setdefault(index, []).append(message)
                continue
            folded = noise.noise(message)
            if folded is not None and folded[0] is not Noise.RAFT:
                continue
            index = self._find(message, is_heartbeat=folded is not None)
            if index is not None:
                self._owners[number] = index
                by_owner.setdefault(index, []).append(message)
        self._messages_by_owner = by_owner

    def _open(self, index: int) -> None:
        statement = self.statements[index]
        address = statement.coordinator_address
        self._open_at.setdefault(address, {})[index] = None
        for part in statement.parts:
            if part.table is not None:
                for key in (None,) if part.keys is None else part.keys:
                    self._register(address, part.table, key, index)
        if statement.action in {Action.SCHEMA, Action.TRUNCATE}:
            self._group0_users.append(index)

    def _register(self, address: str, table: str, key: Key | None, index: int) -> None:
        indexes = self._by_key.setdefault((address, table, key), [])
        if not indexes or indexes[-1] != index:
            indexes.append(index)

    def _find(self, message: Message, *, is_heartbeat: bool) -> int | None:
        number = message.acknowledges if message.request is None else message.request
        if number is not None:
            owner = self._owners.get(number)
            if owner is not None:
                self._bases[owner].add(Basis.ANSWER)
            return owner
        body = message.body
        if message.verb in _GROUP0_VERBS:
            return self._by_group0(message)
        if is_heartbeat:
            return None
        match body:
            case TruncateRequest() | TruncateWithTabletsRequest():
                return self._truncation(message, f"{body.keyspace}.{body.table}")
            case CounterMutationRequest():
                return self._counter(message, body)
            case MapreduceRequest():
                return self._mapreduce(message, body)
        subject = subject_of(message, body)
        if subject is None:
            return None
        owner = self._by_what_it_says(subject)
        if owner is None:
            table = None if subject.table_id is None else self._schema.table_of(subject.table_id)
            if subject.table_id is not None and table is None:
                owner = self._by_time(subject.coordinator)
            elif table is not None and not _is_of_tracing(body, table):
                owner = self._by_table(message, body, subject, table)
        if owner is not None:
            self._keep(message, body, subject, owner)
        return owner

    def _keep(self, message: Message, body: object, subject: Subject, owner: int) -> None:
        if subject.ballot is not None:
            self._ballots.setdefault(subject.ballot, owner)
        if subject.identity is not None:
            self._identities.setdefault(subject.identity, owner)
        if isinstance(body, ReadMutationDataRequest):
            self._reconciled.add(owner)
        if subject.mutation is not None and subject.table_id is not None and subject.key is not None:
            table = self._schema.table_of(subject.table_id)
            if table is not None and not isinstance(body, PaxosAcceptRequest):
                write = _Write(owner, frozenset(write_timestamps(subject.mutation)))
                for address in (message.receiver.address, subject.coordinator):
                    applied = self._applied.setdefault((address, table.full_name, subject.key), [])
                    if not applied or applied[-1] != write:
                        applied.append(write)

    # What a message says itself.

    def _by_what_it_says(self, subject: Subject) -> int | None:
        if subject.trace_id is not None:
            owner = self._by_trace.get(subject.trace_id)
            if owner is not None:
                self._bases[owner].add(Basis.TRACE_ID)
                return owner
        if subject.identity is not None:
            owner = self._identities.get(subject.identity)
            if owner is not None:
                self._bases[owner].add(Basis.RESPONSE_ID)
                return owner
        if subject.ballot is not None:
            owner = self._ballots.get(subject.ballot)
            if owner is not None:
                self._bases[owner].add(Basis.BALLOT)
                return owner
        return None

    # Tables, keys, write timestamps.

    def _by_table(self, message: Message, body: object, subject: Subject, table: Table) -> int | None:
        mutation = subject.mutation
        if mutation is not None and table.full_name in _BATCHLOGS:
            return self._logged_batch(subject, mutation)
        if mutation is not None and table.base is not None:
            return self._view_update(message, mutation, table)
        names = [table.full_name]
        if table.base is not None:
            # An index is read in two steps, first its view.
            names.append(f"{table.keyspace}.{table.base}")
        if table.name.endswith(_CDC_LOG):
            names.append(table.full_name.removesuffix(_CDC_LOG))
        candidates = self._candidates(subject.coordinator, names, subject.key, message.time_ns)
        if isinstance(body, MutationRequest | HintMutationRequest):
            candidates = [index for index in candidates if self._may_write(index)]
        # Whoever traces a statement sees its id in all of these.
        candidates = [index for index in candidates if self.statements[index].tracing_id is None]
        if isinstance(body, MutationRequest | HintMutationRequest) and mutation is not None:
            stamps = frozenset(write_timestamps(mutation))
            chosen = [index for index in candidates if self._chose_timestamp(index, stamps)]
            reading = self._reconciling(candidates, message.time_ns)
            if reading is not None and not self._is_under_way(chosen, message.time_ns):
                # A repair carries the timestamps of the write that it makes up for.
                self._bases[reading].add(Basis.KEY)
                return reading
            if chosen:
                self._bases[chosen[-1]] |= {Basis.KEY, Basis.WRITE_TIMESTAMP}
                return chosen[-1]
            if isinstance(body, HintMutationRequest):
                return self._long_ago(subject, names, stamps)
            candidates = [index for index in candidates if not self._has_timestamps(index)]
        if subject.ballot is not None:
            written = self._proposed.get(subject.ballot)
            naming = [index for index in candidates if written and self._names_values(index, written)]
            if len(naming) == 1:
                self._sure_ballots[subject.ballot] = naming[0]
            candidates = naming or candidates
        return self._best(candidates, message.time_ns, subject.key)

    def owns_ballot(self, statement: ClientStatement, ballot: UUID) -> bool:
        """Whether what is proposed under a ballot is what this statement writes, and no other under way."""
        return self._sure_ballots.get(ballot) == statement.number - 1

    @cached_property
    def _proposed(self) -> dict[UUID, frozenset[str]]:
        """By ballot: the literals of what is proposed under it, which tells racing statements apart.

        What a replica had accepted before is proposed again by whoever finds it, and says nothing of him.
        """
        found_before: set[tuple[UUID, Mutation]] = set()
        proposals: dict[UUID, Mutation] = {}
        for message in self.trace.messages:
            if message.verb not in {_PAXOS_PREPARE, _PAXOS_ACCEPT} or message.kind not in _EXCHANGES:
                continue
            body = message.body
            if isinstance(body, PaxosAcceptRequest):
                proposals[body.proposal.ballot] = body.proposal.update
            elif isinstance(body, PaxosPrepareReply) and isinstance(body.response, Promise):
                request = self.trace.request_of(message)
                asked = None if request is None else request.body
                if isinstance(asked, PaxosPrepareRequest) and body.response.accepted is not None:
                    found_before.add((asked.ballot, body.response.accepted.update))
        literals: dict[UUID, frozenset[str]] = {}
        for ballot, update in proposals.items():
            if (ballot, update) not in found_before:
                rows = changes_of(update, self._schema).rows
                texts = [cell.text for row in rows for cell in row.cells if cell.kind is not CellKind.DEAD]
                literals[ballot] = frozenset(texts)
        return literals

    def _names_values(self, index: int, texts: frozenset[str]) -> bool:
        return texts <= self._literals(index)

    def _literals(self, index: int) -> frozenset[str]:
        known = self._literals_of.get(index)
        if known is None:
            terms = [
                term.text
                for part in self.statements[index].parts
                for read in read_statement(part.text)
                for term in read.assigned.values()
                if term is not None
            ]
            known = self._literals_of[index] = frozenset(terms)
        return known

    def _candidates(self, coordinator: str, names: Iterable[str], key: Key | None, time_ns: int) -> list[int]:
        """Statements of that coordinator, tables and key whose time it is, in their order."""
        found: set[int] = set()
        for name in names:
            for wanted in dict.fromkeys((key, None)):
                for index in reversed(self._by_key.get((coordinator, name, wanted), ())):
                    ended_ns = self.statements[index].ended_ns
                    if ended_ns is not None and time_ns > ended_ns + RECENT_NS:
                        break
                    found.add(index)
        return sorted(found)

    def _long_ago(self, subject: Subject, names: Iterable[str], stamps: frozenset[int]) -> int | None:
        """The statement whose write a hint brings, however late."""
        for name in names:
            for index in self._by_key.get((subject.coordinator, name, subject.key), ()):
                if self._chose_timestamp(index, stamps):
                    self._bases[index] |= {Basis.KEY, Basis.WRITE_TIMESTAMP}
                    return index
        return None

    def _may_write(self, index: int) -> bool:
        statement = self.statements[index]
        return (statement.is_change and not statement.is_conditional) or index in self._reconciled

    def _has_timestamps(self, index: int) -> bool:
        """Whether the client chose the write timestamps of a statement."""
        stamps = [part.write_timestamp_us for part in self.statements[index].parts]
        return None not in stamps and index not in self._reconciled

    def _chose_timestamp(self, index: int, stamps: frozenset[int]) -> bool:
        return any(part.write_timestamp_us in stamps for part in self.statements[index].parts)

    def _best(self, candidates: list[int], time_ns: int, key: Key | None) -> int | None:
        """The last of those under way, else the last that ended; others under way share the message."""
        if not candidates:
            return None
        under_way = [
            index
            for index in candidates
            if (ended_ns := self.statements[index].ended_ns) is None or time_ns <= ended_ns
        ]
        best = (under_way or candidates)[-1]
        for other in under_way[:-1]:
            self._shared[best].add(other + 1)
            self._shared[other].add(best + 1)
        self._bases[best].add(Basis.TABLE if key is None or self._names_no_key(best) else Basis.KEY)
        return best

    def _reconciling(self, candidates: Iterable[int], time_ns: int) -> int | None:
        """The last of the reads under way that were told that replicas differ."""
        found = [index for index in candidates if index in self._reconciled]
        return found[-1] if self._is_under_way(found[-1:], time_ns) else None

    def _is_under_way(self, indexes: Iterable[int], time_ns: int) -> bool:
        ends = [self.statements[index].ended_ns for index in indexes]
        return any(ended_ns is None or time_ns <= ended_ns for ended_ns in ends)

    def _names_no_key(self, index: int) -> bool:
        return all(part.keys is None for part in self.statements[index].parts)

    def _logged_batch(self, subject: Subject, mutation: Mutation) -> int | None:
        key = mutation.key.components
        owner = self._batches.get(key)
        if owner is not None:
            self._bases[owner].add(Basis.KEY)
            return owner
        batched = changes_of(mutation, self._schema).batched
        tables = {change.table_name for change in batched}
        for index in reversed(self._open_at.get(subject.coordinator, {})):
            statement = self.statements[index]
            if statement.batch_type == "LOGGED" and tables and tables <= set(statement.tables):
                self._batches[key] = index
                self._bases[index].add(Basis.TABLE)
                return index
        return None

    def _view_update(self, message: Message, mutation: Mutation, view: Table) -> int | None:
        base = self._schema.table(view.keyspace, view.base or "")
        if base is None:
            return self._by_time(message.sender.address)
        sender = message.sender.address
        stamps = set(write_timestamps(mutation))
        latest: int | None = None
        for key in base_keys_of(mutation, view, base):
            for write in reversed(self._applied.get((sender, base.full_name, key), ())):
                if latest is None:
                    latest = write.owner
                if stamps & write.timestamps:
                    self._bases[write.owner].add(Basis.BASE_WRITE)
                    return write.owner
            if latest is None:
                # The coordinator is the only replica: its own write is not on the wire.
                candidates = self._candidates(sender, [base.full_name], key, message.time_ns)
                changing = [index for index in candidates if self.statements[index].is_change]
                latest = changing[-1] if changing else None
        if latest is not None:
            self._bases[latest].add(Basis.BASE_WRITE)
        return latest

    def _counter(self, message: Message, body: CounterMutationRequest) -> int | None:
        for mutation in body.mutations:
            table = self._schema.table_of(mutation.table_id)
            if table is None:
                continue
            key = mutation.key.components
            candidates = self._candidates(message.sender.address, [table.full_name], key, message.time_ns)
            owner = self._best(candidates, message.time_ns, key)
            if owner is not None:
                # The leader replicates as a coordinator does.
                self._register(message.receiver.address, table.full_name, key, owner)
                return owner
        return None

    def _mapreduce(self, message: Message, body: MapreduceRequest) -> int | None:
        table = self._schema.table_of(body.request.command.table_id)
        if table is None:
            return self._by_time(message.sender.address)
        candidates = self._candidates(message.sender.address, [table.full_name], None, message.time_ns)
        owner = self._best(candidates, message.time_ns, None)
        if owner is not None:
            self._register(message.receiver.address, table.full_name, None, owner)
        return owner

    def _truncation(self, message: Message, table: str) -> int | None:
        for index in reversed(self._group0_users):
            statement = self.statements[index]
            if (
                statement.action is Action.TRUNCATE
                and table in statement.tables
                and self._is_now(index, message)
            ):
                self._bases[index].add(Basis.TABLE)
                return index
        return None

    # Times.

    def _by_group0(self, message: Message) -> int | None:
        found = [index for index in self._group0_users[-_GROUP0_USERS_MAX:] if self._is_now(index, message)]
        for index in found[:-1]:
            self._shared[index].add(found[-1] + 1)
            self._shared[found[-1]].add(index + 1)
        if found:
            self._bases[found[-1]].add(Basis.TIME)
            return found[-1]
        if message.verb == _GET_SCHEMA_VERSION:
            # A replica asks the coordinator of a write or read what its schema version means.
            return self._by_time(message.receiver.address)
        return None

    def _is_now(self, index: int, message: Message) -> bool:
        statement = self.statements[index]
        ended_ns = statement.ended_ns
        return statement.started_ns <= message.time_ns and (ended_ns is None or message.time_ns <= ended_ns)

    def _by_time(self, coordinator: str) -> int | None:
        under_way = [
            index for index in self._open_at.get(coordinator, ()) if not self.statements[index].is_of_system
        ]
        if len(under_way) != 1:
            return None
        self._bases[under_way[0]].add(Basis.TIME)
        return under_way[0]


_KNOWN: dict[int, "StatementScopes"] = {}
"""Of the trace that was asked for last."""
_CDC_LOG = "_scylla_cdc_log"
_BATCHLOGS = frozenset({"system.batchlog", "system.batchlog_v2"})
_GROUP0_USERS_MAX = 64
_GET_SCHEMA_VERSION = 21
_PAXOS_PREPARE = 39
_PAXOS_ACCEPT = 40
_EXCHANGES = frozenset({Kind.REQUEST, Kind.REPLY})
_GROUP0_VERBS = frozenset({11, 14, 21, 47, 48, 52, 53, 54, 55, 64})
"""DEFINITIONS_UPDATE, MIGRATION_REQUEST, GET_SCHEMA_VERSION, and what raft and topology changes take."""


def base_keys_of(mutation: Mutation, view: Table, base: Table) -> tuple[Key, ...]:
    """Partition keys of the base rows that the rows of a view's mutation stand for, each once."""
    columns = [column.name for column in view.partition_key]
    clustering = [column.name for column in view.clustering_key]
    partition = dict(zip(columns, mutation.key.components, strict=False))
    found: dict[Key, None] = {}
    for row in mutation.partition.rows:
        values = partition | dict(zip(clustering, row.key.components, strict=False))
        if all(column.name in values for column in base.partition_key):
            found[tuple(values[column.name] for column in base.partition_key)] = None
    if not found and all(column.name in partition for column in base.partition_key):
        found[tuple(partition[column.name] for column in base.partition_key)] = None
    return tuple(found)


def _is_of_tracing(body: object, table: Table) -> bool:
    return isinstance(body, MutationRequest) and table.keyspace == "system_traces"
