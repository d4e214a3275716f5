"""A change of the schema reaches all nodes before the client hears: told to each one, or as an entry of group 0's log."""

import pytest

from harness import Cluster, Session, Wire
from harness.expect import (
    DEFINITIONS_UPDATE,
    RAFT_ADD_ENTRY,
    RAFT_APPEND_ENTRIES,
    RAFT_APPEND_ENTRIES_REPLY,
    RAFT_EXECUTE_READ_BARRIER_ON_LEADER,
    Capture,
    any_order,
    each,
    exactly,
    in_background,
    in_order,
    never,
    one_way,
    query,
    quorum,
    reply,
    request,
    result,
)

CREATE = "CREATE TABLE demo2.map (id int PRIMARY KEY, country text, capital text)"
ALTER = "ALTER TABLE demo2.users ADD nick text"
RAFT = ("5.4", "6.2", "2025.1", "2026.3")
ENTRY, COMMITTED = Capture("entry"), Capture("committed")


@pytest.mark.cluster(
    capture="schema", nodes=3, lines=("4.2",), because="later lines change the schema through Raft"
)
def test_node_that_changes_the_schema_tells_every_other(
    cluster: Cluster, session: Session, wire: Wire
) -> None:
    """One DEFINITIONS_UPDATE for each other node, unacknowledged, before the client's answer.

    Source: service/migration_manager.cc, announce, branch 4.2.
    """
    with cluster.given("the keyspace"):
        cluster.keyspace("demo2", replication_factor=2)
    with wire.statement() as create:
        session.execute(CREATE)
    coordinator, *others = cluster.nodes
    create.expect(
        in_order(
            query("CREATE TABLE"), each(others, one_way(DEFINITIONS_UPDATE, sender=coordinator)), result()
        ),
        exactly(2, one_way(DEFINITIONS_UPDATE)),
        never(one_way(RAFT_APPEND_ENTRIES)),
    )


@pytest.mark.cluster(capture="schema", nodes=3, lines=RAFT, because="4.2 announces without Raft")
def test_leader_has_a_majority_append_the_change(cluster: Cluster, session: Session, wire: Wire) -> None:
    """The leader sends the entry to both followers; one of them has to have it before the client hears.

    Source: raft/fsm.cc; service/raft/raft_group0_client.cc; docs/dev/raft-in-scylla.md.
    """
    with cluster.given("the keyspace"):
        cluster.keyspace("demo2", replication_factor=2)
    with wire.statement() as create:
        session.execute(CREATE)
    leader, *others = cluster.nodes
    append = one_way(
        RAFT_APPEND_ENTRIES, sender=leader, append__entries__index=ENTRY, append__leader_commit=COMMITTED
    )
    appended = one_way(
        RAFT_APPEND_ENTRIES_REPLY,
        receiver=leader,
        reply__result__last_new_index=ENTRY,
        reply__commit_index=COMMITTED,
    )
    create.expect(
        any_order(
            in_order(
                query("CREATE TABLE"),
                quorum(1, append, appended, of=others, rest_in_background=True),
                result(),
            ),
            in_background(each(others, exactly(1, appended))),
        ),
        each(others, exactly(1, one_way(RAFT_APPEND_ENTRIES, append__entries__index=ENTRY))),
        never(one_way(DEFINITIONS_UPDATE)),
    )


@pytest.mark.cluster(capture="schema", nodes=3, lines=RAFT, because="4.2 announces without Raft")
def test_follower_asks_the_leader_to_add_the_change(cluster: Cluster, wire: Wire) -> None:
    """A read barrier first, so that the follower knows the last schema; then the leader adds the entry, and tells all.

    Source: service/raft/raft_group0_client.cc; raft/server.cc, add_entry and read_barrier.
    """
    with cluster.given("the table"):
        cluster.keyspace("demo2", replication_factor=2)
    leader, follower, other = cluster.nodes
    with wire.statement() as alter:
        cluster.session(follower).execute(ALTER)
    append = one_way(RAFT_APPEND_ENTRIES, sender=leader, append__entries__index=ENTRY)
    alter.expect(
        in_order(
            query("ALTER TABLE"),
            request(RAFT_EXECUTE_READ_BARRIER_ON_LEADER, sender=follower, receiver=leader),
            reply(),
            request(RAFT_ADD_ENTRY, sender=follower, receiver=leader),
            reply(),
            each((follower, other), append),
            result(),
        ),
        exactly(1, request(RAFT_EXECUTE_READ_BARRIER_ON_LEADER)),
        exactly(1, request(RAFT_ADD_ENTRY)),
        each((follower, other), exactly(1, append)),
    )
