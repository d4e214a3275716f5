from pathlib import Path

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Void
from harness.codec.verbs.line import Line
from harness.dissect.reading import read_trace
from harness.events.message import Kind, Message
from harness.events.surroundings import Surroundings
from harness.events.trace_text import Columns, TextLine, TraceText, duration_text
from tests.events.messages import (
    MUTATION_DONE,
    RESULT_REPLY,
    SURROUNDINGS,
    connection,
    cql,
    message,
    query,
)

MUTATION_TEXT = "MUTATION ks.t(1) a='ab' b='xyz' #00000"


def lines_of(*messages: Message) -> list[str]:
    text = TraceText(SURROUNDINGS)
    lines = []
    for one in messages:
        text.see(one)
        lines.append(text.line(one))
    return lines


def line_of(one: Message) -> str:
    """The text of a message, without its columns."""
    return lines_of(one)[0][len("1.500000   10    n1 -> n2   ") :]


def test_the_lines_of_a_write() -> None:
    back = connection(1, client="n2", server="n1")
    assert lines_of(
        query("INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')", number=0, frame=274, at_s=0.361491),
        message(number=1, frame=275, at_s=0.363437),
        message(
            Kind.ONE_WAY,
            2,
            MUTATION_DONE,
            number=2,
            frame=281,
            at_s=0.365083,
            on=back,
            acknowledges=1,
            acknowledges_frame=275,
        ),
        cql(
            Kind.REPLY,
            CqlMessage(content=Void()),
            from_client=False,
            number=3,
            frame=302,
            at_s=0.367827,
            request=0,
            request_frame=274,
        ),
    ) == [
        "0.361491  274     1 => n1   CQL QUERY QUORUM INSERT INTO ks.t (id, a, b) VALUES (1, 'ab', 'xyz')",
        f"0.363437  275    n1 -> n2   {MUTATION_TEXT}",
        "0.365083  281    n2 -> n1   MUTATION_DONE #00000  (ack of packet 275)",
        "0.367827  302    n1 <= 1    CQL RESULT  void  (packet 274, 6.34 ms)",
    ]


def test_clients_are_numbered_by_their_address_even_where_nodes_run() -> None:
    lines = lines_of(
        query("Q", client="10.0.1.8"),
        query("Q", client="10.0.1.9"),
        query("Q", client="10.0.1.8"),
        query("Q", client="n2"),
    )
    assert [line.split()[2] for line in lines] == ["1", "2", "1", "3"]


def test_a_reply_is_worded_by_its_request_and_names_its_packet() -> None:
    request = message(Kind.REQUEST, 3, b"", number=4, frame=12, at_s=1)
    reply = message(
        Kind.REPLY,
        3,
        RESULT_REPLY,
        number=5,
        frame=13,
        at_s=1.0004,
        from_client=False,
        request=4,
        request_frame=12,
    )
    assert lines_of(request, reply)[1].endswith("n2 -> n1   reply to READ_DATA: 1 row  (packet 12, 0.40 ms)")
    assert lines_of(reply)[0].endswith("reply to READ_DATA: 1 row  (packet 12)")


def test_what_cannot_be_worded_says_why() -> None:
    lost = message(Kind.UNDECODED, None, b"abc", reason="bytes are missing before it", msg_id=None)
    assert line_of(lost) == "UNDECODED 3 B: bytes are missing before it"
    broken = line_of(message(payload=b"no mutation"))
    assert broken.startswith("MUTATION cannot be decoded, 11 B: verbs: ")
    assert line_of(message(Kind.REQUEST, 99, b"abc")) == "VERB_99 3 B of a form that is not declared"
    assert (
        line_of(message(Kind.REPLY, None, b"abc", from_client=False))
        == "reply to a request not captured: 3 B"
    )


def test_fields_that_are_newer_than_the_declaration_are_counted() -> None:
    shutdown = bytes.fromhex("0100000a0500000000000000aabbcc")
    assert line_of(message(Kind.ONE_WAY, 10, shutdown)) == "GOSSIP_SHUTDOWN n1 stops, 3 B of unknown fields"


def test_exceptions_show_their_text() -> None:
    user = bytes.fromhex("0000000006000000") + b"no\nway"
    assert line_of(message(Kind.EXCEPTION, 3, user, from_client=False)) == "exception to READ_DATA: no\\nway"
    unknown = bytes.fromhex("01000000080000006300000000000000")
    assert line_of(message(Kind.EXCEPTION, None, unknown, from_client=False)) == (
        "exception to a request not captured: verb 99 is unknown to the node"
    )
    assert "cannot be decoded" in line_of(message(Kind.EXCEPTION, 3, b"abc", from_client=False))
    other = bytes.fromhex("07000000020000000102")
    assert line_of(message(Kind.EXCEPTION, 3, other, from_client=False)).endswith("type 7, 2 B")


