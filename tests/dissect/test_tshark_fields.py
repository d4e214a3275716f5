"""Lines of ``tshark -T fields``: which value belongs to which of a packet's messages."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.tcp.segment import Endpoint
from harness.dissect.tshark import Tshark
from harness.dissect.tshark_fields import FIELDS, FieldsReader, LineDecoder, cql_pdu, nanoseconds, octets
from harness.dissect.tshark_packet import KeyFields, Pdu, TsharkPacket
from harness.errors import DissectorError, HarnessError
from harness.events.message import Kind, Protocol
from tests.dissect.written_capture import ANSWER, OFFER, WrittenCapture, reply, request

# What every line has; taken from tshark 4.0.17 on real captures, payloads shortened.
COMMON = {
    "frame.number": "7",
    "frame.time_epoch": "1795339813.643443911",
    "tcp.stream": "3",
    "ip.src": "172.31.9.11",
    "ip.dst": "172.31.9.12",
    "tcp.srcport": "50000",
    "tcp.dstport": "7000",
    "tcp.seq_raw": "4294967295",
    "tcp.flags.syn": "0",
    "tcp.len": "3",
    "tcp.payload": "00aaff",
}


def line(**fields: str) -> str:
    row = COMMON | {name.replace("__", "."): value for name, value in fields.items()}
    return "\t".join(row.get(name, "") for name in FIELDS)


def decoded(*lines: str) -> list[TsharkPacket]:
    noted: list[int] = []
    decoder = LineDecoder(list(FIELDS), noted.append)
    return [decoder.decode(each) for each in lines]


def pdus(**fields: str) -> tuple[Pdu, ...]:
    (packet,) = decoded(line(**fields))
    return packet.pdus


def rpc(
    kind: Kind, verb: int | None, msg_id: int | None, length_bytes: int, timeout_ms: int | None = None
) -> Pdu:
    return Pdu(Protocol.RPC, kind, verb, msg_id, length_bytes, timeout_ms, None, None, 0, 0)


def test_a_line_holds_the_segment() -> None:
    (packet,) = decoded(line())
    assert packet.frame == 7
    assert packet.time_ns == 1795339813643443911
    assert (packet.source, packet.destination) == (
        Endpoint("172.31.9.11", 50000),
        Endpoint("172.31.9.12", 7000),
    )
    assert (packet.tcp_stream, packet.sequence, packet.payload, packet.payload_bytes) == (
        3,
        4294967295,
        b"\x00\xaa\xff",
        3,
    )
    assert not packet.pdus


def test_the_inner_addresses_of_a_tunnel_count() -> None:
    (packet,) = decoded(line(ip__src="192.0.2.1|10.0.0.1", ip__dst="192.0.2.2|10.0.0.2"))
    assert (packet.source.address, packet.destination.address) == ("10.0.0.1", "10.0.0.2")


def test_ipv6_addresses_are_taken_where_there_are_no_others() -> None:
    (packet,) = decoded(line(ip__src="", ip__dst="", ipv6__src="2001:db8::1", ipv6__dst="2001:db8::2"))
    assert (packet.source.address, packet.destination.address) == ("2001:db8::1", "2001:db8::2")


def test_every_request_of_a_coalesced_segment_is_there() -> None:
    assert pdus(
        scylla="Scylla RPC protocol, Type MUTATION_DONE|Scylla RPC protocol, Type MUTATION_DONE",
        scylla__verb="2|2",
        scylla__msg_id="988|989",
        scylla__timeout="0|5",
        scylla__len="32|33",
    ) == (rpc(Kind.REQUEST, 2, 988, 32, 0), rpc(Kind.REQUEST, 2, 989, 33, 5))


def test_a_reply_between_requests_takes_none_of_their_values() -> None:
    """2025.1: a request with verb 53 stands in the middle, and is taken for a reply."""
    assert pdus(
        scylla="Scylla RPC protocol, Type CLIENT_ID|scylla|Scylla RPC protocol, Type GOSSIP_ECHO",
        scylla__verb="0|9",
        scylla__msg_id="1|500|3",
        scylla__timeout="0|15000",
        scylla__len="49|9",
        scylla__response__size="53",
    ) == (
        rpc(Kind.REQUEST, 0, 1, 49, 0),
        rpc(Kind.REPLY, None, 500, 53),
        rpc(Kind.REQUEST, 9, 3, 9, 15000),
    )


def test_a_negotiation_is_told_from_a_reply_by_its_length() -> None:
    assert pdus(scylla="scylla", scylla__negotiation__magic="SSTARRPC", scylla__negotiation__size="30") == (
        rpc(Kind.NEGOTIATION, None, None, 30),
    )


def test_of_replies_only_those_matched_with_a_request_have_its_verb() -> None:
    requested = line(
        scylla="Scylla RPC protocol, Type READ_DATA|Scylla RPC protocol, Type MUTATION",
        scylla__verb="3|1",
        scylla__msg_id="11|12",
        scylla__timeout="0|0",
        scylla__len="40|40",
    )
    replied = line(
        scylla="scylla|scylla|scylla",
        scylla__verb="3",
        scylla__msg_id="10|11|12",
        scylla__response__size="1|2|3",
        scylla__response__request="7",
    )
    _, packet = decoded(requested, replied)
    assert [(pdu.msg_id, pdu.verb, pdu.request_frame) for pdu in packet.pdus] == [
        (10, None, None),
        (11, 3, 7),
        (12, None, None),
    ]


def test_values_that_fit_no_message_are_dealt_to_none_and_the_packet_is_noted() -> None:
    noted: list[int] = []
    packet = LineDecoder(list(FIELDS), noted.append).decode(
        line(scylla="scylla|scylla", scylla__msg_id="1|2", scylla__response__size="5")
    )
    assert packet.pdus == ()
    assert packet.is_malformed
    assert noted == [7]


def test_keys_go_to_the_mutations_they_belong_to() -> None:
    """Two mutations, of which one has a key of two components, around an acknowledgement."""
    first, _, last = pdus(
        scylla="|".join(
            f"Scylla RPC protocol, Type {verb}" for verb in ("MUTATION", "MUTATION_DONE", "MUTATION")
        ),
        scylla__verb="1|2|1",
        scylla__msg_id="1|2|3",
        scylla__timeout="0|0|0",
        scylla__len="373|32|373",
        scylla__mut__table_id="f11152e6c09480b70000000000008baa|f11152e6c09480b70000000000008bab",
        scylla__mut__schema_id="7333ddb38f644dbf268ff26fcb5977b6|7333ddb38f644dbf268ff26fcb5977b7",
        scylla__mut__num_pkeys="2|1",
        scylla__mut__pkey="00001a56|68:65:68|00001a57",
    )
    assert first.key_fields == KeyFields(
        bytes.fromhex("f11152e6c09480b70000000000008baa"),
        bytes.fromhex("7333ddb38f644dbf268ff26fcb5977b6"),
        (bytes.fromhex("00001a56"), b"heh"),
    )
    assert last.key_fields is not None
    assert last.key_fields.partition_key == (bytes.fromhex("00001a57"),)


def test_keys_that_could_be_anybodys_are_nobodys() -> None:
    first, second = pdus(
        scylla="Scylla RPC protocol, Type MUTATION|Scylla RPC protocol, Type MUTATION",
        scylla__verb="1|1",
        scylla__msg_id="1|2",
        scylla__timeout="0|0",
        scylla__len="373|2",
        scylla__mut__table_id="f11152e6c09480b70000000000008baa",
        scylla__mut__schema_id="7333ddb38f644dbf268ff26fcb5977b6",
        scylla__mut__num_pkeys="1",
        scylla__mut__pkey="00001a56",
    )
    assert first.key_fields is None
    assert second.key_fields is None


def test_every_frame_of_a_cql_segment_is_there() -> None:
    assert pdus(
        cql="cql|cql",
        cql__version="0x84|0x84",
        cql__flags="0x00|0x02",
        cql__stream="160|-1",
        cql__opcode="8|12",
        cql__message_length="4|30",
    ) == (
        Pdu(Protocol.CQL, Kind.REPLY, 8, 160, 4, None, None, None, 0x84, 0),
        Pdu(Protocol.CQL, Kind.ONE_WAY, 12, -1, 30, None, None, None, 0x84, 2),
    )


@pytest.mark.parametrize(
    ("version", "opcode", "kind"),
    [(4, 7, Kind.REQUEST), (0x84, 8, Kind.REPLY), (0x84, 0, Kind.EXCEPTION), (0x84, 12, Kind.ONE_WAY)],
)
def test_the_direction_bit_and_the_opcode_tell_what_a_cql_frame_is(
    version: int, opcode: int, kind: Kind
) -> None:
    assert cql_pdu(version, 0, 1, opcode, 0).kind is kind


def test_a_retransmission_that_is_not_looked_into_is_skipped() -> None:
    (packet,) = decoded(line(tcp__analysis__retransmission="1"))
    assert packet.is_skipped


@pytest.mark.parametrize(
    ("epoch", "time_ns"), [("1.5", 1_500_000_000), ("1.000000001", 1_000_000_001), ("2", 2_000_000_000)]
)
def test_times_are_not_rounded(epoch: str, time_ns: int) -> None:
    assert nanoseconds(epoch) == time_ns


def test_bytes_come_with_or_without_colons() -> None:
    assert octets("68:65:68") == octets("686568") == b"heh"


def test_another_number_of_fields_is_an_error() -> None:
    with pytest.raises(DissectorError, match="tshark wrote 2 fields instead of"):
        decoded("1\t2")


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(FIELDS), st.text(alphabet="0123456789abcdef|.:- Typesc", max_size=12), max_size=12
    )
)
def test_whatever_tshark_writes_only_errors_of_ours_come_out(values: dict[str, str]) -> None:
    row = COMMON | values
    with contextlib.suppress(HarnessError):
        decoded("\t".join(row.get(name, "") for name in FIELDS))


@pytest.mark.tshark
def test_a_release_without_a_field_is_asked_without_it(tmp_path: Path, tshark: Tshark) -> None:
    """Old releases do not show the magic of negotiations; the first question fails, the second does not."""
    old = tmp_path / "tshark"
    old.write_text(
        "#!/bin/sh\n"
        'case "$*" in *negotiation.magic*)'
        ' printf "tshark: Some fields aren\'t valid:\\n\\tscylla.negotiation.magic\\n" >&2; exit 1;; esac\n'
        f'exec {tshark.executable} "$@"\n'
    )
    old.chmod(0o755)
    capture = (
        WrittenCapture().up(OFFER).down(ANSWER).up(request(22, 1)).down(reply(1, "01" * 16)).write(tmp_path)
    )
    reader = FieldsReader(capture, tshark=Tshark(str(old)), rpc_ports=(7000,), cql_ports=(9042,))
    kinds = [pdu.kind for packet in reader for pdu in packet.pdus]
    assert kinds == [Kind.NEGOTIATION, Kind.NEGOTIATION, Kind.REQUEST, Kind.REPLY]


@pytest.mark.tshark
@pytest.mark.reference
@pytest.mark.parametrize("name", ["scylla-4.2/base/lwt_contention", "scylla-2025.1/base/boot"])
def test_values_of_real_captures_always_fit(reference: Path, tshark: Tshark, name: str) -> None:
    reader = FieldsReader(reference / f"{name}.pcapng", tshark=tshark, rpc_ports=(7000,), cql_ports=(9042,))
    assert sum(len(packet.pdus) for packet in reader) > 900
    assert reader.unaligned_frames == []
