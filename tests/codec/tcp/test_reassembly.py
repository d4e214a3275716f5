from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.tcp.reassembly import (
    PATIENCE_CALLS,
    PENDING_BYTES_MAX,
    PENDING_SEGMENTS_MAX,
    ByteRun,
    ByteStream,
    Gap,
)

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
WRAP = 1 << 32


def started(sequence: int = 1000) -> ByteStream:
    """A stream whose next byte has this sequence number."""
    byte_stream = ByteStream()
    assert byte_stream.feed((sequence - 1) % WRAP, SYN, b"", 0) == []
    return byte_stream


def waits(byte_stream: ByteStream) -> bool:
    return byte_stream.has_pending


def ended(byte_stream: ByteStream) -> bool:
    return byte_stream.fin_seen


def test_syn_takes_a_sequence_number_and_gives_no_bytes() -> None:
    byte_stream = started(1000)
    assert byte_stream.syn_seen
    assert byte_stream.next_sequence == 1000
    assert not waits(byte_stream)
    assert byte_stream.feed(1000, ACK, b"abc", 1) == [ByteRun(1, b"abc")]
    assert byte_stream.next_sequence == 1003


def test_syn_may_carry_bytes() -> None:
    byte_stream = ByteStream()
    assert byte_stream.feed(999, SYN, b"abc", 7) == [ByteRun(7, b"abc")]
    assert byte_stream.next_sequence == 1003


def test_first_segment_defines_the_start_when_the_syn_was_not_captured() -> None:
    byte_stream = ByteStream()
    assert byte_stream.next_sequence is None
    assert byte_stream.feed(5000, ACK, b"abc", 1) == [ByteRun(1, b"abc")]
    assert not byte_stream.syn_seen


def test_syn_captured_after_the_first_bytes_is_still_seen() -> None:
    byte_stream = ByteStream()
    byte_stream.feed(5000, ACK, b"abc", 1)
    assert not byte_stream.starts_anew(4999, SYN)
    assert byte_stream.feed(4999, SYN, b"", 2) == []
    assert byte_stream.syn_seen
    assert byte_stream.next_sequence == 5003


def test_keep_alive_probe_as_first_segment_does_not_leave_a_hole() -> None:
    byte_stream = ByteStream()
    assert byte_stream.feed(4999, ACK, b"", 1) == []
    assert byte_stream.feed(5000, ACK, b"abc", 2) == [ByteRun(2, b"abc")]
    assert byte_stream.close() == []


def test_answer_to_a_keep_alive_probe_as_first_segment_does_not_leave_a_hole() -> None:
    # Frames 360 and 361 of Scylla 2025.1, base/counter, whose capture begins in mid-stream.
    byte_stream = ByteStream()
    assert byte_stream.feed(1313584815, ACK, b"", 360) == []
    assert byte_stream.acknowledged(1313584816, 361) == []
    assert byte_stream.feed(1313584816, ACK, b"abc", 362) == [ByteRun(362, b"abc")]
    assert byte_stream.close() == []


def test_late_segment_fills_its_hole() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1003, ACK, b"def", 2) == []
    assert waits(byte_stream)
    assert byte_stream.feed(1000, ACK, b"abc", 3) == [ByteRun(3, b"abc"), ByteRun(2, b"def")]
    assert not waits(byte_stream)
    assert byte_stream.next_sequence == 1006


def test_packet_seen_twice_gives_nothing_the_second_time() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1000, ACK, b"abc", 1) == [ByteRun(1, b"abc")]
    assert byte_stream.feed(1000, ACK, b"abc", 2) == []
    assert byte_stream.feed(1006, ACK, b"ghi", 3) == []
    assert byte_stream.feed(1006, ACK, b"ghi", 4) == []
    assert byte_stream.feed(1003, ACK, b"def", 5) == [ByteRun(5, b"def"), ByteRun(3, b"ghi")]
    assert byte_stream.close() == []


def test_of_overlapping_bytes_the_first_win() -> None:
    byte_stream = started(1000)
    byte_stream.feed(1000, ACK, b"ab", 1)
    assert byte_stream.feed(1001, ACK, b"XcX", 2) == [ByteRun(2, b"cX")]
    byte_stream = started(1000)
    byte_stream.feed(1002, ACK, b"cd", 1)
    byte_stream.feed(1006, ACK, b"gh", 2)
    # One segment over everything fills just the holes.
    assert byte_stream.feed(1000, ACK, b"0123456789", 3) == [
        ByteRun(3, b"01"),
        ByteRun(1, b"cd"),
        ByteRun(3, b"45"),
        ByteRun(2, b"gh"),
        ByteRun(3, b"89"),
    ]


