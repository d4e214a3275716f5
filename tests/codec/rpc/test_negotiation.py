import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.rpc.headers import MAGIC
from harness.codec.rpc.negotiation import (
    Feature,
    Negotiated,
    Negotiation,
    agree,
    answer,
    decode_negotiation,
    encode_negotiation,
    offer,
)
from harness.errors import DecodeError, EncodeError, HarnessError, TruncatedError
from tests.codec.rpc.examples import (
    CLIENT_4_2,
    CLIENT_2026,
    PING_CLIENT,
    PING_SERVER,
    SERVER_4_2,
    SERVER_2026,
)

EXAMPLES = [
    (CLIENT_4_2, ((1, b""),)),
    (SERVER_4_2, ((1, b""), (2, bytes.fromhex("0100010000000000")))),
    (CLIENT_2026, ((1, b""), (4, b"gossip"), (5, b""))),
    (SERVER_2026, ((1, b""), (2, bytes.fromhex("0100010000000000")), (4, b"gossip"), (5, b""))),
    (PING_CLIENT, ((1, b""), (4, b"statement:$system"), (5, b""))),
    (
        PING_SERVER,
        ((1, b""), (2, bytes.fromhex("0000050000000000")), (4, b"statement:$system"), (5, b"")),
    ),
    # A record that nobody knows yet.
    (MAGIC + bytes.fromhex("0b000000 63000000 03000000 010203"), ((99, b"\x01\x02\x03"),)),
]


@pytest.mark.parametrize(("data", "features"), EXAMPLES)
def test_records_come_out_in_their_order_and_go_back(
    data: bytes, features: tuple[tuple[int, bytes], ...]
) -> None:
    negotiation = decode_negotiation(data[12:])
    assert negotiation == Negotiation(features)
    assert encode_negotiation(negotiation) == data


@pytest.mark.parametrize(("data", "features"), EXAMPLES)
def test_records_cut_short_are_refused(data: bytes, features: tuple[tuple[int, bytes], ...]) -> None:
    body = data[12:]
    ends = {0}
    for _, value in features:
        ends.add(max(ends) + 8 + len(value))
    for size in range(len(body)):
        if size in ends:
            continue
        with pytest.raises(TruncatedError):
            decode_negotiation(body[:size])


def test_connection_id_of_another_size_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode_negotiation(bytes.fromhex("02000000 04000000 01000100"))


def test_length_of_four_gib_is_refused() -> None:
    with pytest.raises(TruncatedError):
        decode_negotiation(bytes.fromhex("04000000 ffffffff 00"))


@given(st.binary(max_size=64))
def test_garbage_raises_nothing_but_harness_errors(body: bytes) -> None:
    try:
        negotiation = decode_negotiation(body)
    except HarnessError:
        return
    assert encode_negotiation(negotiation)[12:] == body
    agree(negotiation, negotiation)


def test_server_tells_connection_id_and_cookie() -> None:
    server = decode_negotiation(SERVER_2026[12:])
    assert server.connection_id == 1 << 16 | 1
    assert server.cookie == "gossip"
    assert server.stream_parent is None


def test_offers_and_answers_of_each_line_have_their_records() -> None:
    """The rows of the lines: 4.2, 5.4, 6.2, an rpc stream of 2025.1, each with and without compression."""
    names = ("LZ4_FRAGMENTED", "LZ4")
    # Offer; what the server has; records of the client; records of the server.
    cases: list[tuple[Negotiation, bool, tuple[str, ...], list[int], list[int]]] = [
        (offer(), False, (), [1], [1, 2]),
        (offer(cookie="gossip"), False, (), [1, 4], [1, 2, 4]),
        (offer(cookie="gossip", has_duration=True), True, (), [1, 4, 5], [1, 2, 4, 5]),
        # A client of 6.2 and a server of 5.4.
        (offer(cookie="gossip", has_duration=True), False, (), [1, 4, 5], [1, 2, 4]),
        (
            offer(cookie="streaming", has_duration=True, stream_parent=5, compressions=names),
            True,
            names,
            [0, 3, 4, 5],
            [0, 2, 4, 5],
        ),
        (offer(stream_parent=5), False, (), [3], [2]),
        (offer(compressions=names), False, names, [0, 1], [0, 1, 2]),
        # A server that does not compress leaves the record out.
        (offer(compressions=names), False, (), [0, 1], [1, 2]),
    ]
    for client, has_duration, compressions, client_features, server_features in cases:
        server = answer(client, connection_id=1, compressions=compressions, has_duration=has_duration)
        assert [feature for feature, _ in client.features] == client_features
        assert [feature for feature, _ in server.features] == server_features


