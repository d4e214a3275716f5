"""Words for reads and their results, and for promises, which hold a read's result too."""

from uuid import UUID

from harness.codec.verbs.paxos import PaxosPrepareReply, Promise, Proposal
from harness.codec.verbs.query_result import QueryResult
from harness.codec.verbs.read import (
    AggregationRequest,
    MapreduceReply,
    MapreduceRequest,
    ReadDataReply,
    ReadDigestReply,
    ReadMutationDataReply,
    ReadMutationDataRequest,
    ReadRequest,
    Reduction,
)
from harness.codec.verbs.read_command import ReadCommand
from harness.events.read_contents import read_of, result_text, rows_of
from harness.events.wording.words import (
    Words,
    ballot,
    counted,
    failure_text,
    listed,
    number_name,
    present,
    says,
    sentence,
    shortened,
    traced,
)

_EMPTY_DIGEST = bytes.fromhex("0000000000000000ef46db3751d8e999")
"""xxHash of nothing: what a replica without the row answers."""
_ROWS_SHOWN = 3
_DIGEST_DIGITS = 8


@says(ReadRequest)
def _read(body: ReadRequest, words: Words) -> str:
    read = read_of(body.command, body.partitions, words.schema)
    return sentence(read.text, *_details(body.command))


@says(ReadMutationDataRequest)
def _read_mutation_data(body: ReadMutationDataRequest, words: Words) -> str:
    read = read_of(body.command, body.partitions, words.schema)
    return sentence(read.text, *_details(body.command))


def _details(command: ReadCommand) -> tuple[str, ...]:
    query_id = present(command.query_id)
    is_page = query_id is not None and query_id.int and present(command.is_first_page) is False
    return "next page" if is_page else "", traced(command.trace)


@says(ReadDataReply)
def _data(body: ReadDataReply, words: Words) -> str:
    return _outcome(body, _result(body.result, words))


@says(ReadDigestReply)
def _digest(body: ReadDigestReply, _words: Words) -> str:
    return _outcome(body, digest_text(body.digest))


@says(ReadMutationDataReply)
def _mutation_data(body: ReadMutationDataReply, words: Words) -> str:
    result = body.result
    partitions = [words.change(partition.mutation) for partition in result.partitions[:_ROWS_SHOWN]]
    more = len(result.partitions) - _ROWS_SHOWN
    text = "; ".join([*partitions, f"{more} more"] if more > 0 else partitions) or "nothing"
    return _outcome(body, sentence(text, "cut short" if present(result.short_read) else ""))


def _outcome(body: ReadDataReply | ReadDigestReply | ReadMutationDataReply, text: str) -> str:
    exception = present(body.exception)
    return ("" if exception is None else failure_text(exception)) or text


def digest_text(digest: bytes) -> str:
    """A digest by its first digits, or that it is the one of no rows."""
    if digest == _EMPTY_DIGEST:
        return "digest of no rows"
    meaning = digest[8:] if not any(digest[:8]) else digest
    return f"digest {meaning.hex()[:_DIGEST_DIGITS]}"


def _result(result: QueryResult, words: Words) -> str:
    digest = "" if result.digest is None else digest_text(result.digest)
    if result.data is None:
        return digest
    command = getattr(words.request, "command", None)
    if isinstance(command, ReadCommand):
        rows = rows_of(result, command, words.schema)
        shown = result_text(rows, rows_max=_ROWS_SHOWN)
        count = counted(len(rows), "row")
        text = f"{count} {shown}" if rows else count
    else:
        text = counted(sum(max(1, len(partition.rows)) for partition in result.data.partitions), "row")
    return sentence(text, digest, "cut short" if present(result.short_read) else "")


# Aggregation.


@says(MapreduceRequest)
def _mapreduce(body: MapreduceRequest, words: Words) -> str:
    request = body.request
    table = words.table(request.command.table_id)
    level = str(getattr(request.consistency_level, "name", request.consistency_level))
    return sentence(
        f"{level} {listed(_aggregates(request))} of {table}",
        counted(len(request.partitions), "range"),
        traced(body.trace),
    )


def _aggregates(request: AggregationRequest) -> list[str]:
    infos = present(request.aggregations) or ()
    names = [f"{info.function.name}({', '.join(info.columns)})" for info in infos]
    return names or [
        "count(*)" if reduction == Reduction.COUNT else number_name(reduction)
        for reduction in request.reductions
    ]


@says(MapreduceReply)
def _mapreduce_reply(body: MapreduceReply, _words: Words) -> str:
    return listed([_state(state) for state in body.result.states])


def _state(state: bytes | None) -> str:
    if state is None:
        return "null"
    # A count is a bigint; other aggregates have states of their own.
    return (
        str(int.from_bytes(state, "big", signed=True)) if len(state) == 8 else shortened(f"0x{state.hex()}")
    )


# Promises.


@says(PaxosPrepareReply)
def _promise(body: PaxosPrepareReply, words: Words) -> str:
    response = body.response
    if isinstance(response, UUID):
        return f"refused: promised to {ballot(response)}"
    return sentence(
        "promise",
        _known("accepted", response.accepted, words),
        _known("last committed", response.most_recent_commit, words),
        _promised_data(response, words),
    )


def _known(what: str, proposal: Proposal | None, words: Words) -> str:
    if proposal is None:
        return ""
    partition = proposal.update.partition
    # A replica that was told to prune keeps the ballot of what it committed, and no longer what that was.
    is_pruned = not (
        partition.rows
        or partition.range_tombstones
        or partition.static_row.columns
        or partition.tombstone.exists
    )
    contents = "" if is_pruned else f": {words.change(proposal.update)}"
    return f"{what} {ballot(proposal.ballot)}{contents}"


def _promised_data(promise: Promise, words: Words) -> str:
    if promise.data is None:
        return ""
    return digest_text(promise.data) if isinstance(promise.data, bytes) else _result(promise.data, words)
