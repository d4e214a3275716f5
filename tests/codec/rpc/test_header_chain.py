import struct

from harness.codec.rpc.header_chain import Chain, MsgIdBounds, chains_of, links_of
from harness.codec.rpc.wire_format import WireFormat
from tests.codec.rpc.examples import LZ4_FRAGMENTED_REQUEST, PING_REPLIES, PING_REQUESTS, V3_EMPTY

PLAIN = WireFormat(None, is_stream=False, has_timeout=True, has_duration=False)
MODERN = PLAIN._replace(has_duration=True)
STREAM = PLAIN._replace(is_stream=True, has_timeout=False)
ANY = MsgIdBounds(1, 1 << 32)


def chains(
    data: bytes,
    wire_format: WireFormat,
    *,
    from_client: bool,
    chunk_offsets: frozenset[int] = frozenset({0}),
    is_aligned: bool = False,
) -> dict[int, Chain]:
    return chains_of(
        data,
        wire_format,
        from_client=from_client,
        bounds=ANY,
        chunk_offsets=chunk_offsets,
        is_aligned=is_aligned,
    )


def test_chain_of_requests_counts_what_it_is_made_of() -> None:
    data = b"".join(PING_REQUESTS)
    found = chains(data, PLAIN, from_client=True, chunk_offsets=frozenset({0, 96}))
    assert found == {
        48 * place: Chain(
            headers=5 - place,
            whole=5 - place,
            stop=48 * place + 48,
            msg_id=3 + place,
            is_exact=True,
            chunk_starts=[2, 1, 1, 0, 0][place],
        )
        for place in range(5)
    }


def test_last_frame_may_be_cut_anywhere() -> None:
    data = b"".join(PING_REQUESTS[:2])
    for size in range(28, 48):
        assert chains(data[: 48 + size], PLAIN, from_client=True)[0][:2] == (2, 1)
    for size in range(1, 28):
        assert chains(data[: 48 + size], PLAIN, from_client=True)[0][:2] == (1, 1)


def test_requests_whose_ids_do_not_grow_are_no_chain() -> None:
    data = PING_REQUESTS[1] + PING_REQUESTS[0]
    assert set(chains(data, PLAIN, from_client=True)) == {48}
    assert set(chains(PING_REQUESTS[0] * 2, PLAIN, from_client=True)) == {48}


def test_replies_may_come_in_any_order_but_not_twice() -> None:
    assert 0 in chains(PING_REPLIES[1] + PING_REPLIES[0], MODERN, from_client=False)
    assert 0 not in chains(PING_REPLIES[0] * 2, MODERN, from_client=False)


def test_aligned_bytes_have_at_most_one_chain() -> None:
    data = b"".join(PING_REQUESTS)
    assert set(chains(data, PLAIN, from_client=True, is_aligned=True)) == {0}
    assert chains(data[1:], PLAIN, from_client=True, is_aligned=True) == {}


def test_links_are_limited_to_where_they_begin() -> None:
    data = b"".join(PING_REQUESTS)
    found = [link.offset_bytes for link in links_of(data, PLAIN, from_client=True, bounds=ANY, stop=49)]
    assert found == [0, 48]


def test_untimed_requests_have_links_of_their_own() -> None:
    data = struct.pack("<QqI", 5, 2, 1) + b"x" + struct.pack("<QqI", 6, 3, 0)
    assert chains(data, PLAIN._replace(has_timeout=False), from_client=True)[0][:2] == (2, 2)


def test_exceptions_and_unknown_durations_are_links() -> None:
    data = struct.pack("<qII", -7, 0, 0xFFFFFFFF)
    assert chains(data, MODERN, from_client=False)[0].is_exact
    assert chains(struct.pack("<qII", 7, 0, 0xFFFFFFFE), MODERN, from_client=False) == {}


def test_stream_frames_are_not_empty_and_end_with_the_bytes() -> None:
    assert chains(bytes(64), STREAM, from_client=True) == {}
    assert chains(bytes.fromhex("0100000006ffffffff"), STREAM, from_client=True)[0][:2] == (2, 2)
    assert 0 not in chains(bytes.fromhex("ffffffff0100000006"), STREAM, from_client=True)


def test_wrappers_are_recognised_by_what_they_begin_with() -> None:
    v3 = PLAIN._replace(compression="SCYLLA_V3")
    assert chains(V3_EMPTY * 2, v3, from_client=True)[0][:2] == (2, 2)
    fragmented = PLAIN._replace(compression="LZ4_FRAGMENTED")
    assert chains(LZ4_FRAGMENTED_REQUEST, fragmented, from_client=True)[0].is_exact
    assert chains(V3_EMPTY, PLAIN._replace(compression="SNAPPY"), from_client=True) == {}
