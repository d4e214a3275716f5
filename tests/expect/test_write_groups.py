"""One write with all that belongs to it."""

from pathlib import Path

import pytest

from harness.events.statement_scope import StatementScopes
from harness.expect.write_groups import WriteGroup, write_groups_of
from tests.expect.captured import captured


def _groups(reference: Path, name: str) -> list[WriteGroup]:
    trace = captured(reference, name)
    groups = write_groups_of(trace, StatementScopes(trace))
    return [
        group for group in groups if group.table is not None and not group.table.keyspace.startswith("system")
    ]


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_write_to_two_datacenters_is_one_write(reference: Path, line: str) -> None:
    """Its forwarder is named by address in 4.2, by host id in 2025.1."""
    first = _groups(reference, f"scylla-{line}/multidc/multi_dc")[0]
    assert (first.verb, first.coordinator, len(first.direct), len(first.sent_on)) == ("MUTATION", "n1", 2, 1)
    forwarders = [delivery for delivery in first.direct if delivery.forward]
    assert [len(delivery.forward) for delivery in forwarders] == [1]
    (on,) = first.sent_on
    assert (on.sender, (on.receiver,)) == (forwarders[0].receiver, forwarders[0].forward)
    assert sorted(first.acknowledged_by(None)) == ["n2", "n3", "n4"]
    assert first.acknowledged_by(first.first.number) == ()
    assert all(delivery.done is not None and delivery.failed is None for delivery in first.deliveries)
    assert not first.mutations_differ
    assert first.statement is not None
    assert first.timestamps == {first.statement.parts[0].write_timestamp_us}


def test_replica_that_fails_says_so(reference: Path) -> None:
    groups = _groups(reference, "scylla-4.2/errors/mutation_failed")
    failed = [delivery for group in groups for delivery in group.deliveries if delivery.failed is not None]
    assert failed
    assert all(delivery.done is None for delivery in failed)


def test_repair_sends_each_replica_what_it_lacks(reference: Path) -> None:
    groups = _groups(reference, "scylla-4.2/faults/digest_mismatch")
    assert groups
    assert all(group.statement is not None and not group.statement.is_change for group in groups)
