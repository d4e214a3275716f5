"""Never captured: bytes are composed by hand."""

import uuid

from harness.codec.verbs.forward_cql import (
    ForwardExecuteReply,
    ForwardExecuteRequest,
    ForwardPrepareReply,
    ForwardPrepareRequest,
    ForwardStatus,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.payload_checks import assert_payload

DURATIONS = "".join(f"{number:02x}00000000000000" for number in range(1, 8))
CLIENT = f"5e000000 02000000 6b73 01 05000000 616c696365 3c000000 {DURATIONS} 0400000000000000 0100000a 5223"
DIALECT = "0a000000 01 64000000 01"
DIALECT_WITHOUT_THE_LAST = "09000000 00 64000000"


def test_request_goes_on_with_its_client() -> None:
    body = assert_payload(
        ForwardExecuteRequest,
        f"01000000 84000000 03000000 616263 0a 04 {DIALECT} {CLIENT} 0002000000 00 01 02000000 6869 01 00",
    )
    assert body.shard == 1
    request = body.request
    assert (request.body, request.opcode, request.cql_version) == (b"abc", 10, 4)
    assert request.dialect.where_relations_max == 100
    assert request.dialect.in_variable_names_are_uppercase is True
    assert (request.client.keyspace, request.client.user) == ("ks", "alice")
    assert (request.client.timeouts.read, request.client.timeouts.other) == (1, 7)
    assert (request.client.address, request.client.port) == ("10.0.0.1", 9042)
    assert request.cached_function_values == ((0, b"hi"), (1, None))


def test_answer_redirects_to_another_shard() -> None:
    body = assert_payload(
        ForwardExecuteReply,
        f"2b000000 03 00000000 00 00000000 {'11' * 16} 02000000 01 0500000000000000",
    )
    response = body.response
    assert response.status is ForwardStatus.REDIRECT
    assert response.target_host == uuid.UUID("11111111-1111-1111-1111-111111111111")
    assert (response.target_shard, response.timeout) == (2, 5)


def test_statement_is_prepared_elsewhere() -> None:
    body = assert_payload(
        ForwardPrepareRequest, f"72000000 02000000 6869 {CLIENT} 00 {DIALECT_WITHOUT_THE_LAST}"
    )
    assert body.request.query == "hi"
    assert body.request.dialect.in_variable_names_are_uppercase is ABSENT
    assert assert_payload(ForwardPrepareReply, "02000000 6869").prepared_id == b"hi"
