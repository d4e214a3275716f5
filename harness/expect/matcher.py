"""Whether a message is what a pattern means, field by field, and what captures it gives values to.

A message that cannot be decoded as far as the pattern asks is neither one nor the other: it is unknown.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from harness.codec.cql.errors import Error, error_name
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Rows, Void
from harness.codec.cql.values import decode_value, encode_value
from harness.errors import DecodeError, EncodeError, ExpectationError
from harness.events.body_values import values_at
from harness.events.filter_fields import field_named
from harness.events.message import Kind, Message
from harness.events.message import Protocol as WireProtocol
from harness.expect.capture import Capture, is_wanted, value_text
from harness.expect.message_index import MessageIndex, answered_number
from harness.expect.pattern import FieldClaim, Pattern, kind_text, where_text
from harness.expect.subjects import partition_keys_of, tables_of, text_of
from harness.schema import Table

Binding = tuple[tuple[str, object], ...]
"""Values of captures, by name, in the order of the pattern."""
Matches = tuple[Binding, ...]
"""The ways in which a message matches, one for each choice of captured values; none: it does not match."""

MATCHES: Matches = ((),)
NO_MATCH: Matches = ()

WAYS_MAX = 64
"""Most choices of captured values that are told apart in one message."""

_MUTATION = 1
_MUTATION_TABLE_ID = field_named("scylla.mut.table_id")


class Difference(NamedTuple):
    """The first thing in which a message is not what a pattern means."""

    field: str
    claimed: str
    seen: str


class _Test(NamedTuple):
    """One claim of a pattern."""

    field: str
    claimed: str
    matches: Callable[[Message], Matches | None]
    """None: the message cannot be decoded so far."""
    seen: Callable[[Message], str]


def joined_ways(some: Matches, more: Matches) -> Matches:
    """The ways that agree on the captures that both name."""
    if more is MATCHES:
        return some
    if some is MATCHES:
        return more
    found = []
    for way in some:
        values = dict(way)
        for other in more:
            if all(values.get(name, value) == value for name, value in other):
                found.append((*way, *(pair for pair in other if pair[0] not in values)))
                if len(found) >= WAYS_MAX:
                    return tuple(found)
    return tuple(found)


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

    def _sides(self) -> list[_Test]:
        """Captures of sender and receiver; names are compared before."""
        tests = []
        for is_sender, nodes in ((True, self.pattern.sender), (False, self.pattern.receiver)):
            if isinstance(nodes, Capture):
                side = "sender" if is_sender else "receiver"
                first = partial(self._first_name, is_sender=is_sender)
                tests.append(_Test(side, str(nodes), _capturing(nodes, first), _shown(first)))
        return tests

    def _first_name(self, message: Message, *, is_sender: bool) -> Sequence[object]:
        return self._index.names_of(message, is_sender=is_sender)[:1]

    # Payloads.

    def _payload_tests(self) -> Iterator[_Test]:
        pattern = self.pattern
        if pattern.timeout_ms is not None:
            yield _value_test("timeout_ms", pattern.timeout_ms, _timeouts)
        if pattern.statement is not None:
            yield self._statement_test(pattern.statement)
        if pattern.table is not None:
            yield self._table_test(pattern.table)
        if pattern.key is not None:
            yield self._key_test(pattern.key)
        for claim in pattern.fields:
            yield _field_test(claim)
        if pattern.is_applied is not None:
            yield _value_test("applied", pattern.is_applied, _applied)
        if pattern.rows is not None:
            yield _rows_test(pattern.rows)
        if pattern.error is not None:
            yield _value_test("error", pattern.error, _error)
        if pattern.where is not None:
            yield self._where_test()
        if pattern.to is not None:
            yield self._to_test(pattern.to)

    def _statement_test(self, wanted: object) -> _Test:
        folded = _folded(wanted) if isinstance(wanted, str) else ""

        def matches(message: Message) -> Matches | None:
            text = text_of(message, self._index)
            if text is None:
                return None
            is_found = folded in _folded(text) if isinstance(wanted, str) else is_wanted(text, wanted)
            return MATCHES if is_found else NO_MATCH

        def seen(message: Message) -> str:
            return value_text(text_of(message, self._index) or "")

        return _Test("statement", value_text(wanted), matches, seen)

    def _table_test(self, wanted: str | Capture) -> _Test:
        index = self._index
        tables = partial(tables_of, index=index)

        def seen(message: Message) -> str:
            return " and ".join(tables(message) or ()) or "none"

        if isinstance(wanted, Capture):
            return _Test("table", str(wanted), _capturing(wanted, tables), seen)
        if self.pattern.protocol is WireProtocol.CQL:
            short = wanted.rpartition(".")[2]
            return _Test("table", wanted, _any_of(tables, {wanted, short}), seen)
        known = index.table(wanted)
        ids = index.table_ids(wanted)
        if ids and not self.pattern.is_answer and not self._names_versions_only():
            self._needles.append((*ids, known.name.encode()))
        precisely = _any_of(tables, {wanted})

        def matches(message: Message) -> Matches | None:
            if message.verb == _MUTATION and message.kind is Kind.ONE_WAY and ids:
                # What is read most often has its table at a known place; to decode it costs forty times more.
                found = _MUTATION_TABLE_ID.value
                assert found is not None
                return MATCHES if found(message) in ids else NO_MATCH
            return precisely(message)

        return _Test("table", wanted, matches, seen)

    def _names_versions_only(self) -> bool:
        """Whether its messages may name a schema version and no table, as PAXOS_PRUNE does."""
        return not self.pattern.verbs or any(verb.name == "PAXOS_PRUNE" for verb in self.pattern.verbs)

    def _key_test(self, wanted: tuple[object, ...]) -> _Test:
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
                        way = joined_ways(way, (((claim.name, _kept(value)),),))
                    elif not is_wanted(value, claim):
                        way = NO_MATCH
                ways += way
            return tuple(ways[:WAYS_MAX])

        def seen(message: Message) -> str:
            found = decoded(message) or ()
            return " and ".join(", ".join(value_text(value) for value in key) for key in found) or "none"

        return _Test("key", ", ".join(value_text(value) for value in wanted), matches, seen)

    def _where_test(self) -> _Test:
        where = self.pattern.where
        assert where is not None
        bound = self._index.bound(where)

        def matches(message: Message) -> Matches | None:
            if bound(message):
                return MATCHES
            decoded = message.decoded
            return None if decoded.body is None and decoded.undecoded_bytes else NO_MATCH

        return _Test("where", where_text(where), matches, lambda _message: "not so")

    def _to_test(self, pattern: Pattern) -> _Test:
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

        return _Test("answers", str(pattern), matches, seen)


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


# Claims as tests.


def _value_test(field: str, wanted: object, values: Callable[[Message], Sequence[object] | None]) -> _Test:
    if isinstance(wanted, Capture):
        return _Test(field, str(wanted), _capturing(wanted, values), _shown(values))

    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return MATCHES if any(is_wanted(value, wanted) for value in found) else NO_MATCH

    return _Test(field, value_text(wanted), matches, _shown(values))


def _any_of(
    values: Callable[[Message], Sequence[object] | None], wanted: set[str]
) -> Callable[[Message], Matches | None]:
    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return MATCHES if any(value in wanted for value in found) else NO_MATCH

    return matches


def _capturing(
    capture: Capture, values: Callable[[Message], Sequence[object] | None]
) -> Callable[[Message], Matches | None]:
    name = capture.name

    def matches(message: Message) -> Matches | None:
        found = values(message)
        if found is None:
            return None
        return tuple(((name, value),) for value in dict.fromkeys(map(_kept, found[:WAYS_MAX])))

    return matches


def _field_test(claim: FieldClaim) -> _Test:
    path = tuple(claim.path.split("."))

    def values(message: Message) -> Sequence[object] | None:
        body = message.body
        return None if body is None else tuple(values_at(body, path))

    wanted = claim.wanted
    if wanted is None:

        def is_empty(message: Message) -> Matches | None:
            found = values(message)
            return found if found is None else NO_MATCH if found else MATCHES

        return _Test(claim.path, "nothing", is_empty, _shown(values))
    if isinstance(wanted, tuple | list):

        def is_all(message: Message) -> Matches | None:
            found = values(message)
            if found is None:
                return None
            fits = len(found) == len(wanted) and all(map(is_wanted, found, wanted))
            return MATCHES if fits else NO_MATCH

        return _Test(claim.path, value_text(wanted), is_all, _shown(values))
    return _value_test(claim.path, wanted, values)


def _rows_test(wanted: object) -> _Test:
    if not isinstance(wanted, tuple):
        return _value_test("rows", wanted, _row_counts)

    def matches(message: Message) -> Matches | None:
        rows = _rows(message)
        if rows is None:
            return None
        fits = len(rows) == len(wanted) and all(map(_is_row, rows, wanted))
        return MATCHES if fits else NO_MATCH

    def seen(message: Message) -> str:
        return value_text(tuple(tuple(row.values()) for row in _rows(message) or ()))

    return _Test("rows", value_text(wanted), matches, seen)


def _is_row(row: dict[str, object], wanted: object) -> bool:
    if isinstance(wanted, dict):
        return all(name in row and is_wanted(row[name], value) for name, value in wanted.items())
    values = tuple(row.values())
    return (
        isinstance(wanted, tuple | list)
        and len(wanted) == len(values)
        and all(map(is_wanted, values, wanted))
    )


def _content(message: Message) -> object | None:
    body = message.body
    return body.content if isinstance(body, CqlMessage) else None


def _rows(message: Message) -> list[dict[str, object]] | None:
    content = _content(message)
    if isinstance(content, Rows):
        try:
            return [
                dict(zip([column.name for column in content.columns], row, strict=True))
                for row in content.values()
            ]
        except DecodeError:
            return None
    return None if content is None else []


def _row_counts(message: Message) -> Sequence[object] | None:
    content = _content(message)
    if isinstance(content, Rows):
        return (len(content.rows),)
    return None if content is None else (0,) if isinstance(content, Void) else ()


def _applied(message: Message) -> Sequence[object] | None:
    rows = _rows(message)
    return None if rows is None else tuple(row["[applied]"] for row in rows[:1] if "[applied]" in row)


def _error(message: Message) -> Sequence[object] | None:
    content = _content(message)
    if content is None:
        return None
    return (error_name(content.code),) if isinstance(content, Error) else ()


def _timeouts(message: Message) -> Sequence[object]:
    return () if message.timeout_ms is None else (message.timeout_ms,)


def _shown(values: Callable[[Message], Sequence[object] | None]) -> Callable[[Message], str]:
    def seen(message: Message) -> str:
        found = values(message)
        return " and ".join(value_text(value) for value in found or ()) or "nothing"

    return seen


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


def _kept(value: object) -> object:
    """A value that can be looked up; what cannot be hashed is kept as text."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _captured_differences(
    test: _Test, message: Message, ways: Matches, bound: dict[str, object]
) -> Iterator[Difference]:
    if any(all(bound.get(name, value) == value for name, value in way) for way in ways):
        return
    claimed = {name: bound[name] for way in ways for name, _ in way if name in bound}
    text = ", ".join(f"{Capture(name)} = {value_text(value)}" for name, value in claimed.items())
    yield Difference(test.field, text, test.seen(message))


def _folded(text: str) -> str:
    """Text to search in: case and line breaks do not matter."""
    return " ".join(text.split()).casefold()
