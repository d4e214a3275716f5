"""``tshark -T fields``: one line a packet, and every message of it.

Of a packet with several messages each field has a list of values, and a field that some of the messages lack
has a shorter list; what belongs to what is worked out here. The label of the protocol item itself (field
``scylla``) tells requests from the others; negotiations, requests and replies have lengths of different
names; of replies, only those matched with a request have a verb.

Measured with tshark 4.0.17 on a capture of 4.2.4 under load (10,384 packets, 41,821 values of scylla.verb):
fields give all of them in 0.9 s; pdml all in 6.3 s and 586 MB of text; json and ek write all of them in 1.4
and 1.9 s, but as repeated keys of one object, of which every JSON parser keeps one a packet.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from harness.codec.tcp.segment import Endpoint
from harness.dissect.tshark import Tshark, TsharkRun, UnknownFieldsError, decode_as, display_filter
from harness.dissect.tshark_packet import UNANSWERED_VERBS, KeyFields, Pdu, TsharkPacket
from harness.errors import DissectorError
from harness.events.message import Kind, Protocol

FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.flags.syn",
    "tcp.len",
    "tcp.payload",
    "tcp.segment",
    "tcp.analysis.retransmission",
    "tcp.analysis.out_of_order",
    "_ws.malformed",
    "scylla",
    "scylla.verb",
    "scylla.msg_id",
    "scylla.timeout",
    "scylla.len",
    "scylla.response.size",
    "scylla.response.request",
    "scylla.negotiation.magic",
    "scylla.negotiation.size",
    "scylla.mut.table_id",
    "scylla.mut.schema_id",
    "scylla.mut.num_pkeys",
    "scylla.mut.pkey",
    "scylla.read_data.table_id",
    "scylla.read_data.schema_version",
    "cql",
    "cql.version",
    "cql.flags",
    "cql.stream",
    "cql.opcode",
    "cql.message_length",
)
_OPTIONAL = frozenset(("scylla.negotiation.magic",))
"""Not in the first releases that know Scylla."""
_SEPARATOR = "\t"
_AGGREGATOR = "|"
_REQUEST_LABEL = "Type "
"""In the label of a request's protocol item; those of replies and negotiations are the bare name."""
_MUTATION, _READ_DATA = 1, 3
_UNANSWERED = frozenset(map(str, UNANSWERED_VERBS))
_REQUESTS_MAX = 1 << 16
_RPC = Protocol.RPC
_TRUE = frozenset(("1", "True"))
_CQL_ERROR, _CQL_EVENT = 0, 12
_CQL_RESPONSE = 0x80


class FieldsReader:
    """Reads one capture.

    Attributes:
        unaligned_frames: packets in which the values could not be assigned to messages for sure.
    """

    def __init__(
        self, capture: Path, *, tshark: Tshark, rpc_ports: tuple[int, ...], cql_ports: tuple[int, ...]
    ) -> None:
        self._capture = capture
        self._tshark = tshark
        self._ports = rpc_ports, cql_ports
        self._run: TsharkRun | None = None
        self.unaligned_frames: list[int] = []

    @property
    def truncated(self) -> str:
        """Once it was read: why the capture ends in the middle of a packet."""
        return "" if self._run is None else self._run.truncated

    def __iter__(self) -> Iterator[TsharkPacket]:
        """Yield the packets with payload or SYN of the given ports, in order.

        Raises:
            DissectorError: tshark is missing, failed, or writes what cannot be understood.
            CaptureError: it cannot read the capture.
        """
        fields = list(FIELDS)
        try:
            yield from self._read(fields)
        except UnknownFieldsError as error:
            if not _OPTIONAL.issuperset(error.fields):
                raise
            yield from self._read([field for field in fields if field not in error.fields])

    def _read(self, fields: list[str]) -> Iterator[TsharkPacket]:
        _ = self._tshark.version
        rpc_ports, cql_ports = self._ports
        arguments = decode_as(rpc_ports, cql_ports)
        arguments += ["-Y", display_filter((*rpc_ports, *cql_ports))]
        arguments += ["-T", "fields", "-E", "occurrence=a", "-E", f"aggregator={_AGGREGATOR}"]
        arguments += ["-E", f"separator={_SEPARATOR}", "-E", "quote=n"]
        for field in fields:
            arguments += ["-e", field]
        self._run = run = self._tshark.lines(self._capture, arguments)
        decode = LineDecoder(fields, self.unaligned_frames.append).decode
        for line in run:
            yield decode(line)


