"""Whether a message is what a pattern means, field by field, and what captures it gives values to.

A message that cannot be decoded as far as the pattern asks is neither one nor the other: it is unknown.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from harness.codec.cql.values import decode_value, encode_value
from harness.errors import DecodeError, EncodeError, ExpectationError
from harness.events.filter_fields import field_named
from harness.events.message import Kind, Message
from harness.events.message import Protocol as WireProtocol
from harness.expect.capture import Capture, is_wanted, value_text
from harness.expect.field_tests import (
    FieldTest,
    any_of,
    applied,
    capturing,
    error,
    field_test,
    rows_test,
    shown,
    timeouts,
    value_test,
)
from harness.expect.message_index import MessageIndex, answered_number
from harness.expect.pattern import Pattern, kind_text, where_text
from harness.expect.subjects import partition_keys_of, tables_of, text_of
from harness.expect.ways import MATCHES, NO_MATCH, WAYS_MAX, Binding, Matches, joined_ways, kept
from harness.schema import Table

_MUTATION = 1
_MUTATION_TABLE_ID = field_named("scylla.mut.table_id")


class Difference(NamedTuple):
    """The first thing in which a message is not what a pattern means."""

    field: str
    claimed: str
    seen: str


class Matcher:
    """Compares messages of an index with one pattern.

    Args:
        pattern: what is meant.
        index: the messages, and what is known around them.

    Raises:
        ExpectationError: the pattern names a node or a table that the trace does not know, or a key that is
            not of the table's types.
    """

    def __init__(self, pattern: Pattern, index: MessageIndex) -> None:
        self.pattern = pattern
        self._index = index
        self._needles: list[tuple[bytes, ...]] = []
        """Of each: bytes of which one has to occur in the payload; what tells most messages apart unread."""
        for nodes in (pattern.sender, pattern.receiver):
            if isinstance(nodes, tuple):
                index.refuse_unknown_nodes(nodes)
        self._side_tests = self._sides()
        self._tests = list(self._payload_tests())

    def candidates(self) -> list[int]:
        """Positions of the messages that may match, judged by their heads alone."""
        pattern = self.pattern
        positions = self._index.of(
            pattern.protocol,
            pattern.kinds,
            pattern.verbs,
            unnamed=pattern.is_answer and Kind.ONE_WAY not in pattern.kinds,
        )
        messages = self._index.messages
        for is_sender, nodes in ((True, pattern.sender), (False, pattern.receiver)):
            if isinstance(nodes, tuple):
                fits = partial(self._is_at, frozenset(nodes), {}, is_sender=is_sender)
                positions = [position for position in positions if fits(messages[position])]
        for needles in self._needles:
            if len(needles) == 1:
                needle = needles[0]
                positions = [position for position in positions if needle in messages[position].payload]
            else:
                positions = [
                    position
                    for position in positions
                    if any(needle in messages[position].payload for needle in needles)
                ]
        return positions

    def matches(self, message: Message) -> Matches | None:
        """The ways in which a candidate matches; None: it cannot be decoded so far."""
        found: Matches = MATCHES
        is_unknown = message.verb is None and bool(self.pattern.verbs)
        for test in self._side_tests:
            some = test.matches(message)
            found = joined_ways(found, some or NO_MATCH)
            if not found:
                return NO_MATCH
        for test in self._tests:
            some = test.matches(message)
            if some is None:
                is_unknown = True
                continue
            found = joined_ways(found, some)
            if not found:
                return NO_MATCH
        return None if is_unknown else found

    def matches_anywhere(self, message: Message) -> Matches | None:
        """As ``matches``, of a message that need be no candidate."""
        return self.matches(message) if next(self._head_differences(message), None) is None else NO_MATCH

    def differences(self, message: Message, bound: dict[str, object]) -> Iterator[Difference]:
        """Every claim that a message does not fulfil, given the captures that are known."""
        heads = list(self._head_differences(message))
        yield from heads
        if any(difference.field == "message" for difference in heads):
            return
        for test in (*self._side_tests, *self._tests):
            some = test.matches(message)
            if some is None:
                yield Difference(test.field, test.claimed, "cannot be decoded")
            elif not some:
                yield Difference(test.field, test.claimed, test.seen(message))
            else:
                yield from _captured_differences(test, message, some, bound)

    def _head_differences(self, message: Message) -> Iterator[Difference]:
        pattern = self.pattern
        is_of_kind = message.protocol is pattern.protocol and message.kind in pattern.kinds
        is_of_verb = (
            not pattern.verbs
            or (message.verb is None and pattern.is_answer)
            or any(verb.is_verb_of(message.verb, message.connection.line) for verb in pattern.verbs)
        )
        if not (is_of_kind and is_of_verb):
            yield Difference("message", kind_text(pattern), message_kind_text(message))
        for is_sender, nodes in ((True, pattern.sender), (False, pattern.receiver)):
            if isinstance(nodes, tuple):
                names = self._index.names_of(message, is_sender=is_sender)
                if set(nodes).isdisjoint(names):
                    yield Difference("sender" if is_sender else "receiver", " or ".join(nodes), names[0])

    # Sides.

    def _is_at(
        self,
        wanted: frozenset[str],
        known: dict[tuple[int, bool], bool],
        message: Message,
        *,
        is_sender: bool,
    ) -> bool:
        key = (id(message.connection), message.from_client)
        fits = known.get(key)
        if fits is None:
            names = self._index.names_of(message, is_sender=is_sender)
            fits = known[key] = not wanted.isdisjoint(names)
        return fits

    def _sides(self) -> list[FieldTest]:
        """Captures of sender and receiver; names are compared before."""
        tests = []
        for is_sender, nodes in ((True, self.pattern.sender), (False, self.pattern.receiver)):
            if isinstance(nodes, Capture):
                side = "sender" if is_sender else "receiver"
                first = partial(self._first_name, is_sender=is_sender)
                tests.append(FieldTest(side, str(nodes), capturing(nodes, first), shown(first)))
        return tests

    def _first_name(self, message: Message, *, is_sender: bool) -> Sequence[object]:
        return self._index.names_of(message, is_sender=is_sender)[:1]

    # Payloads.

    def _payload_tests(self) -> Iterator[FieldTest]:
        pattern = self.pattern
        if pattern.timeout_ms is not None:
            yield value_test("timeout_ms", pattern.timeout_ms, timeouts)
        if pattern.statement is not None:
            yield self._statement_test(pattern.statement)
        if pattern.table is not None:
            yield self._table_test(pattern.table)
        if pattern.key is not None:
            yield self._key_test(pattern.key)
        for claim in pattern.fields:
            yield field_test(claim)
        if pattern.is_applied is not None:
            yield value_test("applied", pattern.is_applied, applied)
        if pattern.rows is not None:
            yield rows_test(pattern.rows)
        if pattern.error is not None:
            yield value_test("error", pattern.error, error)
        if pattern.where is not None:
            yield self._where_test()
        if pattern.to is not None:
            yield self._to_test(pattern.to)

    def _statement_test(self, wanted: object) -> FieldTest:
        folded = _folded(wanted) if isinstance(wanted, str) else ""

        def matches(message: Message) -> Matches | None:
            text = text_of(message, self._index)
            if text is None:
                return None
            is_found = folded in _folded(text) if isinstance(wanted, str) else is_wanted(text, wanted)
            return MATCHES if is_found else NO_MATCH

        def seen(message: Message) -> str:
            return value_text(text_of(message, self._index) or "")

        return FieldTest("statement", value_text(wanted), matches, seen)

    def _table_test(self, wanted: str | Capture) -> FieldTest:
        index = self._index
        tables = partial(tables_of, index=index)

        def seen(message: Message) -> str:
            return " and ".join(tables(message) or ()) or "none"

        if isinstance(wanted, Capture):
            return FieldTest("table", str(wanted), capturing(wanted, tables), seen)
        if self.pattern.protocol is WireProtocol.CQL:
            short = wanted.rpartition(".")[2]
            return FieldTest("table", wanted, any_of(tables, {wanted, short}), seen)
        known = index.table(wanted)
        ids = index.table_ids(wanted)
        if ids and not self.pattern.is_answer and not self._names_versions_only():
            self._needles.append((*ids, known.name.encode()))
        precisely = any_of(tables, {wanted})

        def matches(message: Message) -> Matches | None:
            if message.verb == _MUTATION and message.kind is Kind.ONE_WAY and ids:
                # What is read most often has its table at a known place; to decode it costs forty times more.
                found = _MUTATION_TABLE_ID.value
                assert found is not None
                return MATCHES if found(message) in ids else NO_MATCH
            return precisely(message)

        return FieldTest("table", wanted, matches, seen)

    def _names_versions_only(self) -> bool:
        """Whether its messages may name a schema version and no table, as PAXOS_PRUNE does."""
        return not self.pattern.verbs or any(verb.name == "PAXOS_PRUNE" for verb in self.pattern.verbs)

    def _key_test(self, wanted: tuple[object, ...]) -> FieldTest:
        index = self._index
        keys = partial(partition_keys_of, index=index)
        table_claim = self.pattern.table
        table = index.table(table_claim) if isinstance(table_claim, str) else None
        if table is not None and not self.pattern.is_answer:
            components = _encoded_key(index, table, wanted)
            self._needles += [(component,) for component in components if component]

        def decoded(message: Message) -> list[tuple[object, ...]] | None:
            found = keys(message)
            if found is None:
                return None
            of = table
            if of is None:
                names = tables_of(message, index) or ()
                of = next((index.table(name) for name in names if _is_known(index, name)), None)
            return [_decoded_key(index, of, components) for components in found]

        def matches(message: Message) -> Matches | None:
            found = decoded(message)
            if found is None:
                return None
            ways: list[Binding] = []
            for values in found:
                if len(values) != len(wanted):
                    continue
                way: Matches = MATCHES
                for value, claim in zip(values, wanted, strict=True):
                    if isinstance(claim, Capture):
                        way = joined_ways(way, (((claim.name, kept(value)),),))
                    elif not is_wanted(value, claim):
                        way = NO_MATCH
                ways += way
            return tuple(ways[:WAYS_MAX])

        def seen(message: Message) -> str:
            found = decoded(message) or ()
            return " and ".join(", ".join(value_text(value) for value in key) for key in found) or "none"

        return FieldTest("key", ", ".join(value_text(value) for value in wanted), matches, seen)

    def _where_test(self) -> FieldTest:
        where = self.pattern.where
        assert where is not None
        bound = self._index.bound(where)

        def matches(message: Message) -> Matches | None:
            if bound(message):
                return MATCHES
            decoded = message.decoded
            return None if decoded.body is None and decoded.undecoded_bytes else NO_MATCH

        return FieldTest("where", where_text(where), matches, lambda _message: "not so")

    def _to_test(self, pattern: Pattern) -> FieldTest:
        index = self._index
        inner = Matcher(pattern, index)

        def matches(message: Message) -> Matches | None:
            request = index.request_of(message)
            if request is None:
                return None if answered_number(message) is None else NO_MATCH
            return inner.matches_anywhere(request)

        def seen(message: Message) -> str:
            request = index.request_of(message)
            return "nothing that is known" if request is None else f"packet {request.frame_last}"

        return FieldTest("answers", str(pattern), matches, seen)


def message_kind_text(message: Message) -> str:
    """What kind of message it is, in the words of ``kind_text``."""
    name = message.verb_name
    if message.protocol is WireProtocol.CQL and message.kind is not Kind.UNDECODED:
        return name
    match message.kind:
        case Kind.REPLY:
            return f"reply to {name or 'a request not captured'}"
        case Kind.EXCEPTION:
            return f"exception to {name or 'a request not captured'}"
        case Kind.STREAM_DATA:
            return f"stream data of {name}" if name else "stream data"
        case Kind.STREAM_END:
            return f"end of stream of {name}" if name else "end of stream"
        case Kind.NEGOTIATION:
            return "negotiation"
        case Kind.UNDECODED:
            return "undecoded bytes"
        case Kind.REQUEST | Kind.ONE_WAY:
            return name


# Keys.


def _encoded_key(index: MessageIndex, table: Table, wanted: tuple[object, ...]) -> list[bytes]:
    """Components that are known beforehand, as they stand in payloads."""
    columns = table.partition_key
    if not columns:
        return [value for value in wanted if isinstance(value, bytes)]
    if len(wanted) != len(columns):
        names = ", ".join(column.name for column in columns)
        raise ExpectationError(
            f"the partition key of {table.full_name} is ({names}), not {len(wanted)} values"
        )
    encoded = []
    for column, value in zip(columns, wanted, strict=True):
        if isinstance(value, Capture) or callable(value):
            continue
        try:
            data = encode_value(index.trace.schema.type_of(table.keyspace, column.type), value)
        except EncodeError as error:
            raise ExpectationError(
                f"{value!r} is no {column.type}, as {column.name} of {table.full_name} is: {error}"
            ) from error
        encoded += [] if data is None else [data]
    return encoded


def _decoded_key(
    index: MessageIndex, table: Table | None, components: tuple[bytes, ...]
) -> tuple[object, ...]:
    columns = () if table is None else table.partition_key
    if table is None or len(columns) != len(components):
        return components
    schema = index.trace.schema
    try:
        return tuple(
            decode_value(schema.type_of(table.keyspace, column.type), component)
            for column, component in zip(columns, components, strict=True)
        )
    except DecodeError:
        return components


def _is_known(index: MessageIndex, name: str) -> bool:
    keyspace, dot, short = name.partition(".")
    return bool(dot) and index.trace.schema.table(keyspace, short) is not None


# Captures.


def _captured_differences(
    test: FieldTest, message: Message, ways: Matches, bound: dict[str, object]
) -> Iterator[Difference]:
    if any(all(bound.get(name, value) == value for name, value in way) for way in ways):
        return
    claimed = {name: bound[name] for way in ways for name, _ in way if name in bound}
    text = ", ".join(f"{Capture(name)} = {value_text(value)}" for name, value in claimed.items())
    yield Difference(test.field, text, test.seen(message))


def _folded(text: str) -> str:
    """Text to search in: case and line breaks do not matter."""
    return " ".join(text.split()).casefold()
