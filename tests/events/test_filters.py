import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.cql.errors import Error, ErrorCode
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.verbs.line import Line
from harness.errors import FilterError
from harness.events.filters import Filter, compile_filter, field
from harness.events.message import Kind, Message
from harness.events.surroundings import Surroundings
from harness.events.trace import Trace
from harness.schema import Schema
from tests.events.messages import (
    MUTATION_DONE,
    RESULT_REPLY,
    STARTED_NS,
    SURROUNDINGS,
    TABLE,
    connection,
    cql,
    message,
    query,
)

WRITE = message(msg_id=2, frame=10)
DONE = message(Kind.ONE_WAY, 2, MUTATION_DONE, on=connection(1, client="n2", server="n1"), frame=11)
READ_REPLY = message(
    Kind.REPLY, 3, RESULT_REPLY, from_client=False, request_frame=4, frame=12, timeout_ms=None
)
SYN = message(Kind.ONE_WAY, 6, b"", frame=13)
INSERT = query("INSERT INTO ks.t (id) VALUES (1)", frame=14)
NEGOTIATION = message(Kind.NEGOTIATION, None, b"SSTARRPC", msg_id=None, timeout_ms=None, frame=15)
ALL = (WRITE, DONE, READ_REPLY, SYN, INSERT, NEGOTIATION)


def meant(text: str) -> list[int]:
    """Packets of the messages that a filter means."""
    wanted = compile_filter(text, SURROUNDINGS)
    return [one.frame_last for one in ALL if wanted(one)]


def test_the_first_filter_of_the_article_leaves_gossip_out() -> None:
    text = (
        "scylla and (not scylla.verb == GOSSIP_DIGEST_ACK and not scylla.verb == GOSSIP_DIGEST_ACK2 "
        "and not scylla.verb == GOSSIP_DIGEST_SYN)"
    )
    assert meant(text) == [10, 11, 12, 15]
    assert meant(f"({text}) or cql") == [10, 11, 12, 14, 15]


def test_the_second_filter_of_the_article_finds_writes() -> None:
    assert meant("scylla.verb == MUTATION") == [10]


def test_the_third_filter_of_the_article_finds_a_key_in_a_table() -> None:
    table = "e0:11:ab:89:67:45:23:01:ef:cd:ab:89:67:45:23:81"
    assert meant(f"scylla.mut.table_id == {table} and scylla.mut.pkey == 00:00:00:01") == [10]
    assert meant(f"scylla.mut.table_id == {table} and scylla.mut.pkey == 68:65:68") == []
    assert (
        meant(
            "scylla.mut.table_id == ea:11:0f:44:50:9e:ef:aa:00:00:00:00:00:00:23:8a and scylla.mut.pkey == 68:65:68"
        )
        == []
    )


