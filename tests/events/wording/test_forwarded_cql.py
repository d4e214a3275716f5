from uuid import UUID

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.verbs.forward_cql import (
    ClientState,
    Dialect,
    ForwardedPrepare,
    ForwardedRequest,
    ForwardedResponse,
    ForwardExecuteReply,
    ForwardExecuteRequest,
    ForwardPrepareReply,
    ForwardPrepareRequest,
    ForwardStatus,
    Timeouts,
)
from harness.events.wording.words import Words, sayer_of
from tests.events.messages import SURROUNDINGS

DIALECT = Dialect(duplicate_bind_names_are_one=True, where_relations_max=5)
CLIENT = ClientState(
    keyspace="ks",
    user=None,
    timeouts=Timeouts(read=1, write=1, range_read=1, counter_write=1, truncate=1, cas=1, other=1),
    protocol_extensions=0,
    address="10.0.1.9",
    port=5000,
)


def said(body: object) -> str:
    sayer = sayer_of(type(body))
    assert sayer is not None
    return sayer(body, Words(SURROUNDINGS))


def forwarded(data: bytes, opcode: int) -> ForwardExecuteRequest:
    request = ForwardedRequest(
        body=data,
        opcode=opcode,
        cql_version=4,
        dialect=DIALECT,
        client=CLIENT,
        trace_info=None,
        cached_function_values=(),
    )
    return ForwardExecuteRequest(shard=3, request=request)


def response(status: ForwardStatus) -> ForwardExecuteReply:
    return ForwardExecuteReply(
        response=ForwardedResponse(
            status=status,
            body=b"abcd",
            flags=0,
            prepared_id=b"\x01\x02",
            target_host=UUID(int=2),
            target_shard=5,
            timeout=None,
        )
    )


def test_a_forwarded_query_shows_its_text_and_whose_it_is() -> None:
    data = encode_message(4, CqlMessage(content=Query(query="SELECT 1", parameters=query_parameters(4))))
    assert said(forwarded(data, 7)) == "QUERY SELECT 1 on shard 3, for 10.0.1.9:5000"
    assert (
        said(forwarded(b"\0\x02\x01\x02\0\x04\0", 10))
        == "EXECUTE statement 0102 on shard 3, for 10.0.1.9:5000"
    )
    assert said(forwarded(b"\xff", 7)) == "QUERY 1 B on shard 3, for 10.0.1.9:5000"


def test_answers_say_what_became_of_it() -> None:
    assert said(response(ForwardStatus.SUCCESS)) == "success, 4 B"
    assert said(response(ForwardStatus.REDIRECT)) == "redirect to n2 shard 5"
    assert said(response(ForwardStatus.PREPARED_NOT_FOUND)) == "prepared not found: 0102"


def test_statements_are_prepared_elsewhere() -> None:
    prepare = ForwardedPrepare(query="SELECT ?", client=CLIENT, trace_info=None, dialect=DIALECT)
    assert said(ForwardPrepareRequest(request=prepare)) == "SELECT ?"
    assert said(ForwardPrepareReply(prepared_id=b"\x01\x02")) == "statement 0102"