class LineDecoder:
    """Turns lines into packets; knows the requests that Wireshark can match replies with."""

    def __init__(self, fields: list[str], note_unaligned: Callable[[int], None]) -> None:
        self._fields = fields
        self._note_unaligned = note_unaligned
        self._requests: dict[str, dict[str, str]] = {}
        """By connection and msg_id: the verbs of the requests for which it expects replies."""

    def decode(self, line: str) -> TsharkPacket:
        """Make the packet of a line.

        Raises:
            DissectorError: it is no line of these fields.
        """
        values = line.split(_SEPARATOR)
        if len(values) != len(self._fields):
            raise DissectorError(
                f"tshark wrote {len(values)} fields instead of {len(self._fields)}: {line[:200]!r}"
            )
        row = dict(zip(self._fields, values, strict=True))
        try:
            return self._packet(row)
        except ValueError as error:
            raise DissectorError(f"tshark wrote what is no number: {error}; line {line[:200]!r}") from error

    def _packet(self, row: dict[str, str]) -> TsharkPacket:
        frame = int(row["frame.number"])
        pdus: tuple[Pdu, ...] | None = ()
        if row["scylla"]:
            pdus = self._scylla_pdus(row)
        elif row["cql"]:
            pdus = _cql_pdus(row)
        if pdus is None:
            self._note_unaligned(frame)
        return TsharkPacket(
            frame,
            nanoseconds(row["frame.time_epoch"]),
            int(row["tcp.stream"]),
            Endpoint(_last(row["ip.src"] or row["ipv6.src"]), int(row["tcp.srcport"])),
            Endpoint(_last(row["ip.dst"] or row["ipv6.dst"]), int(row["tcp.dstport"])),
            int(row["tcp.seq_raw"]),
            row["tcp.flags.syn"] in _TRUE,
            octets(row["tcp.payload"]),
            int(row["tcp.len"]),
            pdus or (),
            tuple(map(int, _list(row["tcp.segment"]))),
            bool(row["_ws.malformed"]) or pdus is None,
            bool(row["tcp.analysis.retransmission"] or row["tcp.analysis.out_of_order"]) and not pdus,
        )

    def _scylla_pdus(self, row: dict[str, str]) -> tuple[Pdu, ...] | None:
        """Make the messages of a packet; None if the lists do not fit together."""
        labels = row["scylla"].split(_AGGREGATOR)
        verbs = _list(row["scylla.verb"])
        msg_ids = _list(row["scylla.msg_id"])
        timeouts = _list(row["scylla.timeout"])
        lengths = _list(row["scylla.len"])
        sizes = _list(row["scylla.response.size"])
        matched = _list(row["scylla.response.request"])
        negotiations = _list(row["scylla.negotiation.size"])
        request_count = sum(_REQUEST_LABEL in label for label in labels)
        reply_count = len(labels) - request_count - len(negotiations)
        if (
            len(msg_ids) != request_count + reply_count
            or len(timeouts) != request_count
            or len(lengths) != request_count
            or len(sizes) != reply_count
            or len(verbs) != request_count + len(matched)
        ):
            return None
        requests = self._requests.setdefault(row["tcp.stream"], {})
        is_matched = _matching(reply_count, len(matched))
        pdus: list[Pdu] = []
        taken = negotiated = requested = replied = verb_taken = 0
        for label in labels:
            if _REQUEST_LABEL in label:
                verb = verbs[verb_taken]
                verb_taken += 1
                msg_id = msg_ids[taken]
                taken += 1
                pdus.append(
                    Pdu(
                        _RPC,
                        Kind.REQUEST,
                        int(verb),
                        int(msg_id),
                        int(lengths[requested]),
                        int(timeouts[requested]),
                        None,
                        None,
                        0,
                        0,
                    )
                )
                requested += 1
                if verb not in _UNANSWERED:
                    requests[msg_id] = verb
                    if len(requests) > _REQUESTS_MAX:
                        del requests[next(iter(requests))]
            elif negotiated < len(negotiations):
                # Nothing but a negotiation opens a connection, and it does so once in each direction.
                pdus.append(
                    Pdu(
                        _RPC,
                        Kind.NEGOTIATION,
                        None,
                        None,
                        int(negotiations[negotiated]),
                        None,
                        None,
                        None,
                        0,
                        0,
                    )
                )
                negotiated += 1
            else:
                msg_id = msg_ids[taken]
                taken += 1
                verb_number = request_frame = None
                if (msg_id in requests) if is_matched is None else is_matched:
                    if replied == len(matched):
                        return None
                    request_frame = int(matched[replied])
                    replied += 1
                    verb_number = int(verbs[verb_taken])
                    verb_taken += 1
                pdus.append(
                    Pdu(
                        _RPC,
                        Kind.REPLY,
                        verb_number,
                        int(msg_id),
                        int(sizes[taken - requested - 1]),
                        None,
                        request_frame,
                        None,
                        0,
                        0,
                    )
                )
        if replied != len(matched):
            return None
        if row["scylla.mut.table_id"] or row["scylla.read_data.table_id"]:
            return _with_key_fields(pdus, row)
        return tuple(pdus)


