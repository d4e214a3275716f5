"""Scans of the ring, cut and put together as in captures of real clusters."""

from collections.abc import Mapping
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from harness.backends.simulation.cql.paging_state import paging_state_of
from harness.backends.simulation.cql.read_plan import ReadPlan
from harness.backends.simulation.members import Members
from harness.backends.simulation.reads.replica_choice import ReplicaChooser
from harness.backends.simulation.reads.ring_scan import RingScan, ScanPart
from harness.backends.simulation.ring_ranges import WHOLE_RING, token_interval
from harness.codec.cql.results import Rows
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange, TokenRange
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.wire import encode_struct
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, SIMPLE_STRATEGY, Replication
from harness.topology import Node, Topology
from tests.backends.simulation.captured import catalog_of, trace_of
from tests.backends.simulation.captured_statements import CapturedStatement, statements_of
from tests.backends.simulation.cql.node import LocalNode

_ONE, _QUORUM = ConsistencyLevel.ONE, ConsistencyLevel.QUORUM
_THREE = Replication(strategy=SIMPLE_STRATEGY, factor=3)


class _Preferred:
    """Those of the page before."""

    def __init__(self, known: Mapping[TokenRange, tuple[UUID, ...]]) -> None:
        self._known = known

    def __call__(self, part: TokenRange) -> tuple[UUID, ...]:
        return self._known.get(part, ())


def _node(name: str, *tokens: int, datacenter: str = "dc1") -> Node:
    return Node(name=name, address=name, datacenter=datacenter, rack="r", tokens=tokens)


def _members(own: Node, *others: Node) -> Members:
    members = Members(own, Random(1))
    for node in (own, *others):
        members.join(node)
        if node is not own:
            members.mark_up(node)
    return members


def _scan(
    members: Members, replication: Replication, level: ConsistencyLevel, *ranges: PartitionRange
) -> RingScan:
    tokens = [token for token, _ in members.topology.ring]
    return RingScan(
        tokens, ranges or (WHOLE_RING,), ReplicaChooser(members, replication, level), lambda _: ()
    )


def _all(scan: RingScan) -> list[list[ScanPart]]:
    rounds = []
    while not scan.is_done:
        rounds.append(scan.next_round())
    return rounds


def test_rounds_take_twice_as_many_ranges_of_the_ring_each_time() -> None:
    members = _members(_node("n1", 0, 30, 60), _node("n2", 10, 40, 70), _node("n3", 20, 50, 80))
    rounds = _all(_scan(members, _THREE, _QUORUM))
    assert [sum(len(part.vnodes) for part in parts) for parts in rounds] == [1, 2, 4, 3]
    assert [[part.partitions for part in parts] for parts in rounds] == [
        [token_interval(None, 0)],
        [token_interval(0, 20)],
        [token_interval(20, 60)],
        [token_interval(60, None)],
    ]


def test_ranges_are_not_put_together_where_too_few_nodes_have_both() -> None:
    one = Replication(strategy=SIMPLE_STRATEGY, factor=1)
    members = _members(_node("n1", 0, 30), _node("n2", 10, 20))
    rounds = _all(_scan(members, one, _ONE))
    assert [[(part.partitions, part.choice.targets[0].name) for part in parts] for parts in rounds] == [
        [(token_interval(None, 0), "n1")],
        [(token_interval(0, 20), "n2")],
        [(token_interval(20, None), "n1")],
    ]


def test_ranges_are_not_put_together_if_that_takes_a_read_to_another_datacenter() -> None:
    each = Replication(strategy=NETWORK_TOPOLOGY_STRATEGY, factors=(("dc1", 1), ("dc2", 1)))
    members = _members(_node("n1", 0), _node("n2", 10), _node("n3", 20, datacenter="dc2"))
    parts = [part for parts in _all(_scan(members, each, _ONE)) for part in parts]
    assert [[node.name for node in part.choice.targets] for part in parts] == [
        ["n1"],
        ["n2"],
        ["n1"],
        ["n1"],
    ]


