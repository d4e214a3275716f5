"""What nodes write of a request that is traced, as base/tracing.pcapng of Scylla 4.2 has it."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from cassandra import ConsistencyLevel
from cassandra.metadata import Murmur3Token
from cassandra.query import SimpleStatement

from harness.backends.simulation.messaging.verb import Verb
from harness.codec.verbs.common import TraceInfo
from harness.waiting import wait_until
from tests.backends.simulation.loopback_nodes import Sent
from tests.backends.simulation.whole_nodes import WholeNodes, whole_nodes

EVENTS = UUID("8826e8e9-e16a-3728-8753-3bc1fc713c25")
SESSIONS = UUID("c5e99f16-8677-3914-b17e-960613512345")
BY_TIME = UUID("0ebf001c-c1d1-3693-9a63-c3d96ac53318")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeNodes]:
    with whole_nodes(3, tmp_path_factory.mktemp("nodes")) as running:
        running.run(
            "CREATE KEYSPACE demo3 WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
        )
        running.run("CREATE TABLE demo3.map (id int PRIMARY KEY, capital text, country text)")
        yield running


def traced(nodes: WholeNodes, text: str) -> dict[str, list[str]]:
    """Have the first node run a statement at QUORUM; what each node notes, n1 standing for its address."""
    for node in nodes.nodes:
        node.sent.clear()
    statement = SimpleStatement(text, consistency_level=ConsistencyLevel.QUORUM)
    trace_id = nodes.session().execute(statement, trace=True).get_query_trace().trace_id
    asked = {one.receiver for one in nodes[0].sent if is_traced(one)}
    nodes.until(lambda: all(told(node.sent) for node in nodes.nodes[1:] if node.address in asked))
    return events_of(nodes, trace_id)


def events_of(nodes: WholeNodes, trace_id: UUID) -> dict[str, list[str]]:
    names = {node.address: f"n{index + 1}" for index, node in enumerate(nodes.nodes)}
    noted: dict[str, list[str]] = {}
    for source, activity in nodes.run(
        f"SELECT source, activity FROM system_traces.events WHERE session_id = {trace_id}"
    ):
        for address, name in names.items():
            activity = activity.replace(f"/{address}", name)
        noted.setdefault(names[source], []).append(activity.split(" {")[0])
    return noted


def is_traced(sent: Sent) -> bool:
    """Whether a message asks its receiver to tell its part."""
    body = sent.body.command if sent.verb in {Verb.READ_DATA, Verb.READ_DIGEST} else sent.body
    return isinstance(getattr(body, "trace", None), TraceInfo)


def told(sent: list[Sent]) -> list[Sent]:
    """The writes of events among what a node has sent."""
    return [one for one in sent if one.verb is Verb.MUTATION and one.body.mutation.table_id == EVENTS]


def test_each_replica_of_a_write_tells_its_part(nodes: WholeNodes) -> None:
    noted = traced(nodes, "INSERT INTO demo3.map (id, country) VALUES (17, 'Germany')")
    own = [
        activity
        for activity in noted["n1"]
        if not activity.startswith(("Sending a mutation", "Executing", "Got a", "Delay"))
    ]
    assert own == [
        "Parsing a statement",
        "Processing a statement",
        "Creating write handler for token: 5467144456125416399 natural:",
        "Creating write handler with live:",
        "Mutation successfully completed",
        "Done processing - preparing a result",
    ]
    assert {"Sending a mutation to n2", "Sending a mutation to n3", "Executing a mutation locally"} < {
        *noted["n1"]
    }
    assert "Got a response from n1" in noted["n1"]
    assert "Delay decision due to throttling: do not delay, resuming now" in noted["n1"]
    assert noted["n2"] == [
        "Message received from n1",
        "Sending mutation_done to n1",
        "Mutation handling is done",
    ]
    for node in nodes.nodes:
        assert {(one.timeout_ms, one.body.trace) for one in told(node.sent)} == {(5000, None)}


def test_each_replica_of_a_read_tells_its_part(nodes: WholeNodes) -> None:
    noted = traced(nodes, "SELECT * FROM demo3.map WHERE id = 17")
    (replica,) = noted.keys() - {"n1"}
    assert noted["n1"][:3] == [
        "Parsing a statement",
        "Processing a statement",
        "Creating read executor for token 5467144456125416399 with all:",
    ]
    assert sorted(noted["n1"][3:8]) == [
        "Querying is done",
        "Start querying the token range that starts with 5467144456125416399",
        "read_data: querying locally",
        f"read_digest: got response from {replica}",
        f"read_digest: sending a message to {replica}",
    ]
    assert noted[replica] == [
        "read_digest: message received from n1",
        "Start querying the token range that starts with 5467144456125416399",
        "Querying is done",
        "read_digest handling is done, sending a response to n1",
    ]


def test_the_coordinator_writes_events_then_the_session_then_its_place_in_time(nodes: WholeNodes) -> None:
    traced(nodes, "SELECT * FROM demo3.map WHERE id = 17")
    nodes.until(lambda: any(table_of(one) == BY_TIME for one in nodes[0].sent))
    tables = [table_of(one) for one in nodes[0].sent if table_of(one) is not None]
    assert [table for index, table in enumerate(tables) if table not in tables[:index]] == [
        EVENTS,
        SESSIONS,
        BY_TIME,
    ]


def table_of(sent: Sent) -> UUID | None:
    return sent.body.mutation.table_id if sent.verb is Verb.MUTATION else None


def test_a_replica_names_the_span_that_asked_it(nodes: WholeNodes) -> None:
    traced(nodes, "INSERT INTO demo3.map (id, country) VALUES (17, 'Germany')")
    (asked,) = {one.body.trace.parent.value for one in nodes[0].sent_of(Verb.MUTATION) if is_traced(one)}
    rows = nodes.run("SELECT source, scylla_parent_id, scylla_span_id, session_id FROM system_traces.events")
    (session_id,) = {session for _, _, span, session in rows if span == asked}
    of_session = {(source, parent, span) for source, parent, span, session in rows if session == session_id}
    parents = {source: parent for source, parent, _ in of_session}
    assert parents == {nodes[0].address: 0, nodes[1].address: asked, nodes[2].address: asked}
    assert len({span for _, _, span in of_session}) == 3


def test_each_participant_of_a_transaction_tells_its_part(nodes: WholeNodes) -> None:
    """Texts as service/storage_proxy.cc and service/paxos/paxos_state.cc of Scylla 4.2.4 have them."""
    statement = SimpleStatement(
        "INSERT INTO demo3.map (id, country) VALUES (18, 'France') IF NOT EXISTS",
        consistency_level=ConsistencyLevel.QUORUM,
    )
    trace_id = nodes.session().execute(statement, trace=True).get_query_trace().trace_id
    # Each message is a part of its own, and each part is written when it ends.
    wait_until(lambda: len(events_of(nodes, trace_id).get("n2", ())) >= len(REPLICA), timeout_s=20)
    noted = without_ballots(events_of(nodes, trace_id))
    assert [
        activity for activity in noted["n1"] if activity.startswith(("CAS", "learn_d", "Prep", "Using"))
    ] == [
        "Preparing BALLOT",
        "Using prefetched values for CAS precondition",
        "CAS precondition is met; proposing client-requested updates for BALLOT",
        "learn_decision: committing proposal(BALLOT) with cl=QUORUM",
        "CAS successful",
    ]
    assert {
        "prepare_ballot: prepare BALLOT locally",
        f"prepare_ballot: sending prepare BALLOT to {nodes[1].address}",
        "Promising ballot BALLOT",
        "prepare_ballot: got a response prepare_promise(empty, empty) from n1",
        "prepare_ballot: got enough replies to proceed",
        "accept_proposal: accept proposal(BALLOT) locally",
        f"accept_proposal: send accept proposal(BALLOT) to {nodes[2].address}",
        "Accepting proposal proposal(BALLOT)",
        'accept_proposal: got "accepted" from n1',
        "accept_proposal: got enough accepts to proceed",
        "Executing a learn locally",
        "Sending a learn to n2",
        "Committing decision proposal(BALLOT)",
        "prune: prune BALLOT locally",
        f"prune: send prune of BALLOT to {nodes[1].address}",
        "Delete paxos state for ballot BALLOT",
    } <= set(noted["n1"])
    assert sorted(noted["n2"]) == sorted(REPLICA)
    # Parts may go on at the same time: a coordinator that enough others have answered waits for none.
    for part in (REPLICA[:5], REPLICA[5:8], REPLICA[8:12], REPLICA[12:]):
        assert [activity for activity in noted["n2"] if activity in part] == part


REPLICA = [
    "paxos_prepare: message received from n1 ballot BALLOT",
    "Promising ballot BALLOT",
    f"Start querying the token range that starts with {Murmur3Token.hash_fn(bytes((0, 0, 0, 18)))}",
    "Querying is done",
    "paxos_prepare: handling is done, sending a response to n1",
    "paxos_accept: message received from n1 ballot proposal(BALLOT)",
    "Accepting proposal proposal(BALLOT)",
    "paxos_accept: handling is done, sending a response to n1",
    "Message received from n1",
    "Committing decision proposal(BALLOT)",
    "Sending mutation_done to n1",
    "Mutation handling is done",
    "paxos_prune: message received from n1 ballot BALLOT",
    "Delete paxos state for ballot BALLOT",
    "paxos_prune: handling is done, sending a response to n1",
]
"""Of each round one line in service/storage_proxy.cc when it comes and when it is done, and those of
service/paxos/paxos_state.cc between them."""


def without_ballots(noted: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same, with one word for every ballot."""
    return {
        name: [re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "BALLOT", activity) for activity in told]
        for name, told in noted.items()
    }