@pytest.mark.parametrize(
    ("text", "packets"),
    [
        ("scylla", [10, 11, 12, 13, 15]),
        ("cql", [14]),
        ("scylla.verb == 1", [10]),
        ("scylla.verb == 0x03", [12]),
        ("scylla.verb in {MUTATION, MUTATION_DONE}", [10, 11]),
        ("scylla.verb in {2..3}", [11, 12]),
        ("scylla.verb not in {MUTATION}", [11, 12, 13]),
        ("scylla.verb != MUTATION", [11, 12, 13]),
        ("not scylla.verb == MUTATION", [11, 12, 13, 14, 15]),
        ("scylla.verb", [10, 11, 12, 13]),
        ("scylla.msg_id == 2", [10]),
        ("scylla.timeout == 2000", [10, 11, 13]),
        ("scylla.len > 300", []),
        ("scylla.len == 282", [10]),
        ("scylla.request", [10, 11, 13]),
        ("scylla.response", [12]),
        ("scylla.response.size == 98", [12]),
        ("scylla.response.request == 4", [12]),
        ("scylla.negotiation.magic", [15]),
        ("scylla.mut.table_id == 01234567-89ab-11e0-8123-456789abcdef", [10]),
        ("scylla.mut.table_id == ks.t", [10]),
        ("scylla.mut.table_id == ks.other", []),
        ("scylla.mut.schema_id == 11112222-3333-4444-5555-666677778888", [10]),
        ("scylla.mut.size1 == 257 && scylla.mut.num_pkeys == 1 && scylla.mut.len_pkey == 4", [10]),
        ("scylla.mut.pkey contains 00:01", [10]),
        ("scylla.payload[0:4] == 01:01:00:00", [10]),
        ('scylla.payload contains "xyz"', [10]),
        ("len(scylla.payload) < 40", [11, 13, 15]),
        ("count(scylla.mut.pkey) == 1", [10]),
        ("cql.opcode == QUERY", [14]),
        ('cql.string contains "INSERT"', [14]),
        ('cql.string matches "^insert .* values"', [14]),
        ('lower(cql.string) contains "insert"', [14]),
        ("cql.consistency == QUORUM", [14]),
        ("ip.src == 10.0.0.1", [10, 13, 15]),
        ("ip.dst == 10.0.0.0/24 and cql", [14]),
        ("ip.addr == 10.0.1.9", [14]),
        ("ipv6", []),
        ("tcp.port == 9042", [14]),
        ("tcp.srcport == 7000", [12]),
        ("tcp.srcport > tcp.dstport", [10, 11, 13, 14, 15]),
        ("tcp.stream == 1", [11]),
        ("frame.number >= 13", [13, 14, 15]),
        ("frame.time_relative >= 1.5 and frame.time_relative < 1.6", [10, 11, 12, 13, 14, 15]),
        ("node == n2", [10, 11, 12, 13, 15]),
        ("sender == n1", [10, 13, 15]),
        ("receiver == 10.0.0.1:9042", [14]),
        ("table == ks.t", [10, 14]),
        ("table == t", [10, 14]),
        ("keyspace == ks", [10, 14]),
        ("kind == reply", [12]),
        ("kind != reply", [10, 11, 13, 14, 15]),
        ("protocol == cql", [14]),
        ("body.response_id == 1600000000000", [10, 11]),
        ("body.mutation.key.components == 00:00:00:01", [10]),
        ("body.mutation.table_id == 01234567-89ab-11e0-8123-456789abcdef", [10]),
        ("body.query contains VALUES", [14]),
        ("xor", None),
        ("scylla xor frame.number == 10", [11, 12, 13, 15]),
        ("", [10, 11, 12, 13, 14, 15]),
    ],
)
def test_what_filters_mean(text: str, packets: list[int] | None) -> None:
    if packets is None:
        with pytest.raises(FilterError):
            compile_filter(text)
    else:
        assert meant(text) == packets


def test_a_name_with_two_numbers_means_both() -> None:
    wanted = compile_filter("scylla.verb == TABLE_LOAD_STATS")
    assert wanted(message(Kind.REQUEST, 72, on=connection(line=Line.V6_2)))
    assert wanted(message(Kind.REQUEST, 77, on=connection(line=Line.V2025_1)))


def test_undecoded_counts_the_bytes_that_nobody_could_read() -> None:
    cut = message(payload=WRITE.payload[:100])
    unread = message(Kind.UNDECODED, None, b"", reason="bytes are missing")
    assert compile_filter("undecoded == 100")(cut)
    assert compile_filter("undecoded")(unread)
    assert not compile_filter("undecoded")(WRITE)


def test_the_error_code_of_cql_has_names() -> None:
    refused = cql(
        Kind.EXCEPTION, CqlMessage(content=Error(code=ErrorCode.UNAUTHORIZED, text="no")), from_client=False
    )
    assert compile_filter("cql.error_code == UNAUTHORIZED")(refused)
    assert not compile_filter("cql.error_code == UNAUTHORIZED")(INSERT)


def test_payloads_are_not_decoded_for_a_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_message: Message) -> None:
        raise AssertionError

    monkeypatch.setattr(Message, "decoded", property(fail))
    monkeypatch.setattr(Message, "body", property(fail))
    wanted = compile_filter("scylla.verb == MUTATION and scylla.mut.pkey == 00:00:00:01 and sender == n1")
    assert wanted(WRITE)
    with pytest.raises(AssertionError):
        compile_filter("body.shard == 2")(WRITE)


