"""Every statement of long sessions with real nodes, asked of simulated ones in the same order, on the same ring."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cassandra.cluster import Session
from cassandra.query import SimpleStatement

from harness.backends.contract import Needs
from harness.clusters import start_simulated
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Query
from harness.dissect.reading import read_trace
from harness.events.message import Message
from harness.golden.comparison import Comparison, compare_flows
from harness.golden.flows import StatementFlow, statement_flows
from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces
from tests.conformance.listed_differences import is_of_pruning
from tests.conformance.simulated_runs import OLD

pytestmark = pytest.mark.namespaces
SESSIONS = {"base/whole_base": 3, "views/whole_views": 5}
"""With the number of nodes."""
_STATEMENTS_MIN = 50
_RACE = "IF country='X'"
_TRACES = "FROM system_traces."


@pytest.fixture(scope="module", params=SESSIONS)
def comparison(
    request: pytest.FixtureRequest, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Comparison:
    """The session with real nodes against the same with simulated ones."""
    skip_without_dumpcap()
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))
    trace = read_trace(reference / OLD / f"{request.param}.pcapng")
    asked = [
        (each, query)
        for each in statement_flows(trace)
        if (query := query_of(trace.messages[each.statement.request])) is not None and is_calm(each)
    ]
    real = trace.topology.nodes
    running = start_simulated(Needs(nodes=SESSIONS[request.param]), [node.tokens for node in real])
    try:
        nodes = running.opened.cluster.nodes
        addresses = [node.address for node in real]
        sessions = dict(zip(addresses, [running.opened.cluster.session(node) for node in nodes], strict=True))
        before = ""
        for each, query in asked:
            # Then, a quarter of a second lay between them: what the one before left to be done was done.
            if not do_not_meet(before, query.query):
                running.recorder.settle()
            before = query.query
            is_traced = each.statement.tracing_id is not None
            ask(sessions[each.statement.coordinator_address], query, is_traced=is_traced)
        simulated = running.recorder.trace()
    finally:
        running.opened.close()
    return compare_flows([each for each, _ in asked], statement_flows(simulated))


def query_of(message: Message) -> Query | None:
    """What was asked, if it was asked in one message and without values."""
    content = message.body.content if isinstance(message.body, CqlMessage) else None
    if not isinstance(content, Query) or content.parameters.values or content.parameters.paging_state:
        return None
    return content


def is_calm(each: StatementFlow) -> bool:
    """Whether a statement succeeds, does not race, and does not ask for the trace of another."""
    text = each.statement.text
    return each.statement.error is None and _RACE not in text and _TRACES not in text


def do_not_meet(before: str, text: str) -> bool:
    """Whether a statement does not care if what an earlier one left to be done is done: both insert rows, or read."""
    kinds = {each.split(maxsplit=1)[0] if each else "" for each in (before, text)}
    return " IF " not in before + text and kinds in ({"INSERT"}, {"SELECT"})


def ask(session: Session, query: Query, *, is_traced: bool) -> None:
    parameters = query.parameters
    statement = SimpleStatement(
        query.query,
        consistency_level=parameters.consistency,
        serial_consistency_level=parameters.serial_consistency,
        fetch_size=parameters.page_size_rows,
    )
    for _ in session.execute(statement, trace=is_traced):
        pass


def differing(comparison: Comparison) -> Iterator[str]:
    for each in comparison.statements:
        for difference in each.differences:
            if is_of_pruning(difference):
                continue
            yield f"{each.first.flow.text[:80]}: {difference}"


def test_many_statements_are_compared(comparison: Comparison) -> None:
    assert len(comparison.statements) > _STATEMENTS_MIN


def test_coordinators_have_the_same_part(comparison: Comparison) -> None:
    other = [
        each.first.flow.text
        for each in comparison.statements
        if each.first.flow.coordinator_has_part != each.second.flow.coordinator_has_part
    ]
    assert other == []


def test_every_statement_has_its_counterpart(comparison: Comparison) -> None:
    assert [each.flow.text for each in comparison.only_first] == []


def test_every_statement_goes_as_on_real_nodes(comparison: Comparison) -> None:
    assert list(differing(comparison)) == []
