"""What a statement caused, and how that is known."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import encode_message
from harness.codec.cql.opcodes import Opcode
from harness.codec.cql.requests import Query, query_parameters
from harness.codec.verbs.writes import MutationRequest
from harness.events.folding import NoiseFilter
from harness.events.message import Kind, Message, Protocol
from harness.events.statement_scope import (
    Basis,
    StatementScope,
    StatementScopes,
    base_keys_of,
    statement_scopes,
)
from harness.events.statement_text import Action
from harness.events.trace import Trace
from harness.events.write_timestamps import write_timestamps
from harness.expect.base_writes import write_of
from tests.expect.captured import captured
from tests.expect.traces import TraceBuilder

LINES = pytest.mark.parametrize("line", ["4.2", "2025.1"])


def _scopes(trace: Trace) -> list[StatementScope]:
    scopes = StatementScopes(trace)
    return [scopes.of(statement) for statement in scopes.statements if not statement.is_of_system]


def _verbs(scope: StatementScope) -> Counter[str]:
    return Counter(
        message.verb_name
        for message in scope.messages
        if message.protocol is Protocol.RPC and message.request is None
    )


def _unowned(trace: Trace) -> Counter[str]:
    """Verbs of what belongs to no statement, without what goes on all the time."""
    scopes, noise = StatementScopes(trace), NoiseFilter()
    return Counter(
        message.verb_name
        for message in trace
        if message.protocol is Protocol.RPC
        and noise.noise(message) is None
        and scopes.owner_of(message) is None
    )


@LINES
@pytest.mark.parametrize(
    "name",
    [
        "base/batch",
        "base/counter",
        "base/lwt_conditions",
        "base/index_read",
        "base/write_rf3",
        "faults/digest_mismatch",
        "multidc/multi_dc",
        "views/index_rf3",
        "views/view_life_rf2",
    ],
)
def test_every_message_about_data_belongs_to_a_statement(reference: Path, line: str, name: str) -> None:
    trace = captured(reference, f"scylla-{line}/{name}")
    left = _unowned(trace)
    # Roles are read, and views are built, on the nodes' own account.
    own = {"READ_DATA", "MIGRATION_REQUEST", "", "CLIENT_ID"}
    assert not {verb: count for verb, count in left.items() if verb not in own}


@LINES
def test_trace_id_is_the_basis_where_tracing_is_on(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/base/tracing")
    scopes = StatementScopes(trace)
    traced = [statement for statement in scopes.statements if statement.tracing_id is not None]
    for statement in traced:
        scope = scopes.of(statement)
        assert scope.basis == (Basis.TRACE_ID, Basis.ANSWER)
        assert scope.basis_text.startswith(f"by tracing session id {statement.tracing_id}")
    write, read = (scopes.of(statement) for statement in traced)
    assert _verbs(write) == {"MUTATION": 2, "MUTATION_DONE": 2}
    assert sum(_verbs(read).values()) >= 1
    # What tracing itself writes is nobody's.
    tables = {scopes.owner_of(message) for message in trace if _is_of_tracing(trace, message)}
    assert tables == {None}


def _is_of_tracing(trace: Trace, message: Message) -> bool:
    write = write_of(message)
    table = None if write is None else trace.schema.table_of(write[1].table_id)
    return table is not None and table.keyspace == "system_traces"


@LINES
def test_write_has_its_acknowledgements_and_its_view_updates(reference: Path, line: str) -> None:
    scopes = _scopes(captured(reference, f"scylla-{line}/views/view_life_rf3"))
    first = scopes[0]
    wanted = (Basis.KEY, Basis.WRITE_TIMESTAMP, Basis.RESPONSE_ID, Basis.ANSWER, Basis.BASE_WRITE)
    assert set(first.basis) <= set(wanted)
    assert {Basis.WRITE_TIMESTAMP, Basis.ANSWER} <= set(first.basis)
    verbs = _verbs(first)
    assert verbs["MUTATION"] == verbs["MUTATION_DONE"] >= 3
    assert first.messages[0].number == first.statement.request
    assert first.statement.result in first.numbers


def test_view_updates_belong_to_the_write_that_caused_them(reference: Path) -> None:
    """Shown by the number of updates of each statement in packets that were read one by one."""
    scopes = _scopes(captured(reference, "scylla-4.2/views/view_life_rf3"))
    counts = [_verbs(scope)["MUTATION"] for scope in scopes[:12]]
    assert counts == [4, 5, 4, 3, 2, 4, 3, 3, 4, 5, 4, 6]


@LINES
def test_logged_batch_has_its_log_with_it(reference: Path, line: str) -> None:
    scopes = _scopes(captured(reference, f"scylla-{line}/base/batch"))
    logged = next(scope for scope in scopes if scope.statement.batch_type == "LOGGED")
    trace = captured(reference, f"scylla-{line}/base/batch")
    tables = Counter(
        str(trace.schema.table_of(write[1].table_id).full_name)  # type: ignore[union-attr]  # all are known
        for message in logged.messages
        if (write := write_of(message)) is not None
    )
    assert tables["system.batchlog"] == 4
    assert tables["demo3.map"] == 4


def test_leader_of_a_counter_replicates_for_the_statement(reference: Path) -> None:
    scopes = _scopes(captured(reference, "scylla-4.2/base/counter"))
    updates = [scope for scope in scopes if scope.statement.action is Action.UPDATE]
    verbs = sum((_verbs(scope) for scope in updates), Counter[str]())
    assert verbs == {"COUNTER_MUTATION": 5, "MUTATION": 12, "MUTATION_DONE": 12}


def test_truncation_of_tablets_takes_its_topology_commands_along(reference: Path) -> None:
    (scope,) = _scopes(captured(reference, "scylla-2025.1/tablets/truncate"))
    verbs = _verbs(scope)
    assert (verbs["TRUNCATE_WITH_TABLETS"], verbs["RAFT_TOPOLOGY_CMD"]) == (2, 4)
    assert Basis.TIME in scope.basis


def test_hints_belong_to_the_write_that_was_missed(reference: Path) -> None:
    scopes = _scopes(captured(reference, "scylla-4.2/faults/hinted_handoff"))
    writes = [scope for scope in scopes if scope.statement.is_change]
    assert [_verbs(scope)["HINT_MUTATION"] for scope in writes] == [1] * len(writes)


def test_racing_transactions_are_told_apart_by_what_they_propose(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/lwt_contention")
    scopes = StatementScopes(trace)
    shared = [scopes.of(statement) for statement in scopes.statements if scopes.of(statement).shared_with]
    assert shared
    assert all("shared with statements" in scope.basis_text for scope in shared)
    applied = [statement for statement in scopes.statements if statement.is_applied]
    ballots = [
        {ballot for ballot in scopes._sure_ballots if scopes.owns_ballot(statement, ballot)}
        for statement in applied
    ]
    # Where a coordinator finds its own proposal again, it cannot be told from another's.
    assert sum(map(bool, ballots)) > len(applied) * 3 // 4
    assert len(set().union(*ballots)) == sum(len(some) for some in ballots)


def test_scopes_of_a_trace_are_made_once(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/base/batch")
    scopes = statement_scopes(trace)
    assert statement_scopes(trace) is scopes
    assert statement_scopes(trace[:]) is not scopes


def test_no_message_belongs_to_two_statements(reference: Path) -> None:
    scopes = _scopes(captured(reference, "scylla-2025.1/errors/lwt_race_three_coordinators"))
    numbers = [number for scope in scopes for number in scope.numbers]
    assert len(numbers) == len(set(numbers))


def test_write_of_an_unknown_table_belongs_to_the_only_statement_under_way() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT INTO ks.map (id, a) VALUES (17, 'x')")
    write = builder.mutation("n1", "n2")
    done = builder.done(write)
    builder.result(asked)
    trace = builder.trace()
    unknown = Trace(trace.messages, trace.missing, trace.topology)
    (scope,) = _scopes(unknown)
    assert {write, done} <= scope.numbers
    assert scope.basis == (Basis.ANSWER, Basis.TIME)


def test_what_another_coordinator_sends_is_not_the_statements() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT INTO ks.map (id, a) VALUES (17, 'x')")
    mine = builder.mutation("n1", "n2")
    builder.mutation("n3", "n2")
    builder.mutation("n1", "n2", key=18)
    builder.result(asked)
    (scope,) = _scopes(builder.trace())
    assert scope.numbers == {asked, mine, scope.statement.result}


def test_background_work_is_looked_for_a_second_long() -> None:
    builder = TraceBuilder()
    asked = builder.query("INSERT INTO ks.map (id, a) VALUES (17, 'x')")
    builder.result(asked)
    builder.wait(0.5)
    soon = builder.mutation("n1", "n2")
    builder.wait(5)
    builder.mutation("n1", "n3")
    (scope,) = _scopes(builder.trace())
    assert soon in scope.numbers
    assert len(scope.messages) == 3


def test_keys_of_base_rows_are_read_from_view_rows(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/views/index_rf2")
    view, base = trace.schema.table("demo2", "by_mail_index"), trace.schema.table("demo2", "people")
    assert view is not None
    assert base is not None
    writes = [write for message in trace if (write := write_of(message)) is not None]
    found = [base_keys_of(mutation, view, base) for _, mutation in writes if mutation.table_id == view.id]
    assert found
    assert set(found) <= {((b"org0",),), ((b"org1",),), ((b"org2",),)}


def test_a_repair_belongs_to_its_read_however_shortly_after_the_write(reference: Path) -> None:
    trace = captured(reference, "scylla-4.2/faults/digest_mismatch")
    read = _scopes(trace)[0]
    (repair, *_) = [message for message in read.messages if message.verb_name == "MUTATION"]
    assert isinstance(repair.body, MutationRequest)
    (written_us, *_) = write_timestamps(repair.body.mutation)
    first = trace[read.statement.request]
    text = f"UPDATE demo3.map USING TIMESTAMP {written_us} SET capital = 'x' WHERE id = 40"
    query = CqlMessage(content=Query(query=text, parameters=query_parameters(4)))
    payload = encode_message(4, query)
    end = len(trace)
    write = first._replace(number=end, payload=payload, msg_id=99, time_ns=first.time_ns - 2_000_000)
    answer = write._replace(
        number=end + 1,
        kind=Kind.REPLY,
        from_client=False,
        verb=Opcode.RESULT,
        payload=bytes.fromhex("00000001"),
        request=end,
        time_ns=first.time_ns - 1_000_000,
    )
    (_, after_write) = _scopes(replace(trace, messages=(write, answer, *trace.messages)))[:2]
    assert after_write.numbers == read.numbers