def test_sequence_numbers_wrap() -> None:
    byte_stream = started(WRAP - 2)
    assert byte_stream.feed(1, ACK, b"de", 1) == []
    assert byte_stream.feed(WRAP - 2, ACK, b"abc", 2) == [ByteRun(2, b"abc"), ByteRun(1, b"de")]
    assert byte_stream.next_sequence == 3
    byte_stream = started(WRAP - 2)
    assert byte_stream.feed(WRAP - 2, ACK, b"ab", 1) == [ByteRun(1, b"ab")]
    assert byte_stream.next_sequence == 0


def test_segment_of_a_megabyte_left_by_offloading_is_one_run() -> None:
    payload = bytes(1 << 20)
    assert started(1000).feed(1000, ACK, payload, 1) == [ByteRun(1, payload)]


def test_fast_path_of_the_caller_and_feed_may_be_mixed() -> None:
    byte_stream = started(1000)
    byte_stream.next_sequence = 2000
    assert byte_stream.feed(2003, ACK, b"def", 2) == []
    assert byte_stream.feed(2000, ACK, b"abc", 3) == [ByteRun(3, b"abc"), ByteRun(2, b"def")]
    assert byte_stream.acknowledged(2006, 4) == []
    assert byte_stream.close() == []


def test_start_is_not_moved_by_a_hole_of_one_byte_after_the_callers_fast_path() -> None:
    byte_stream = ByteStream()
    byte_stream.feed(1000, ACK, b"", 1)
    byte_stream.next_sequence = 2000
    assert byte_stream.feed(2001, ACK, b"abc", 2) == []
    assert byte_stream.close() == [Gap(2, 1), ByteRun(2, b"abc")]


def test_keep_alive_and_zero_window_probes_give_nothing() -> None:
    byte_stream = started(1000)
    byte_stream.feed(1000, ACK, b"abc", 1)
    assert byte_stream.feed(1002, ACK, b"", 2) == []
    assert byte_stream.feed(1002, ACK, b"\x00", 3) == []
    assert byte_stream.feed(1003, ACK, b"", 4) == []
    assert not waits(byte_stream)
    # A probe of a closed window may carry the next byte, which then comes again with all the others.
    assert byte_stream.feed(1003, ACK, b"d", 5) == [ByteRun(5, b"d")]
    assert byte_stream.feed(1003, ACK, b"def", 6) == [ByteRun(6, b"ef")]
    assert byte_stream.close() == []


def test_fin_takes_a_sequence_number() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1000, FIN | ACK, b"abc", 1) == [ByteRun(1, b"abc")]
    assert ended(byte_stream)
    assert byte_stream.next_sequence == 1004
    assert byte_stream.acknowledged(1004, 2) == []
    assert byte_stream.feed(1003, FIN | ACK, b"", 3) == []
    assert byte_stream.close() == []


def test_fin_ahead_of_a_hole_waits_for_it() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1003, FIN | ACK, b"", 1) == []
    assert not ended(byte_stream)
    assert byte_stream.feed(1000, ACK, b"abc", 2) == [ByteRun(2, b"abc")]
    assert ended(byte_stream)
    byte_stream = started(1000)
    byte_stream.feed(1003, FIN | ACK, b"", 1)
    assert byte_stream.close() == [Gap(1, 3)]


def test_rst_gives_nothing_whatever_its_sequence() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(77, RST, b"reason", 1) == []
    assert byte_stream.feed(1500, RST | ACK, b"", 2) == []
    assert byte_stream.next_sequence == 1000
    assert byte_stream.close() == []
    byte_stream = ByteStream()
    assert byte_stream.feed(77, RST, b"", 1) == []
    assert byte_stream.next_sequence is None


def test_bytes_cut_off_by_the_snap_length_are_a_gap() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1000, ACK, b"abc", 1, 7) == [ByteRun(1, b"abc"), Gap(1, 7)]
    assert byte_stream.feed(1010, ACK, b"def", 2) == [ByteRun(2, b"def")]
    assert byte_stream.feed(1016, ACK, b"", 3, 4) == []
    assert byte_stream.feed(1013, ACK, b"ghi", 4) == [ByteRun(4, b"ghi"), Gap(3, 4)]


def test_hole_that_nobody_acknowledged_waits_for_its_retransmission() -> None:
    byte_stream = started(1000)
    for mark in range(PATIENCE_CALLS * 3):
        assert byte_stream.feed(1003 + mark, ACK, b"x", mark) == []
    runs = byte_stream.feed(1000, ACK, b"abc", 999)
    assert runs[0] == ByteRun(999, b"abc")
    assert len(runs) == 1 + PATIENCE_CALLS * 3


