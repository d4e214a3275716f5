"""The fields of filters: Wireshark's, under their names and with their values, and a few of our own.

``scylla.mut`` and ``scylla.read_data`` are of MUTATION and READ_DATA alone, and read from the payload's first
bytes, as Wireshark does; ``table`` and ``body.`` reach into all that can be decoded.

Source:
    Wireshark 4.0, "Display Filter Reference: Scylla RPC protocol", "Internet Protocol Version 4",
    "Transmission Control Protocol", "Frame".
"""

from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812  (struct.error says nothing without its module)

from harness.codec.verbs.table import TABLE
from harness.events.body_values import BODY_PREFIX, known_field_names, values_at
from harness.events.cql_filter_fields import CQL_FIELDS, statement_tables
from harness.events.filter_field import FilterField, multiple, single
from harness.events.filter_values import (
    ADDRESSES,
    ANY_VALUES,
    BYTES,
    IDS,
    NUMBERS,
    SECONDS,
    TABLE_IDS,
    TEXTS,
    Names,
    Words,
    did_you_mean,
)
from harness.events.message import Kind, Message, Protocol
from harness.events.named_tables import tables_in
from harness.events.surroundings import Surroundings

_RPC = Protocol.RPC
_REQUESTS = frozenset({Kind.REQUEST, Kind.ONE_WAY})
_RESPONSES = frozenset({Kind.REPLY, Kind.EXCEPTION})
_MUTATION = 1
_READ_DATA = 3
_U32 = Struct("<I").unpack_from
_MUTATION_HEAD = Struct("<II16s16sII").unpack_from
"""Blob length, size, table id, schema version, size of the key, count of its components."""
_READ_HEAD = Struct("<I16s16s").unpack_from


def field_named(name: str) -> FilterField:
    """Find a field.

    Raises:
        KeyError: there is none of that name; with what to say about it.
    """
    field = FIELDS.get(name)
    if field is not None:
        return field
    if name.startswith(BODY_PREFIX):
        return _body_field(name)
    why = _UNKNOWN_HERE.get(name)
    raise KeyError(
        f"{name!r} is not known here: {why}"
        if why
        else f"no field is called {name!r}{did_you_mean(name, [*FIELDS, *_UNKNOWN_HERE])}"
    )


def _verb_numbers() -> dict[str, tuple[int, ...]]:
    """Numbers of each name; TABLE_LOAD_STATS is 72 in one line and 77 in the next."""
    numbers: dict[str, tuple[int, ...]] = {}
    for row in TABLE.verbs:
        for _, name in row.names:
            numbers[name] = (*numbers.get(name, ()), row.number)
    return numbers


def _mutation_part(index: int) -> Callable[[Message], object | None]:
    def part(message: Message) -> object | None:
        if message.verb != _MUTATION or message.kind is not Kind.ONE_WAY or message.protocol is not _RPC:
            return None
        try:
            found: object = _MUTATION_HEAD(message.payload)[index]
        except StructError:
            return None
        return found

    return part


def _read_part(index: int) -> Callable[[Message], object | None]:
    def part(message: Message) -> object | None:
        if message.verb != _READ_DATA or message.kind is not Kind.REQUEST or message.protocol is not _RPC:
            return None
        try:
            found: object = _READ_HEAD(message.payload)[index]
        except StructError:
            return None
        return found

    return part


def _key_components(message: Message) -> tuple[bytes, ...]:
    """Components of a MUTATION's partition key."""
    count = _mutation_part(5)(message)
    if not isinstance(count, int):
        return ()
    payload = message.payload
    position = 48
    components = []
    for _ in range(min(count, len(payload))):
        try:
            (size_bytes,) = _U32(payload, position)
        except StructError:
            break
        components.append(payload[position + 4 : position + 4 + size_bytes])
        position += 4 + size_bytes
    return tuple(components)


def _of_request(value: Callable[[Message], object | None]) -> Callable[[Message], object | None]:
    return lambda message: value(message) if message.kind in _REQUESTS and message.protocol is _RPC else None


def _of_response(value: Callable[[Message], object | None]) -> Callable[[Message], object | None]:
    return lambda message: value(message) if message.kind in _RESPONSES and message.protocol is _RPC else None


def _of_negotiation(value: Callable[[Message], object | None]) -> Callable[[Message], object | None]:
    return lambda message: value(message) if message.kind is Kind.NEGOTIATION else None