def test_negotiations_show_what_is_offered() -> None:
    hello = (
        bytes.fromhex("0000000003000000")
        + b"LZ4"
        + bytes.fromhex("01000000000000000400000006000000")
        + b"gossip"
    )
    offer = message(Kind.NEGOTIATION, None, hello, msg_id=None, timeout_ms=None)
    assert line_of(offer) == "NEGOTIATION offers compression LZ4, timeouts, for gossip"
    assert line_of(offer._replace(from_client=False)).startswith("NEGOTIATION takes ")
    assert "cannot be decoded" in line_of(offer._replace(payload=b"abc"))


def test_stream_frames_name_their_verb_if_it_is_known() -> None:
    status = message(Kind.STREAM_DATA, 25, bytes(4), from_client=False)
    assert line_of(status) == "STREAM_MUTATION_FRAGMENTS data: all stored"
    assert line_of(message(Kind.STREAM_END, 25, b"")) == "STREAM_MUTATION_FRAGMENTS end of stream"
    assert line_of(message(Kind.STREAM_DATA, None, b"abc")) == "stream data: 3 B"


def test_names_of_verbs_are_those_of_the_version_line() -> None:
    modern = connection(line=Line.V2025_1)
    assert line_of(message(Kind.REQUEST, 61, b"x", on=modern)).startswith("MAPREDUCE_REQUEST")
    assert line_of(message(Kind.REQUEST, 61, b"x", on=connection(line=Line.V5_4))).startswith(
        "FORWARD_REQUEST"
    )


def test_columns_widen_and_stay_wide() -> None:
    columns = Columns()
    first = columns.head(TextLine(0.5, 7, "n1", "->", "n2", "", ""))
    assert first == "0.500000    7    n1 -> n2   "
    wide = columns.head(TextLine(12.5, 123456, "10.0.0.123", "->", "n2", "", ""))
    assert wide == "12.500000  123456  10.0.0.123 -> n2   "
    assert len(columns.head(TextLine(0.5, 7, "n1", "->", "n2", "", ""))) == len(wide)


def test_without_names_addresses_and_ids_stand_there() -> None:
    text = TraceText(Surroundings())
    one = message()._replace(connection=connection()._replace(client_node=None, server_node=None))
    text.see(one)
    line = text.line(one)
    assert line.startswith(
        "0.000000   10  10.0.0.1 -> 10.0.0.2 MUTATION 01234567-89ab-11e0-8123-456789abcdef(0x00000001)"
    )


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [(0, "0.00 ms"), (417_000, "0.42 ms"), (17_340_000, "17.3 ms"), (2_500_000_000, "2.50 s")],
)
def test_durations(duration_ns: int, text: str) -> None:
    assert duration_text(duration_ns) == text


def test_every_message_of_real_captures_is_one_printable_line(reference: Path) -> None:
    for name in (
        "scylla-4.2/topology/add_node",
        "scylla-2025.1/tablets/add_node_tablets",
        "scylla-2025.1/faults/repair",
    ):
        trace = read_trace(reference / f"{name}.pcapng")
        text = TraceText(trace.surroundings)
        for one in trace:
            text.see(one)
            line = text.line(one)
            assert line.isprintable(), line
            assert "cannot be decoded" not in line


def test_the_issue_s_reading_of_a_view_write(reference: Path) -> None:
    trace = read_trace(reference / "scylla-2025.1" / "tablets" / "view_life_rf3.pcapng")
    text = TraceText(trace.surroundings)
    shown = []
    for one in trace:
        text.see(one)
        shown.append(text.line(one))
    for line in (
        "1 => n1   CQL QUERY QUORUM INSERT INTO demo3.buildings (name, city, height) VALUES ('Burj Khalifa', 'Dubai', 828)",
        "n1 -> n5   MUTATION demo3.buildings('Burj Khalifa') city='Dubai' height=828 #70163",
        "n1 -> n2   MUTATION demo3.buildings_by_city('Dubai') ['Burj Khalifa'] height=828 #70164",
        "n3 -> n1   MUTATION_DONE #70163  (ack of packet 296)",
    ):
        assert any(line in one for one in shown), line