def test_tables_that_are_learnt_later_are_found_later() -> None:
    surroundings = Surroundings()
    wanted = compile_filter("table == ks.t and scylla.mut.table_id == ks.t", surroundings)
    assert not wanted(WRITE)
    surroundings.schema = Schema((TABLE,))
    assert wanted(WRITE)


def test_a_filter_can_be_bound_to_other_surroundings() -> None:
    unbound = compile_filter("table == ks.t")
    assert not unbound(WRITE)
    assert unbound.bound_to(SURROUNDINGS)(WRITE)


def test_python_says_the_same() -> None:
    writes = field("scylla.verb") == "MUTATION"
    assert writes.text == "scylla.verb == MUTATION"
    assert [one.frame_last for one in ALL if writes(one)] == [10]
    others = ~writes & (field("frame.number") < 13) | field("cql.opcode").is_in(["QUERY", "EXECUTE"])
    assert [one.frame_last for one in ALL if others(one)] == [11, 12, 14]
    for made in (
        field("scylla.mut.pkey") == b"\x00\x00\x00\x01",
        field("scylla.mut.pkey").contains(b"\x01"),
        field("scylla.mut.pkey").exists(),
        field("scylla.verb") != "READ_DATA",
        field("scylla.len") > 281,
        field("scylla.len") >= 282,
        field("scylla.len") <= 282,
        field("sender").matches("N1"),
    ):
        assert isinstance(made, Filter)
        assert made(WRITE)
        assert compile_filter(made.text)(WRITE), made.text


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("scylla.verb == MUTATON", 16, "did you mean MUTATION"),
        ("scylla.verb == mutation", 16, "did you mean MUTATION"),
        ("scylla.vreb == 1", 1, "did you mean scylla.verb"),
        ("verb == 1", 1, "did you mean scylla.verb"),
        ("cql and kind == replies", 17, "there are negotiation"),
        ("cql.opcode == SELECT", 15, "there are ERROR"),
        ("scylla.mut.pkey == heh", 20, "text in quotation marks"),
        ("frame.number == x", 17, "no number"),
        ("frame.time_relative == x", 24, "no time"),
        ("ip.src == foo", 11, "no IP address"),
        ("scylla.request.response == 1", 1, "ask the answer for scylla.response.request"),
        ("body.mutatoin.key == 3", 1, "did you mean mutation"),
        ("scylla.verb contains MUT", 1, "no text and no bytes"),
        ("scylla.len[0:1] == 3", 1, "no text and no bytes"),
        ('table matches "("', 15, "no regular expression"),
        ("scylla.verb in {1, X}", 20, "the verb 'X' does not exist"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_message(text: str, column: int, what: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text)
    assert what in str(caught.value)
    assert f"(column {column})" in str(caught.value)


def test_a_field_that_does_not_exist_is_refused_in_python() -> None:
    with pytest.raises(FilterError, match=r"did you mean scylla\.verb"):
        field("scylla.vreb")


FIELD_NAMES = [
    "scylla.verb",
    "scylla.mut.pkey",
    "ip.src",
    "frame.time_relative",
    "table",
    "kind",
    "body.key",
    "cql.string",
]


@given(
    st.sampled_from(FIELD_NAMES),
    st.sampled_from(["==", "!=", "<", "contains", "matches", "in", "==="]),
    st.text(alphabet="abAB01:.-/{}\"'[]() ", max_size=12),
)
@settings(max_examples=200)
def test_garbage_is_refused_or_answers_yes_or_no(name: str, operator: str, value: str) -> None:
    try:
        wanted = compile_filter(f"{name} {operator} {value}", SURROUNDINGS)
    except FilterError:
        return
    for one in ALL:
        assert wanted(one) in {True, False}


def test_a_trace_lends_its_names_and_times_to_a_filter() -> None:
    trace = Trace(ALL, schema=Schema((TABLE,)), started_ns=STARTED_NS)
    assert [
        one.frame_last for one in trace.where(compile_filter("table == ks.t and frame.time_relative > 1"))
    ] == [10, 14]
    assert len(trace.where(compile_filter("frame.time_relative > 2"))) == 0