def _ipv4(address: str) -> tuple[str, ...]:
    return () if ":" in address else (address,)


def _ipv6(address: str) -> tuple[str, ...]:
    return (address,) if ":" in address else ()


def _undecoded(message: Message) -> object | None:
    undecoded_bytes = message.decoded.undecoded_bytes
    return undecoded_bytes if undecoded_bytes or message.kind is Kind.UNDECODED else None


def _names_of(address: str, port: int, node: str | None) -> tuple[str, ...]:
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return (address, shown) if node is None else (node, address, shown)


def _sender(message: Message) -> tuple[str, ...]:
    return _names_of(*message.sender, message.sender_node)


def _receiver(message: Message) -> tuple[str, ...]:
    return _names_of(*message.receiver, message.receiver_node)


def _tables(message: Message, surroundings: Surroundings) -> tuple[str, ...]:
    if message.protocol is _RPC:
        return tables_in(message.body, surroundings.schema)
    return statement_tables(message)


def _tables_and_short_names(message: Message, surroundings: Surroundings) -> Sequence[object]:
    tables = _tables(message, surroundings)
    return (*tables, *(name.rpartition(".")[2] for name in tables))


def _keyspaces(message: Message, surroundings: Surroundings) -> Sequence[object]:
    return tuple(keyspace for name in _tables(message, surroundings) if (keyspace := name.rpartition(".")[0]))


def _time_relative(message: Message, surroundings: Surroundings) -> Sequence[object]:
    return (surroundings.seconds(message.time_ns),)


def _body_field(name: str) -> FilterField:
    path = tuple(name.removeprefix(BODY_PREFIX).split("."))
    known = known_field_names()
    for part in path:
        if part not in known:
            raise KeyError(f"no payload has a field {part!r}{did_you_mean(part, known)}")
    return multiple(
        name,
        ANY_VALUES,
        "field of the decoded payload",
        lambda message: tuple(values_at(message.body, path)),
    )


_VERBS = Names("the verb", _verb_numbers(), "MUTATION")

_OURS = (
    multiple("node", TEXTS, "the sender or the receiver", lambda m: (*_sender(m), *_receiver(m))),
    multiple("sender", TEXTS, "who sent it: node, address, or address:port", _sender),
    multiple("receiver", TEXTS, "who gets it: node, address, or address:port", _receiver),
    FilterField(name="keyspace", kind=TEXTS, meaning="keyspace that the payload names", values=_keyspaces),
    FilterField(
        name="table",
        kind=TEXTS,
        meaning="table that the payload names, with or without its keyspace",
        values=_tables_and_short_names,
    ),
    single(
        "kind",
        Words("the kind", [kind.value for kind in Kind]),
        "what the message is to its connection",
        lambda m: m.kind.value,
    ),
    single(
        "protocol",
        Words("the protocol", [protocol.value for protocol in Protocol]),
        "what the connection speaks",
        lambda m: m.protocol.value,
    ),
    single("undecoded", NUMBERS, "bytes of the payload that could not be decoded", _undecoded),
)

_SCYLLA = (
    single("scylla", TEXTS, "between nodes", lambda m: "scylla" if m.protocol is _RPC else None),
    single("scylla.verb", _VERBS, "verb; of replies too", lambda m: m.verb if m.protocol is _RPC else None),
    single(
        "scylla.msg_id",
        NUMBERS,
        "pairs request and reply",
        lambda m: m.msg_id if m.protocol is _RPC else None,
    ),
    single("scylla.request", TEXTS, "is a request", _of_request(lambda _: "request")),
    single("scylla.timeout", NUMBERS, "of a request, in milliseconds", _of_request(lambda m: m.timeout_ms)),
    single("scylla.len", NUMBERS, "payload of a request, in bytes", _of_request(lambda m: len(m.payload))),
    single("scylla.response", TEXTS, "is a reply or an exception", _of_response(lambda _: "response")),
    single(
        "scylla.response.size",
        NUMBERS,
        "payload of a reply, in bytes",
        _of_response(lambda m: len(m.payload)),
    ),
    single(
        "scylla.response.request",
        NUMBERS,
        "of a reply: packet of the request",
        _of_response(lambda m: m.request_frame),
    ),
    single("scylla.payload", BYTES, "the payload", lambda m: m.payload if m.protocol is _RPC else None),
    single("scylla.negotiation.magic", TEXTS, "is a negotiation", _of_negotiation(lambda _: "SSTARRPC")),
    single(
        "scylla.negotiation.size",
        NUMBERS,
        "of a negotiation, in bytes",
        _of_negotiation(lambda m: len(m.payload)),
    ),
    single("scylla.mut.size1", NUMBERS, "length of a MUTATION's blob", _mutation_part(0)),
    single("scylla.mut.size2", NUMBERS, "size of a MUTATION's frame", _mutation_part(1)),
    single("scylla.mut.table_id", TABLE_IDS, "table of a MUTATION", _mutation_part(2)),
    single("scylla.mut.schema_id", IDS, "schema version of a MUTATION", _mutation_part(3)),
    single("scylla.mut.len_pkeys", NUMBERS, "size of a MUTATION's key", _mutation_part(4)),
    single("scylla.mut.num_pkeys", NUMBERS, "components of a MUTATION's key", _mutation_part(5)),
    multiple(
        "scylla.mut.len_pkey", NUMBERS, "length of a component", lambda m: tuple(map(len, _key_components(m)))
    ),
    multiple("scylla.mut.pkey", BYTES, "a component of a MUTATION's key", _key_components),
    single("scylla.read_data.timeout", NUMBERS, "size of a READ_DATA's command", _read_part(0)),
    single("scylla.read_data.table_id", TABLE_IDS, "table of a READ_DATA", _read_part(1)),
    single("scylla.read_data.schema_version", IDS, "schema version of a READ_DATA", _read_part(2)),
)

