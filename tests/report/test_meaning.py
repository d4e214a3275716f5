from uuid import UUID

import pytest

from harness.codec.cql.notation import UNSET
from harness.codec.verbs.common import BoundKind
from harness.codec.verbs.wire import ABSENT
from harness.report.meaning import meaning_of, printable, value_text
from tests.events.messages import SURROUNDINGS, TABLE_ID


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x01\xff", "0x01ff"),
        (b"", "empty"),
        ("", "empty"),
        (True, "true"),
        (None, "none"),
        (7, "7"),
        (BoundKind.EXCLUSIVE_END, f"EXCLUSIVE_END ({BoundKind.EXCLUSIVE_END.value})"),
        (ABSENT, "absent"),
        (UNSET, "UNSET"),
        ("a\nb\x00\ud800", "a\\nb\\x00\\ud800"),
    ],
)
def test_values_are_written_so_that_they_can_be_seen(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("table_id", TABLE_ID, "ks.t"),
        ("host", UUID(int=2), "n2"),
        ("ballot", UUID("5c43557a-e652-11f1-1015-96abeb5b3874"), "2026-11-22 08:54:43.481945 UTC"),
        ("id", UUID("5ecd0bc2-3157-46f3-bd6d-d4e592281b0d"), ""),
        ("reply_to", "10.0.0.1", "n1"),
        ("reply_to", "10.9.9.9", ""),
        ("value", b"Berlin", "'Berlin'"),
        ("value", b"ab", ""),
        ("value", b"\x00\x01\x02", ""),
        ("value", b"\xff\xfe\xfd", ""),
        ("timestamp", 1795337683481945, "2026-11-22 08:54:43.481945 UTC"),
        ("timestamp", -(2**63), "never"),
        ("timestamp", 5, ""),
        ("count", 1795337683481945, ""),
    ],
)
def test_ids_times_and_bytes_get_a_meaning(name: str, value: object, meaning: str) -> None:
    assert meaning_of(name, value, SURROUNDINGS) == meaning


def test_text_that_can_be_seen_stays() -> None:
    assert printable("Zürich ≥ 3") == "Zürich ≥ 3"
