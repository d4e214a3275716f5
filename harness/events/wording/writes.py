"""Words for writes, their acknowledgements, lightweight transactions, truncation, and changes of the schema."""

from harness.codec.verbs.paxos import (
    PaxosAcceptReply,
    PaxosAcceptRequest,
    PaxosLearnRequest,
    PaxosPrepareRequest,
    PaxosPruneRequest,
    Proposal,
)
from harness.codec.verbs.schema_verbs import (
    DefinitionsUpdate,
    FetchColumnMappingsReply,
    FetchColumnMappingsRequest,
    FrozenSchemaFrame,
    GetSchemaVersionReply,
    GetSchemaVersionRequest,
    MigrationReply,
    MigrationRequest,
    SchemaCheckReply,
)
from harness.codec.verbs.writes import (
    CounterMutationReply,
    CounterMutationRequest,
    HintMutationRequest,
    MutationDone,
    MutationFailed,
    MutationRequest,
    SnapshotWithTabletsRequest,
    TruncateRequest,
    TruncateWithTabletsRequest,
)
from harness.events.wording.words import (
    Words,
    ballot,
    byte_count,
    counted,
    failure_text,
    listed,
    present,
    printable,
    says,
    sentence,
    short_id,
    traced,
)

_NO_LIMIT = 2**64 - 1


def response_id_text(response_id: int) -> str:
    """The end of a response id: enough to see which lines belong together."""
    return f"#{response_id % 100000:05}"


@says(MutationRequest)
def _mutation(body: MutationRequest, words: Words) -> str:
    return _write(words.change(body.mutation), body, words)


@says(HintMutationRequest)
def _hint(body: HintMutationRequest, words: Words) -> str:
    return _write(words.change(body.mutation), body, words)


@says(PaxosLearnRequest)
def _learn(body: PaxosLearnRequest, words: Words) -> str:
    return _write(proposal_text(body.decision, words), body, words)


def _write(what: str, body: MutationRequest | HintMutationRequest | PaxosLearnRequest, words: Words) -> str:
    forward = [words.node(address) for address in body.forward]
    host_ids = present(body.forward_host_ids)
    if not forward and host_ids:
        forward = [words.host(host_id) for host_id in host_ids]
    return sentence(
        f"{what} {response_id_text(body.response_id)}",
        f"forward to {listed(forward)}" if forward else "",
        traced(body.trace),
    )


@says(MutationDone)
def _done(body: MutationDone, _words: Words) -> str:
    return sentence(response_id_text(body.response_id), _backlog(body))


@says(MutationFailed)
def _failed(body: MutationFailed, _words: Words) -> str:
    exception = present(body.exception)
    return sentence(
        f"{response_id_text(body.response_id)} {counted(body.failed_count, 'failure')}",
        "" if exception is None else failure_text(exception),
        _backlog(body),
    )


def _backlog(body: MutationDone | MutationFailed) -> str:
    backlog = body.backlog
    if not backlog.current_bytes or backlog.limit_bytes == _NO_LIMIT:
        return ""
    return f"view backlog {byte_count(backlog.current_bytes)}"


@says(CounterMutationRequest)
def _counter(body: CounterMutationRequest, words: Words) -> str:
    changes = "; ".join(words.change(mutation) for mutation in body.mutations)
    level = str(getattr(body.consistency_level, "name", body.consistency_level))
    return sentence(f"{level} {changes}", traced(body.trace))


@says(CounterMutationReply)
def _counter_reply(body: CounterMutationReply, _words: Words) -> str:
    exception = present(body.exception)
    return ("" if exception is None else failure_text(exception)) or "done"


@says(TruncateRequest)
def _truncate(body: TruncateRequest, _words: Words) -> str:
    return printable(f"{body.keyspace}.{body.table}")


@says(TruncateWithTabletsRequest)
def _truncate_tablets(body: TruncateWithTabletsRequest, _words: Words) -> str:
    return printable(f"{body.keyspace}.{body.table}")


@says(SnapshotWithTabletsRequest)
def _snapshot(body: SnapshotWithTabletsRequest, words: Words) -> str:
    return f"{printable(body.tag)!r} of {listed([words.table(table_id) for table_id in body.table_ids])}"


# Lightweight transactions.


def proposal_text(proposal: Proposal, words: Words) -> str:
    """What a proposal changes; ``unchanged`` where the condition did not hold."""
    return f"{words.change(proposal.update)} {ballot(proposal.ballot)}"


@says(PaxosPrepareRequest)
def _prepare(body: PaxosPrepareRequest, words: Words) -> str:
    table_id = body.command.table_id
    return sentence(
        f"{words.table(table_id)}({words.key(table_id, body.key)}) {ballot(body.ballot)}",
        "digest only" if body.only_digest else "",
        traced(body.trace),
    )


@says(PaxosAcceptRequest)
def _accept(body: PaxosAcceptRequest, words: Words) -> str:
    return sentence(proposal_text(body.proposal, words), traced(body.trace))


@says(PaxosAcceptReply)
def _accept_reply(body: PaxosAcceptReply, _words: Words) -> str:
    return "accepted" if body.accepted else "rejected"


@says(PaxosPruneRequest)
def _prune(body: PaxosPruneRequest, words: Words) -> str:
    return sentence(
        f"{words.key_of_version(body.schema_version, body.key)} {ballot(body.ballot)}", traced(body.trace)
    )


# Schema.


@says(DefinitionsUpdate)
def _definitions(body: DefinitionsUpdate, words: Words) -> str:
    canonical = present(body.canonical_mutations)
    return words.changed_tables(canonical or body.mutations)


@says(MigrationRequest)
def _migration(body: MigrationRequest, _words: Words) -> str:
    options = present(body.options)
    return (
        "schema and topology"
        if options is not None and present(options.group0_snapshot_transfer)
        else "schema"
    )


@says(MigrationReply)
def _migration_reply(body: MigrationReply, words: Words) -> str:
    mutations = present(body.canonical_mutations) or body.mutations
    return words.changed_tables(mutations) if mutations else "nothing: I do not know your version yet"


@says(GetSchemaVersionRequest)
def _get_version(body: GetSchemaVersionRequest, words: Words) -> str:
    table = words.table_of_version(body.version)
    return f"version {short_id(body.version)}{'' if table is None else f' of {table.full_name}'}"


@says(GetSchemaVersionReply)
def _got_version(body: GetSchemaVersionReply, words: Words) -> str:
    frame: FrozenSchemaFrame = body.schema
    return f"version {short_id(frame.version)}: {words.changed_tables((frame.mutations.tables,))}"


@says(SchemaCheckReply)
def _schema_check(body: SchemaCheckReply, _words: Words) -> str:
    return f"schema {short_id(body.version)}"


@says(FetchColumnMappingsRequest)
def _mappings(body: FetchColumnMappingsRequest, words: Words) -> str:
    return f"{words.table(body.table_id)}, {counted(len(body.known_versions), 'version')} known"


@says(FetchColumnMappingsReply)
def _mappings_reply(body: FetchColumnMappingsReply, words: Words) -> str:
    return "no others" if body.mutation is None else words.changed_tables((body.mutation,))
