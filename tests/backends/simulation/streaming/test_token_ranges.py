from harness.backends.simulation.streaming.token_ranges import TokenInterval, interval_of, intervals_of
from harness.codec.verbs.common import Token, TokenBound, TokenKind, TokenRange
from harness.topology import Node, Topology

RING = Topology(
    nodes=(Node(name="a", address="a", tokens=(100, -100)), Node(name="b", address="b", tokens=(0,)))
)


def test_ranges_lie_between_tokens_and_the_one_around_the_end_is_two() -> None:
    assert list(intervals_of(RING)) == [
        TokenInterval(None, -100),
        TokenInterval(-100, 0),
        TokenInterval(0, 100),
        TokenInterval(100, None),
    ]
    assert list(intervals_of(Topology())) == []


def test_the_wire_has_the_first_token_without_and_the_last_with_itself() -> None:
    interval = TokenInterval(0x65B997AE6047A012, 0x709B0AC9635A03AF)
    # As in PREPARE_MESSAGE of topology/add_node.pcapng of 4.2.4.
    assert interval.wire == TokenRange(
        start=TokenBound(
            value=Token(kind=TokenKind.KEY, data=bytes.fromhex("65b997ae6047a012")), inclusive=False
        ),
        end=TokenBound(
            value=Token(kind=TokenKind.KEY, data=bytes.fromhex("709b0ac9635a03af")), inclusive=True
        ),
        singular=False,
    )
    assert interval_of(interval.wire) == interval


def test_open_ends_are_left_out_of_requests_and_named_in_what_was_sent() -> None:
    interval = TokenInterval(5, None)
    assert interval.wire.end is None
    sent = interval.wire_of_sent.end
    # As in STREAM_MUTATION_DONE of topology/decommission.pcapng of 4.2.4.
    assert sent == TokenBound(value=Token(kind=TokenKind.AFTER_ALL_KEYS, data=bytes(8)), inclusive=False)
    assert interval_of(interval.wire) == interval_of(interval.wire_of_sent) == interval


def test_the_sample_of_a_range_has_its_replicas() -> None:
    assert [interval.sample for interval in intervals_of(RING)] == [-100, 0, 100, 2**63 - 1]