def test_a_range_that_begins_and_ends_on_tokens_of_nodes_is_not_cut_there() -> None:
    members = _members(_node("n1", 0), _node("n2", 10), _node("n3", 20))
    rounds = _all(_scan(members, _THREE, _QUORUM, token_interval(0, 20)))
    assert [part.partitions for parts in rounds for part in parts] == [
        token_interval(0, 10),
        token_interval(10, 20),
    ]


def test_what_each_node_has_for_itself_is_not_cut() -> None:
    members = _members(_node("n1", 0), _node("n2", 10))
    scan = RingScan((), (WHOLE_RING,), ReplicaChooser(members, _THREE, _ONE), lambda _: ())
    assert [part.partitions for parts in _all(scan) for part in parts] == [WHOLE_RING]


@pytest.mark.reference
@pytest.mark.parametrize(("name", "scans_count"), [("base/range_scan", 6), ("faults/digest_mismatch", 1)])
def test_scans_ask_for_the_ranges_of_a_real_cluster(reference: Path, name: str, scans_count: int) -> None:
    """Each part that a coordinator asked others for, in order: as many as its limit needed."""
    path = reference / f"scylla-4.2/{name}.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    node = LocalNode(catalog, keyspace=None)
    compared = 0
    for statement in statements_of(path):
        planned = node.plan(
            statement.query.query,
            page_rows=statement.page_rows,
            paging_state=statement.query.parameters.paging_state,
        )
        asked = _scanned(statement)
        if not isinstance(planned, ReadPlan) or not asked:
            continue
        (read,) = next(planned.run(node.moment))
        keyspace = catalog.keyspace(read.layout.table.keyspace)
        assert keyspace is not None
        chooser = ReplicaChooser(
            _all_alive(trace.topology, statement.message.receiver.address),
            keyspace.replication,
            ConsistencyLevel(statement.query.parameters.consistency),
        )
        preferred = _Preferred(dict(read.last_replicas))
        tokens = [token for token, _ in trace.topology.ring]
        scan = RingScan(tokens, read.ranges, chooser, preferred)
        parts = [encode_struct(part.partitions) for parts in _all(scan) for part in parts]
        assert parts[: len(asked)] == asked, statement.query.query
        compared += 1
    assert compared == scans_count


def _scanned(statement: CapturedStatement) -> list[bytes]:
    """The ranges that the coordinator asked for, in order."""
    ranges = {
        encode_struct(message.body.partitions): None
        for message in statement.then
        if isinstance(message.body, ReadRequest)
        and not message.body.partitions.singular
        and message.sender.address == statement.message.receiver.address
    }
    return list(ranges)


def _all_alive(topology: Topology, own: str) -> Members:
    coordinator = topology.node_at(own)
    assert coordinator is not None
    return _members(coordinator, *(node for node in topology.nodes if node is not coordinator))


@pytest.mark.reference
def test_paging_states_of_a_real_cluster_name_the_nodes_of_the_last_round(reference: Path) -> None:
    """Which is why the coordinator gives no others."""
    path = reference / "scylla-4.2/base/range_scan.pcapng"
    trace, catalog = trace_of(path), catalog_of(path)
    node = LocalNode(catalog, keyspace=None)
    compared = 0
    for statement in statements_of(path):
        if not isinstance(statement.reply, Rows) or statement.reply.metadata.paging_state is None:
            continue
        state = paging_state_of(statement.reply.metadata.paging_state)
        planned = node.plan(
            statement.query.query,
            page_rows=statement.page_rows,
            paging_state=statement.query.parameters.paging_state,
        )
        assert isinstance(planned, ReadPlan)
        (read,) = next(planned.run(node.moment))
        level = ConsistencyLevel(statement.query.parameters.consistency)
        members = _all_alive(trace.topology, statement.message.receiver.address)
        rounds = _all(_scan(members, _THREE, level, *read.ranges))
        told = {vnode for vnode, _ in state.last_replicas}
        assert told in [{vnode for part in parts for vnode in part.vnodes} for parts in rounds]
        compared += 1
    assert compared == 5