def test_offer_and_answer_give_the_bytes_of_the_examples() -> None:
    assert encode_negotiation(offer()) == CLIENT_4_2
    assert encode_negotiation(answer(offer(), connection_id=1 << 16 | 1)) == SERVER_4_2
    modern = offer(cookie="gossip", has_duration=True)
    assert encode_negotiation(modern) == CLIENT_2026
    assert encode_negotiation(answer(modern, connection_id=1 << 16 | 1, has_duration=True)) == SERVER_2026


def test_what_is_in_force_needs_both_sides() -> None:
    client = decode_negotiation(CLIENT_2026[12:])
    assert agree(client, decode_negotiation(SERVER_2026[12:])) == Negotiated(
        has_timeout=True,
        has_duration=True,
        compression=None,
        is_stream=False,
        connection_id=1 << 16 | 1,
        cookie="gossip",
    )
    old = agree(client, decode_negotiation(SERVER_4_2[12:]))
    assert old.has_timeout
    assert not old.has_duration


@pytest.mark.parametrize(
    ("offered", "answered", "in_force"),
    [
        (b"LZ4_FRAGMENTED,LZ4", b"LZ4_FRAGMENTED", "LZ4_FRAGMENTED"),
        # A 4.x server answers with all it has; the client's preference decides.
        (b"LZ4_FRAGMENTED,LZ4", b"LZ4,LZ4_FRAGMENTED", "LZ4_FRAGMENTED"),
        (b"SCYLLA_V3,LZ4_FRAGMENTED,LZ4", b"SCYLLA_V3", "SCYLLA_V3"),
        (b"SCYLLA_V3,LZ4_FRAGMENTED,LZ4", b"LZ4", "LZ4"),
        (b"LZ4", b"SNAPPY", None),
        (b"LZ4", None, None),
        (None, b"LZ4", None),
    ],
)
def test_algorithm_is_the_first_of_the_client_that_the_server_names(
    offered: bytes | None, answered: bytes | None, in_force: str | None
) -> None:
    client = Negotiation(((Feature.COMPRESS, offered),) if offered else ())
    server = Negotiation(((Feature.COMPRESS, answered),) if answered else ())
    assert agree(client, server).compression == in_force


def test_whole_list_is_answered_by_a_4_x_server() -> None:
    client = offer(compressions=("LZ4_FRAGMENTED", "LZ4"))
    server = answer(client, connection_id=1, compressions=("LZ4_FRAGMENTED", "LZ4"), answers_whole_list=True)
    assert server.compressions == ("LZ4_FRAGMENTED", "LZ4")
    assert agree(client, server).compression == "LZ4_FRAGMENTED"


def test_stream_connection_names_its_parent_and_has_no_timeout() -> None:
    client = offer(stream_parent=1 << 16, cookie="streaming", has_duration=True)
    server = answer(client, connection_id=2 << 16, has_duration=True)
    negotiated = agree(client, server)
    assert negotiated.is_stream
    assert negotiated.stream_parent == 1 << 16
    assert negotiated.connection_id == 2 << 16
    assert not negotiated.has_timeout


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 4, 5, 6, 1 << 31]), st.binary(max_size=40)), max_size=6).map(
        tuple
    )
)
def test_records_survive_encoding(features: tuple[tuple[int, bytes], ...]) -> None:
    negotiation = Negotiation(features)
    assert decode_negotiation(encode_negotiation(negotiation)[12:]) == negotiation


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(EncodeError):
        encode_negotiation(Negotiation(((-1, b""),)))
    with pytest.raises(EncodeError):
        offer(stream_parent=1 << 64)
