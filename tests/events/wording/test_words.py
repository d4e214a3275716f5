from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.codec.verbs.common import Token, TokenBound, TokenKind, TokenRange
from harness.codec.verbs.outcome import ExceptionVariant, NoFailure, StaleTopology
from harness.codec.verbs.wire import Void
from harness.events.surroundings import Surroundings
from harness.events.wording import WORDED
from harness.events.wording.words import (
    Words,
    ballot,
    byte_count,
    counted,
    failure_text,
    listed,
    printable,
    sayer_of,
    sentence,
    short_id,
    time_of_uuid,
    token_range_text,
)
from tests.events.messages import SURROUNDINGS, TABLE_ID
from tests.events.wording.payloads import payload_classes, payloads

WORDS = Words(SURROUNDINGS)
BALLOT = UUID("d3c1c0a4-e652-11f1-1015-d98a8a1f2b3c")


def _token(value: int) -> Token:
    return Token(kind=TokenKind.KEY, data=value.to_bytes(8, "big", signed=True))


def test_every_payload_that_says_something_has_words() -> None:
    assert WORDED
    speechless = {cls.__name__ for cls in payload_classes() if sayer_of(cls) is None}
    assert speechless <= {Void.__name__, "UpdateSystemTableReply", "RestoreTabletReply"}


@pytest.mark.parametrize(
    "cls",
    [cls for cls in payload_classes() if sayer_of(cls) is not None],
    ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}",
)
def test_words_are_found_for_whatever_a_payload_holds(cls: type) -> None:
    sayer = sayer_of(cls)
    assert sayer is not None

    @given(payloads(cls))
    @settings(max_examples=8, suppress_health_check=list(HealthCheck))
    def check(body: object) -> None:
        assert isinstance(sayer(body, WORDS), str)
        assert isinstance(sayer(body, Words(Surroundings())), str)

    check()


def test_nodes_and_tables_have_names_where_they_are_known() -> None:
    assert WORDS.node("10.0.0.3") == "n3"
    assert WORDS.node("10.9.9.9") == "10.9.9.9"
    assert WORDS.host(UUID(int=2)) == "n2"
    assert WORDS.host(UUID("faefd760-2722-4d1d-bb0b-e5da56c1baf1")) == "faefd760"
    assert WORDS.host(UUID(int=0)) == "nobody"
    assert WORDS.table(TABLE_ID) == "ks.t"
    assert WORDS.table(UUID(int=9)) == "00000000-0000-0000-0000-000000000009"


def test_counts_lists_and_sizes_read_as_people_write_them() -> None:
    assert [counted(n, "row") for n in range(3)] == ["no rows", "1 row", "2 rows"]
    assert counted(2, "hash", "hashes") == "2 hashes"
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(n) for n in range(10)], 4) == "0, 1, 2 and 7 more"
    assert sentence("a", "", "b") == "a, b"
    assert [byte_count(n) for n in (0, 1023, 1536, 3 << 20, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "3.0 MiB",
        "5120.0 GiB",
    ]
    assert short_id(UUID(int=1 << 127)) == "80000000"


def test_control_characters_cannot_leave_the_line_or_steer_a_terminal() -> None:
    assert printable("a\nb\r\tc\x1b[31m\x00\x7f\x9b\u2028") == "a\\nb\\r\\tc\\x1b[31m\\x00\\x7f\\x9b\\u2028"
    assert printable("caf\xe9 \u2192 'x'") == "caf\xe9 \u2192 'x'"


@given(st.text())
@settings(max_examples=100)
def test_what_is_printable_is_one_line(text: str) -> None:
    assert len(printable(text).splitlines()) <= 1


def test_ballots_are_told_by_time_and_random_half() -> None:
    assert ballot(BALLOT) == f"ballot {time_of_uuid(BALLOT)}/1015"
    assert time_of_uuid(UUID(int=0)) == "00:00:00.000000"


def test_token_ranges_show_which_end_belongs_to_them() -> None:
    start = TokenBound(value=_token(-1), inclusive=False)
    end = TokenBound(value=_token(7), inclusive=True)
    assert token_range_text(TokenRange(start=start, end=end, singular=False)) == "(-1, 7]"
    assert token_range_text(TokenRange(start=None, end=None, singular=False)) == "(-inf, +inf)"
    before = TokenBound(value=Token(kind=TokenKind.BEFORE_ALL_KEYS, data=bytes(8)), inclusive=True)
    assert token_range_text(TokenRange(start=before, end=None, singular=False)) == "[-inf, +inf)"
    assert token_range_text(TokenRange(start=end, end=end, singular=True)) == "[7]"


def test_failures_are_told_unless_nothing_failed() -> None:
    assert failure_text(ExceptionVariant(reason=NoFailure())) == ""
    stale = ExceptionVariant(reason=StaleTopology(caller_version=3, fence_version=5))
    assert failure_text(stale) == "topology version 3 is older than 5"