def test_acknowledged_hole_becomes_a_gap_after_some_more_packets() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1003, ACK, b"def", 1) == []
    assert byte_stream.acknowledged(1006, 2) == []
    for mark in range(PATIENCE_CALLS - 1):
        assert byte_stream.feed(1006 + mark, ACK, b"x", 10 + mark) == []
    results = byte_stream.feed(1006 + PATIENCE_CALLS - 1, ACK, b"x", 99)
    assert results[:2] == [Gap(1, 3), ByteRun(1, b"def")]
    assert len(results) == 2 + PATIENCE_CALLS
    assert not waits(byte_stream)


def test_acknowledgement_captured_before_its_bytes_loses_nothing() -> None:
    byte_stream = started(1000)
    assert byte_stream.acknowledged(1006, 1) == []
    assert waits(byte_stream)
    for number in range(PATIENCE_CALLS * 2):
        # One step behind all the time, but there is progress.
        assert byte_stream.acknowledged(1006 + number * 3, 2) == []
        assert byte_stream.feed(1000 + number * 3, ACK, b"abc", 3) == [ByteRun(3, b"abc")]
    assert byte_stream.feed(1000 + PATIENCE_CALLS * 6, ACK, b"abc", 3) == [ByteRun(3, b"abc")]
    assert not waits(byte_stream)
    assert byte_stream.close() == []


def test_acknowledged_bytes_with_nothing_behind_them_become_a_gap_by_acknowledgements_alone() -> None:
    byte_stream = started(1000)
    results: list[ByteRun | Gap] = []
    for mark in range(1, PATIENCE_CALLS + 2):
        results += byte_stream.acknowledged(1050, mark)
    assert results == [Gap(1, 50)]
    assert byte_stream.next_sequence == 1050
    assert not waits(byte_stream)


def test_only_the_acknowledged_part_of_a_hole_is_given_up() -> None:
    byte_stream = started(1000)
    byte_stream.feed(1010, ACK, b"x", 1)
    results: list[ByteRun | Gap] = []
    for _ in range(PATIENCE_CALLS + 2):
        results += byte_stream.acknowledged(1004, 2)
    assert results == [Gap(2, 4)]
    assert byte_stream.feed(1004, ACK, b"456789", 3) == [ByteRun(3, b"456789"), ByteRun(1, b"x")]


def test_impossible_acknowledgements_are_ignored() -> None:
    byte_stream = ByteStream()
    assert byte_stream.acknowledged(5, 1) == []
    byte_stream = started(1000)
    assert byte_stream.acknowledged(1000 + (1 << 31) - 5, 1) == []
    assert byte_stream.acknowledged(900, 2) == []
    assert not waits(byte_stream)
    assert byte_stream.close() == []


def test_close_gives_what_is_held_back_and_what_is_known_to_be_missing() -> None:
    byte_stream = started(1000)
    byte_stream.feed(1003, ACK, b"def", 1)
    byte_stream.feed(1010, ACK, b"k", 2)
    byte_stream.acknowledged(1020, 3)
    assert byte_stream.close() == [Gap(1, 3), ByteRun(1, b"def"), Gap(2, 4), ByteRun(2, b"k"), Gap(3, 9)]
    assert byte_stream.close() == []
    assert ByteStream().close() == []


def test_empty_segment_ahead_shows_that_bytes_are_missing() -> None:
    byte_stream = started(1000)
    assert byte_stream.feed(1005, ACK, b"", 1) == []
    assert byte_stream.close() == [Gap(1, 5)]


def test_held_back_segments_are_limited_in_number() -> None:
    byte_stream = started(1000)
    results: list[ByteRun | Gap] = []
    for number in range(PENDING_SEGMENTS_MAX + 1):
        results += byte_stream.feed(1001 + 2 * number, ACK, b"x", number)
    assert results == [Gap(0, 1), ByteRun(0, b"x")]


