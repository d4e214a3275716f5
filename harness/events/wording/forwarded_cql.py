"""Words for CQL requests that one node passes on to another."""

from harness.codec.cql.messages import decode_message
from harness.codec.cql.opcodes import opcode_name
from harness.codec.cql.requests import Execute, Query
from harness.codec.verbs.forward_cql import (
    ForwardedResponse,
    ForwardExecuteReply,
    ForwardExecuteRequest,
    ForwardPrepareReply,
    ForwardPrepareRequest,
    ForwardStatus,
)
from harness.errors import DecodeError
from harness.events.wording.words import Words, byte_count, number_name, printable, says, sentence


@says(ForwardExecuteRequest)
def _execute(body: ForwardExecuteRequest, words: Words) -> str:
    request = body.request
    opcode = opcode_name(request.opcode)
    return sentence(
        f"{opcode} {_statement(request.cql_version, request.opcode, request.body)} on shard {body.shard}",
        f"for {words.node(request.client.address)}:{request.client.port}",
        "traced" if request.trace_info is not None else "",
    )


def _statement(version: int, opcode: int, data: bytes) -> str:
    try:
        content = decode_message(version, True, 0, opcode, data).content
    except DecodeError:
        return byte_count(len(data))
    if isinstance(content, Query):
        return printable(content.query)
    return (
        f"statement {content.statement_id.hex()[:8]}"
        if isinstance(content, Execute)
        else byte_count(len(data))
    )


@says(ForwardExecuteReply)
def _executed(body: ForwardExecuteReply, words: Words) -> str:
    response: ForwardedResponse = body.response
    status = number_name(response.status)
    if response.status == ForwardStatus.REDIRECT:
        return f"{status} to {words.host(response.target_host)} shard {response.target_shard}"
    if response.status == ForwardStatus.PREPARED_NOT_FOUND:
        return f"{status}: {response.prepared_id.hex()[:8]}"
    return f"{status}, {byte_count(len(response.body))}"


@says(ForwardPrepareRequest)
def _prepare(body: ForwardPrepareRequest, _words: Words) -> str:
    request = body.request
    return sentence(printable(request.query), "traced" if request.trace_info is not None else "")


@says(ForwardPrepareReply)
def _prepared(body: ForwardPrepareReply, _words: Words) -> str:
    return f"statement {body.prepared_id.hex()[:8]}"