_NETWORK = (
    multiple("ip", TEXTS, "travels by IPv4", lambda m: _ipv4(m.sender.address)),
    multiple("ip.src", ADDRESSES, "IPv4 address of the sender", lambda m: _ipv4(m.sender.address)),
    multiple("ip.dst", ADDRESSES, "IPv4 address of the receiver", lambda m: _ipv4(m.receiver.address)),
    multiple(
        "ip.addr",
        ADDRESSES,
        "either IPv4 address",
        lambda m: _ipv4(m.sender.address) + _ipv4(m.receiver.address),
    ),
    multiple("ipv6", TEXTS, "travels by IPv6", lambda m: _ipv6(m.sender.address)),
    multiple("ipv6.src", ADDRESSES, "IPv6 address of the sender", lambda m: _ipv6(m.sender.address)),
    multiple("ipv6.dst", ADDRESSES, "IPv6 address of the receiver", lambda m: _ipv6(m.receiver.address)),
    multiple(
        "ipv6.addr",
        ADDRESSES,
        "either IPv6 address",
        lambda m: _ipv6(m.sender.address) + _ipv6(m.receiver.address),
    ),
    single("tcp", TEXTS, "everything", lambda _: "tcp"),
    single("tcp.srcport", NUMBERS, "port of the sender", lambda m: m.sender.port),
    single("tcp.dstport", NUMBERS, "port of the receiver", lambda m: m.receiver.port),
    multiple("tcp.port", NUMBERS, "either port", lambda m: (m.sender.port, m.receiver.port)),
    single("tcp.stream", NUMBERS, "number of the connection", lambda m: m.connection.number),
    single("frame", TEXTS, "everything", lambda _: "frame"),
    single("frame.number", NUMBERS, "packet that completes the message", lambda m: m.frame_last),
    single("frame.time_epoch", SECONDS, "when, in seconds since 1970", lambda m: m.time_ns / 1e9),
    FilterField(
        name="frame.time_relative",
        kind=SECONDS,
        meaning="when, in seconds since the capture's first packet",
        values=_time_relative,
    ),
)

FIELDS: dict[str, FilterField] = {field.name: field for field in (*_SCYLLA, *CQL_FIELDS, *_OURS, *_NETWORK)}
"""All fields by name, without those of payloads (``body.``), which are too many to list."""

_LATER = "a message is shown before its answer is read; ask the answer for scylla.response.request"
_UNKNOWN_HERE = {
    "scylla.request.response": _LATER,
    "scylla.ei_scylla_response_missing": _LATER,
    "cql.response_in": "a message is shown before its answer is read; ask the answer for cql.response_to",
    "tcp.flags": "filters look at messages, not at packets",
    "tcp.len": "filters look at messages, not at packets; use scylla.len or cql.message_length",
    "frame.len": "filters look at messages, not at packets; use scylla.len or cql.message_length",
    "frame.time": "use frame.time_relative or frame.time_epoch",
}
"""Fields of Wireshark that somebody may try, and what to do instead."""