def test_held_back_bytes_are_limited() -> None:
    byte_stream = started(1000)
    payload = bytes(PENDING_BYTES_MAX // 2)
    assert byte_stream.feed(1001, ACK, payload, 1) == []
    assert byte_stream.feed(1002 + len(payload), ACK, payload, 2) == []
    results = byte_stream.feed(1003 + 2 * len(payload), ACK, b"x", 3)
    assert results == [Gap(1, 1), ByteRun(1, payload)]
    assert byte_stream.close() == [Gap(2, 1), ByteRun(2, payload), Gap(3, 1), ByteRun(3, b"x")]


@pytest.mark.parametrize(
    ("sequence", "flags", "anew"),
    [
        (999, SYN, False),  # a retransmission
        (998, SYN, True),
        (7_000_000, SYN | ACK, True),
        (7_000_000, ACK, False),
        (3_000_000_000, ACK, True),  # no window reaches that far
        (3_000_000_000, RST, False),
        (1000, ACK, False),
    ],
)
def test_new_connection_on_the_same_ports_is_recognised(sequence: int, flags: int, anew: bool) -> None:
    assert started(1000).starts_anew(sequence, flags) is anew


def test_nothing_starts_anew_before_the_first_segment() -> None:
    assert not ByteStream().starts_anew(5, SYN)


def test_start_without_syn_is_ended_by_any_other_syn() -> None:
    byte_stream = ByteStream()
    byte_stream.feed(5000, ACK, b"abc", 1)
    assert byte_stream.starts_anew(6000, SYN)


CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=20)


@given(
    CUTS,
    st.integers(0, WRAP - 1),
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), max_size=10),
)
@settings(max_examples=200)
def test_any_order_with_duplicates_and_overlaps_gives_the_original_bytes(
    sizes: list[int], start: int, random: Random, overlaps: list[tuple[int, int]]
) -> None:
    total = bytes(number % 251 for number in range(sum(sizes)))
    segments = []
    position = 0
    for size in sizes:
        segments.append((position, total[position : position + size]))
        position += size
    segments += [(at, total[at : at + size]) for at, size in overlaps if at < len(total)]
    segments += segments[:3]
    random.shuffle(segments)
    byte_stream = started(start)
    results: list[ByteRun | Gap] = []
    for mark, (at, payload) in enumerate(segments):
        results += byte_stream.feed((start + at) % WRAP, ACK, payload, mark)
    assert b"".join(run.data for run in results if isinstance(run, ByteRun)) == total
    assert not any(isinstance(result, Gap) for result in results)
    assert byte_stream.next_sequence == (start + len(total)) % WRAP
    assert not waits(byte_stream)
    assert byte_stream.close() == []


@given(CUTS, st.integers(0, WRAP - 1), st.data())
@settings(max_examples=200)
def test_losses_add_up_and_the_rest_stands_at_its_place(
    sizes: list[int], start: int, data: st.DataObject
) -> None:
    total = bytes(number % 251 for number in range(sum(sizes)))
    byte_stream = started(start)
    results: list[ByteRun | Gap] = []
    position = lost_bytes = 0
    for mark, size in enumerate(sizes):
        if data.draw(st.booleans()):
            lost_bytes += size
        else:
            payload = total[position : position + size]
            results += byte_stream.feed((start + position) % WRAP, ACK, payload, mark)
        position += size
        if data.draw(st.booleans()):
            results += byte_stream.acknowledged((start + position) % WRAP, mark)
    results += byte_stream.acknowledged((start + position) % WRAP, 99)
    results += byte_stream.close()
    assert sum(gap.lost_bytes for gap in results if isinstance(gap, Gap)) == lost_bytes
    at = 0
    for result in results:
        if isinstance(result, ByteRun):
            assert total[at : at + len(result.data)] == result.data
            at += len(result.data)
        else:
            at += result.lost_bytes
    assert at == len(total)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, WRAP - 1), st.integers(0, 100)),
            st.integers(0, 255),
            st.binary(max_size=30),
            st.integers(0, 50),
            st.one_of(st.integers(0, WRAP - 1), st.integers(0, 100)),
        ),
        max_size=40,
    )
)
@settings(max_examples=200)
def test_garbage_keeps_sequence_numbers_and_results_in_step(
    segments: list[tuple[int, int, bytes, int, int]],
) -> None:
    byte_stream = ByteStream()
    sequence: int | None = None
    results: list[ByteRun | Gap] = []
    for mark, (at, flags, payload, missing_bytes, acknowledgement) in enumerate(segments):
        byte_stream.starts_anew(at, flags)
        results += byte_stream.feed(at, flags, payload, mark, missing_bytes)
        results += byte_stream.acknowledged(acknowledgement, mark)
        sequence = byte_stream._start_sequence
    results += byte_stream.close()
    assert not waits(byte_stream)
    assert not byte_stream._pending
    assert byte_stream._pending_bytes == 0
    assert all(result.lost_bytes > 0 for result in results if isinstance(result, Gap))
    assert all(result.data for result in results if isinstance(result, ByteRun))
    if byte_stream.next_sequence is not None and sequence is not None:
        moved = sum(
            len(result.data) if isinstance(result, ByteRun) else result.lost_bytes for result in results
        )
        fins = (byte_stream.next_sequence - sequence - moved) % WRAP
        assert fins <= sum(1 for segment in segments if segment[1] & FIN)
