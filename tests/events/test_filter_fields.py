"""Every field answers for every kind of message; what the answers are is tested with the filters."""

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Void
from harness.events.filter_fields import FIELDS, field_named
from harness.events.filter_values import BYTES, NUMBERS
from harness.events.message import Kind
from tests.events.messages import (
    MUTATION_DONE,
    MUTATION_REQUEST,
    RESULT_REPLY,
    SURROUNDINGS,
    cql,
    message,
    query,
)

MESSAGES = (
    message(),
    message(Kind.ONE_WAY, 2, MUTATION_DONE),
    message(Kind.REPLY, 3, RESULT_REPLY, from_client=False),
    message(Kind.NEGOTIATION, None, b"", msg_id=None, timeout_ms=None),
    message(Kind.UNDECODED, None, b"abc", msg_id=None, timeout_ms=None),
    query("SELECT * FROM ks.t"),
    cql(Kind.REPLY, CqlMessage(content=Void()), from_client=False),
)


def values(name: str, index: int) -> list[object]:
    return list(FIELDS[name].values(MESSAGES[index], SURROUNDINGS))


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_field_answers_for_every_message(name: str) -> None:
    field = FIELDS[name]
    assert field.meaning
    for one in MESSAGES:
        found = field.values(one, SURROUNDINGS)
        assert None not in found
        if field.value is not None:
            single = field.value(one)
            assert list(found) == ([] if single is None else [single])


def test_fields_of_requests_and_responses_keep_apart() -> None:
    assert values("scylla.len", 0) == [282]
    assert values("scylla.len", 2) == []
    assert values("scylla.response.size", 2) == [98]
    assert values("scylla.timeout", 0) == [2000]
    assert values("scylla.negotiation.magic", 3) == ["SSTARRPC"]


def test_heads_of_mutations_are_read_as_far_as_they_are_there() -> None:
    for size in range(len(MUTATION_REQUEST)):
        cut = message(payload=MUTATION_REQUEST[:size])
        for name in ("scylla.mut.table_id", "scylla.mut.pkey", "scylla.mut.num_pkeys"):
            assert len(FIELDS[name].values(cut, SURROUNDINGS)) <= 1
    huge = message(payload=MUTATION_REQUEST[:44] + b"\xff\xff\xff\xff" + MUTATION_REQUEST[48:])
    assert len(FIELDS["scylla.mut.pkey"].values(huge, SURROUNDINGS)) <= 60


def test_undecoded_bytes_are_counted_even_if_there_are_none() -> None:
    assert values("undecoded", 4) == [3]
    assert values("undecoded", 0) == []


def test_fields_of_payloads_are_made_when_they_are_asked_for() -> None:
    assert field_named("body.response_id").values(MESSAGES[0], SURROUNDINGS) == (1600000000000,)
    assert field_named("scylla.len").kind is NUMBERS
    assert field_named("scylla.payload").kind is BYTES
    with pytest.raises(KeyError, match="did you mean response_id"):
        field_named("body.reponse_id")
    with pytest.raises(KeyError, match="not at packets"):
        field_named("tcp.flags")
