"""A trace, laid out so that the messages of a pattern are found without looking at all of them."""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Prepare
from harness.codec.cql.results import PreparedResult
from harness.codec.verbs.paxos import PaxosPrepareRequest
from harness.errors import ExpectationError
from harness.events.filter_values import did_you_mean, wire_bytes_of_uuid
from harness.events.filters import Filter
from harness.events.message import Connection, Kind, Message, Protocol
from harness.events.trace import Trace
from harness.expect.pattern import CLIENT, Predicate
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verbs import VerbName
from harness.schema import Table

_PAXOS_PREPARE = 39
_REQUEST_VALUE = Kind.REQUEST.value
_RPC = Protocol.RPC


class MessageIndex:
    """The messages of a scope in order of completion; positions in that order stand for them.

    Args:
        trace: the messages, in any order.
        scope: which of them count; requests are looked up in all of the trace.
    """

    def __init__(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> None:
        self.trace = trace
        self.scope = scope
        self.surroundings = trace.surroundings
        where = scope.where
        if where is not None:
            scope = Scope(
                name=scope.name,
                begin_ns=scope.begin_ns,
                end_ns=scope.end_ns,
                connections=scope.connections,
                where=self.bound(where),
            )
        messages: Sequence[Message] = trace.messages
        if scope is not WHOLE_TRACE and scope != WHOLE_TRACE:
            messages = [message for message in messages if scope.holds(message)]
        numbers = [message.number for message in messages]
        if any(number >= after for number, after in pairwise(numbers)):
            messages = sorted(messages, key=lambda message: message.number)
        self.messages = messages
        self._heads = _heads_of(messages)
        self._sides: dict[tuple[int, bool], tuple[str, ...]] = {}

    def bound(self, predicate: Predicate) -> Predicate:
        """A filter that knows the tables of the trace; functions stay what they are."""
        return predicate.bound_to(self.surroundings) if isinstance(predicate, Filter) else predicate

    def of(
        self, protocol: Protocol, kinds: Iterable[Kind], verbs: Sequence[VerbName], *, unnamed: bool = False
    ) -> list[int]:
        """Positions of the messages of these kinds and verbs, ascending.

        Args:
            protocol: RPC or CQL.
            kinds: any of them.
            verbs: any of them; none: any verb.
            unnamed: also of those whose verb is unknown, as that of a reply to a request not captured.
        """
        by_verb = [self._heads.get((protocol is _RPC, kind.value)) for kind in kinds]
        found: list[list[int]] = []
        for positions in by_verb:
            if positions is None:
                continue
            if verbs:
                found += [positions[n] for verb in verbs for n in verb.numbers if n in positions]
                if unnamed and None in positions:
                    found.append(positions[None])
            else:
                found += positions.values()
        if not found:
            return []
        merged = found[0] if len(found) == 1 else sorted({position for some in found for position in some})
        shared = [verb for verb in verbs if len(verb.numbers) > 1]
        if not shared:
            return merged
        messages = self.messages
        return [
            position
            for position in merged
            if messages[position].verb is None
            or any(
                verb.is_verb_of(messages[position].verb, messages[position].connection.line) for verb in verbs
            )
        ]

    # Who.

    def names_of(self, message: Message, *, is_sender: bool) -> tuple[str, ...]:
        """Node, address, and address with port of who sends or gets a message; captures keep the first."""
        return self.side_names(message.connection, is_client_side=message.from_client is is_sender)

    def side_names(self, connection: Connection, *, is_client_side: bool) -> tuple[str, ...]:
        """As ``names_of``, of one side of a connection."""
        key = (id(connection), is_client_side)
        names = self._sides.get(key)
        if names is None:
            endpoint = connection.client if is_client_side else connection.server
            node = connection.client_node if is_client_side else connection.server_node
            shown = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
            names = (endpoint.address, f"{shown}:{endpoint.port}")
            if connection.protocol is Protocol.CQL and is_client_side:
                names = (*names, CLIENT)
            elif node is not None:
                names = (node, *names)
            self._sides[key] = names
        return names

    def refuse_unknown_nodes(self, names: Iterable[str]) -> None:
        """Make sure that nodes exist: a claim on one that does not would hold, or fail, for no reason.

        Raises:
            ExpectationError: the trace names no such node, and it is no address.
        """
        for name in names:
            if name not in self._known_names and not _is_address(name):
                nodes = [node.name for node in self.trace.topology.nodes]
                there = f"; there are {', '.join(nodes)}" if nodes else "; the trace names no nodes"
                raise ExpectationError(f"no node is called {name!r}{did_you_mean(name, nodes) or there}")

    @cached_property
    def _known_names(self) -> frozenset[str]:
        connections = self.trace.connections
        names = {connection.client_node for connection in connections}
        names |= {connection.server_node for connection in connections}
        topology = {node.name for node in self.trace.topology.nodes}
        return frozenset(name for name in names if name is not None) | topology | {CLIENT}

    # What answers what.

    def request_of(self, message: Message) -> Message | None:
        """What a message answers, within the scope or not."""
        return self.trace.request_of(message)

    @cached_property
    def positions(self) -> dict[int, int]:
        """Position of each message by its number."""
        return {message.number: position for position, message in enumerate(self.messages)}

    @cached_property
    def _answers(self) -> dict[int, list[int]]:
        answers: dict[int, list[int]] = {}
        for position, message in enumerate(self.messages):
            number = answered_number(message)
            if number is not None:
                answers.setdefault(number, []).append(position)
        return answers

    def answers_to(self, position: int) -> Sequence[int]:
        """Positions of what answers a message, ascending."""
        return self._answers.get(self.messages[position].number, ())

    def answered_by(self, position: int) -> int | None:
        """Position of what a message answers; None if it answers nothing, or nothing in scope."""
        number = answered_number(self.messages[position])
        return None if number is None else self.positions.get(number)

    # What about.

    def table(self, name: str) -> Table:
        """The table of a name, ``keyspace.table``.

        Raises:
            ExpectationError: the schema does not know it, so no message could be found to be about it.
        """
        keyspace, _, short = name.partition(".")
        found = self.trace.schema.table(keyspace, short)
        if found is None:
            known = [table.full_name for table in self.trace.schema.tables]
            there = f"; it knows {', '.join(sorted(known))}" if known else "; it knows none: give a context"
            raise ExpectationError(f"the trace knows no table {name}{did_you_mean(name, known) or there}")
        return found

    def table_ids(self, name: str) -> tuple[bytes, ...]:
        """Ids that a table has had, as they stand on the wire."""
        schema = self.trace.schema
        tables = [self.table(name), *schema.tables, *schema.old_tables]
        ids = dict.fromkeys(table.id for table in tables if table.full_name == name)
        return tuple(wire_bytes_of_uuid(found) for found in ids if found is not None)

    @cached_property
    def table_id_of_version(self) -> dict[UUID, UUID]:
        """Which table has a schema version, from the schema and from what PAXOS_PREPAREs say."""
        schema = self.trace.schema
        known = {
            table.version: table.id
            for table in (*schema.old_tables, *schema.tables)
            if table.id is not None and table.version is not None
        }
        for position in self._heads.get((True, _REQUEST_VALUE), {}).get(_PAXOS_PREPARE, ()):
            body = self.messages[position].body
            if isinstance(body, PaxosPrepareRequest):
                known[body.command.schema_version] = body.command.table_id
        return known

    @cached_property
    def prepared_texts(self) -> dict[bytes, str]:
        """The texts behind the ids of prepared statements, as far as the trace holds them."""
        texts: dict[bytes, str] = {}
        for message in self.trace.messages:
            if message.protocol is not Protocol.CQL or message.verb != Opcode.PREPARE:
                continue
            asked = message.body
            if isinstance(asked, CqlMessage) and isinstance(asked.content, Prepare):
                for answer in self.trace.exchange_of(message).replies:
                    body = answer.body
                    if isinstance(body, CqlMessage) and isinstance(body.content, PreparedResult):
                        texts[body.content.statement_id] = asked.content.query
        return texts


def answered_number(message: Message) -> int | None:
    """Number of the message that this one answers, by a reply or by an acknowledgement."""
    return message.acknowledges if message.request is None else message.request


def _heads_of(messages: Sequence[Message]) -> dict[tuple[bool, str], dict[int | None, list[int]]]:
    """Positions by protocol, kind and verb. Kinds by value, for enums are slow to hash."""
    heads: dict[tuple[bool, str], dict[int | None, list[int]]] = {}
    for position, message in enumerate(messages):
        by_verb = heads.setdefault((message[1] is _RPC, message[2]._value_), {})
        positions = by_verb.get(message[9])
        if positions is None:
            by_verb[message[9]] = [position]
        else:
            positions.append(position)
    return heads


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    for candidate in (text, host.strip("[]") if port.isdecimal() else ""):
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            continue
        return True
    return False