def _matching(reply_count: int, matched_count: int) -> bool | None:
    """Whether all replies of a packet were matched with requests or none; None if only some of them."""
    if matched_count in {0, reply_count}:
        return matched_count > 0
    return None


def _with_key_fields(pdus: list[Pdu], row: dict[str, str]) -> tuple[Pdu, ...]:
    """Deal out the fields of MUTATION and READ_DATA heads; to nobody, if it is not clear whose they are."""
    mutations = _mutation_keys(row)
    reads = [
        KeyFields(octets(table), octets(schema), None)
        for table, schema in zip(
            _list(row["scylla.read_data.table_id"]),
            _list(row["scylla.read_data.schema_version"]),
            strict=False,
        )
    ]
    of_verb = {_MUTATION: iter(mutations), _READ_DATA: iter(reads)}
    verbs = [pdu.verb for pdu in pdus if pdu.kind is Kind.REQUEST]
    if verbs.count(_MUTATION) != len(mutations) or verbs.count(_READ_DATA) != len(reads):
        return tuple(pdus)
    return tuple(
        pdu._replace(key_fields=next(of_verb[pdu.verb]))
        if pdu.kind is Kind.REQUEST and pdu.verb in of_verb
        else pdu
        for pdu in pdus
    )


def _mutation_keys(row: dict[str, str]) -> list[KeyFields]:
    tables = _list(row["scylla.mut.table_id"])
    schemas = _list(row["scylla.mut.schema_id"])
    counts = list(map(int, _list(row["scylla.mut.num_pkeys"])))
    components = list(map(octets, _list(row["scylla.mut.pkey"])))
    if not len(tables) == len(schemas) == len(counts) or sum(counts) != len(components):
        return []
    keys = []
    position = 0
    for table, schema, count in zip(tables, schemas, counts, strict=True):
        key = tuple(components[position : position + count])
        position += count
        keys.append(KeyFields(octets(table), octets(schema), key))
    return keys


def _cql_pdus(row: dict[str, str]) -> tuple[Pdu, ...] | None:
    versions = _list(row["cql.version"])
    flags = _list(row["cql.flags"])
    streams = _list(row["cql.stream"])
    opcodes = _list(row["cql.opcode"])
    lengths = _list(row["cql.message_length"])
    if not len(versions) == len(flags) == len(streams) == len(opcodes) == len(lengths):
        return None
    return tuple(
        cql_pdu(int(version, 0), int(flag, 0), int(stream), int(opcode), int(length))
        for version, flag, stream, opcode, length in zip(
            versions, flags, streams, opcodes, lengths, strict=True
        )
    )


def cql_pdu(version: int, flags: int, stream_id: int, opcode: int, length_bytes: int) -> Pdu:
    """Make the message of one CQL frame."""
    kind = Kind.REQUEST
    if version & _CQL_RESPONSE:
        kind = {_CQL_ERROR: Kind.EXCEPTION, _CQL_EVENT: Kind.ONE_WAY}.get(opcode, Kind.REPLY)
    return Pdu(Protocol.CQL, kind, opcode, stream_id, length_bytes, None, None, None, version, flags)


def nanoseconds(epoch: str) -> int:
    """Turn seconds with a fraction into nanoseconds without rounding.

    Raises:
        ValueError: it is no such number.
    """
    seconds, _, fraction = epoch.partition(".")
    return int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)


def octets(text: str) -> bytes:
    """Turn hexadecimal digits, with or without colons, into bytes.

    Raises:
        ValueError: there are other characters in it.
    """
    return bytes.fromhex(text.replace(":", ""))


def _list(text: str) -> list[str]:
    return text.split(_AGGREGATOR) if text else []


def _last(text: str) -> str:
    return text.rpartition(_AGGREGATOR)[2]
