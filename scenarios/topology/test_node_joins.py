"""A node joins: it learns the schema, gets the data of its ranges, and becomes a member."""

import pytest

from harness import Cluster, Session, Wire, cql
from harness.expect import (
    GOSSIP_ECHO,
    GOSSIP_GET_ENDPOINT_STATES,
    GROUP0_PEER_EXCHANGE,
    JOIN_NODE_QUERY,
    JOIN_NODE_REQUEST,
    JOIN_NODE_RESPONSE,
    MIGRATION_REQUEST,
    PREPARE_DONE_MESSAGE,
    PREPARE_MESSAGE,
    RAFT_MODIFY_CONFIG,
    RAFT_PULL_SNAPSHOT,
    RAFT_SEND_SNAPSHOT,
    REPAIR_ROW_LEVEL_START,
    REPAIR_ROW_LEVEL_STOP,
    STREAM_MUTATION_DONE,
    STREAM_MUTATION_FRAGMENTS,
    Capture,
    before,
    each,
    exactly,
    exchange,
    in_order,
    never,
    reply,
    request,
    stream_data,
)

MAP = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
ROWS = [f"INSERT INTO demo2.map (id, country, capital) VALUES ({n}, 'Germany', 'Berlin');" for n in range(50)]  # noqa: S608  (constants)
FILL = f"BEGIN UNLOGGED BATCH {' '.join(ROWS)} APPLY BATCH"
PLAN, SOURCE = Capture("plan"), Capture("source")
RAFT = ("2025.1", "2026.3")
ONCE = (
    JOIN_NODE_QUERY,
    GOSSIP_GET_ENDPOINT_STATES,
    JOIN_NODE_REQUEST,
    JOIN_NODE_RESPONSE,
    RAFT_SEND_SNAPSHOT,
    MIGRATION_REQUEST,
    RAFT_MODIFY_CONFIG,
)
"""What a node's joining takes once."""


@pytest.mark.cluster(
    capture="add_node", nodes=3, lines=("4.2",), because="later lines join through Raft, and repair instead"
)
def test_joining_node_streams_its_ranges_plan_by_plan(cluster: Cluster, session: Session, wire: Wire) -> None:
    """The schema is pulled from every node; then plans: prepared, confirmed, and done table by table.

    Source: service/storage_service.cc, bootstrap; streaming/stream_session.cc, branch 4.2.
    """
    with cluster.given("a table with rows"):
        cluster.table(MAP, replication_factor=2)
        session.execute(cql(FILL, "ALL"))
    with wire.recording() as joining:
        newcomer = cluster.add_node()
    members = [node for node in cluster.nodes if node.name != newcomer.name]
    prepare = request(PREPARE_MESSAGE, sender=newcomer, receiver=SOURCE, plan_id=PLAN)
    confirm = request(PREPARE_DONE_MESSAGE, sender=newcomer, receiver=SOURCE, plan_id=PLAN)
    fragments = request(STREAM_MUTATION_FRAGMENTS, sender=SOURCE, receiver=newcomer, plan_id=PLAN)
    done = request(STREAM_MUTATION_DONE, sender=SOURCE, receiver=newcomer, plan_id=PLAN)
    plans = joining.count(request(PREPARE_MESSAGE))
    joining.expect(
        each(members, request(MIGRATION_REQUEST, sender=newcomer), reply()),
        each(members, request(GOSSIP_ECHO, sender=newcomer), reply()),
        before(prepare, confirm),
        before(confirm, fragments),
        before(confirm, done),
        exactly(plans, request(PREPARE_DONE_MESSAGE)),
        *(
            exactly(
                joining.count(request(STREAM_MUTATION_FRAGMENTS, sender=member)),
                stream_data(STREAM_MUTATION_FRAGMENTS, sender=newcomer, receiver=member),
            )
            for member in members
        ),
        exactly(6, request(GOSSIP_ECHO)),
    )


@pytest.mark.cluster(capture="add_node", nodes=3, lines=RAFT, because="4.2 joins by gossip and streams")
def test_joining_node_is_let_in_through_group_0(cluster: Cluster, wire: Wire) -> None:
    """It asks, is answered, catches up from the leader's snapshot, repairs its ranges, and asks for a vote.

    Source: service/raft/group0_handshaker; service/topology_coordinator.cc; docs/dev/topology-over-raft.md.
    """
    leader = cluster.nodes[0]
    with wire.recording() as joining:
        newcomer = cluster.add_node()
    ask, answer = request(JOIN_NODE_REQUEST, sender=newcomer), request(JOIN_NODE_RESPONSE, receiver=newcomer)
    joining.expect(
        in_order(
            request(JOIN_NODE_QUERY, sender=newcomer, receiver=leader),
            reply(),
            request(GOSSIP_GET_ENDPOINT_STATES, sender=newcomer, receiver=leader),
            reply(),
            ask,
            reply(),
            request(JOIN_NODE_RESPONSE, sender=leader, receiver=newcomer),
            request(RAFT_SEND_SNAPSHOT, sender=leader, receiver=newcomer),
            request(MIGRATION_REQUEST, sender=newcomer, receiver=leader),
            reply(MIGRATION_REQUEST),
            exactly(2, exchange(request(RAFT_PULL_SNAPSHOT, sender=newcomer, receiver=leader), reply())),
            reply(RAFT_SEND_SNAPSHOT, sender=newcomer),
            reply(JOIN_NODE_RESPONSE, sender=newcomer),
            request(RAFT_MODIFY_CONFIG, sender=newcomer, receiver=leader),
            reply(),
        ),
        *[exactly(1, request(verb)) for verb in ONCE],
        exactly(2, request(RAFT_PULL_SNAPSHOT)),
        exactly(2, request(GROUP0_PEER_EXCHANGE, sender=newcomer)),
        before(answer, request(REPAIR_ROW_LEVEL_START, sender=newcomer)),
        exactly(
            joining.count(request(REPAIR_ROW_LEVEL_START)), request(REPAIR_ROW_LEVEL_STOP, sender=newcomer)
        ),
        never(request(PREPARE_MESSAGE)),
    )
