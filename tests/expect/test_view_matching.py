"""Updates held against what the writes to a base row make due."""

from harness.events.contents import changes_of
from harness.events.statement_scope import StatementScopes
from harness.events.trace import Trace
from harness.expect.base_writes import base_writes_of, node_name, write_of
from harness.expect.finding import Fault
from harness.expect.placement import Placement
from harness.expect.view_change import ChangeKind
from harness.expect.view_definition import ViewDefinition, ViewKey
from harness.expect.view_matching import BaseKey, RowResult, ViewMatcher, ViewUpdate
from harness.expect.view_pairing import ViewPairing
from tests.expect.rows import BY_A, number, row
from tests.expect.view_cluster import INSERTED, LATER_US, Cluster

KEY = BaseKey((number(1),), (number(0),))


def _matcher(cluster: Cluster, trace: Trace, *, is_known: bool = True) -> ViewMatcher:
    placement = Placement(trace.topology, trace.schema)
    definition = ViewDefinition(trace.schema, cluster.base, BY_A)
    pairing = ViewPairing(trace.topology, placement, cluster.base, BY_A)
    return ViewMatcher(definition, pairing, trace.topology, is_known=is_known)


def _examine(cluster: Cluster, *, is_known: bool = True) -> RowResult:
    trace = cluster.trace()
    placement = Placement(trace.topology, trace.schema)
    writes = base_writes_of(trace, cluster.base, placement, StatementScopes(trace))
    updates = []
    for message in trace:
        write = write_of(message)
        if write is not None and write[1].table_id == BY_A.id:
            (change,) = changes_of(write[1], trace.schema).rows
            key = ViewKey(write[1].key.components, write[1].partition.rows[0].key.components)
            sides = (node_name(message, is_sender=True), node_name(message, is_sender=False))
            updates.append(ViewUpdate(message, *sides, key, change))
    return _matcher(cluster, trace, is_known=is_known).examine(KEY, writes, updates)


def test_due_update_is_matched_with_the_one_that_came() -> None:
    cluster = Cluster()
    cluster.write(INSERTED)
    sent = cluster.update("n1", "n3", "x", INSERTED)
    result = _examine(cluster)
    (due,) = result.dues
    assert (due.target, due.is_local, due.is_required) == ("n3", False, True)
    assert due.update is not None
    assert due.update.message.number == sent
    assert (result.faults, result.badness, result.assumed) == ([], (0, 0), None)


def test_nothing_is_due_where_nothing_was_written() -> None:
    cluster = Cluster()
    result = _matcher(cluster, cluster.trace()).examine(KEY, [], [])
    assert (result.dues, result.faults) == ([], [])


def test_each_fault_is_told_once() -> None:
    cases = {
        Fault.MISSING: (),
        Fault.DOUBLED: (("n1", "n3"), ("n1", "n3")),
        Fault.MISDIRECTED: (("n1", "n4"),),
    }
    for fault, sent in cases.items():
        cluster = Cluster()
        cluster.write(INSERTED)
        for sender, receiver in sent:
            cluster.update(sender, receiver, "x", INSERTED)
        assert [found.fault for found in _examine(cluster).faults] == [fault]


def test_past_is_assumed_where_an_update_tells_of_it() -> None:
    """The deletion of an old row, though nobody has seen it written."""
    cluster = Cluster(is_known=False)
    cluster.write(row(cells={"a": None}, at_us=LATER_US))
    deletion = row(at_us=LATER_US - 1, deleted=True)
    cluster.update("n1", "n3", "x", deletion)
    result = _examine(cluster, is_known=False)
    assert result.assumed is not None
    assert result.assumed.partition == (b"x",)
    (due,) = result.dues
    assert due.change.kind is ChangeKind.DELETE


def test_what_cannot_be_known_is_one_fault_for_each_write() -> None:
    cluster = Cluster(is_known=False)
    cluster.write(row(cells={"b": "2"}, at_us=LATER_US))
    result = _examine(cluster, is_known=False)
    assert [fault.fault for fault in result.faults] == [Fault.UNKNOWN]
    assert result.depends_on_past
    assert result.badness == (0, 1)
