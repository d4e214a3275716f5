"""What nodes do about roles after their start, as base/boot.pcapng of Scylla 4.2 has it."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.verb import Verb
from harness.codec.verbs.mutation import LiveCell, LiveMarker
from harness.codec.verbs.read import ReadRequest
from harness.codec.verbs.writes import MutationRequest
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.loopback_nodes import Sent
from tests.backends.simulation.whole_nodes import WholeNodes, whole_nodes

ROLES = UUID("5bc52802-de25-35ed-aeab-188eecebb090")


def reads_of(nodes: WholeNodes) -> list[Sent]:
    return [
        sent
        for node in nodes.nodes
        for sent in node.sent_of(Verb.READ_DATA)
        if sent.body.command.table_id == ROLES
    ]


def look(nodes: WholeNodes) -> None:
    """Have each node look for the role, one after the other, when all are members."""
    for node in nodes.nodes:
        nodes.call(node.node._role._look())


def test_a_role_is_made_once_and_every_node_looks_for_it(tmp_path: Path) -> None:
    with whole_nodes(3, tmp_path, default_role_delay_ms=10**9) as nodes:
        look(nodes)
        rows = [
            nodes.run("SELECT role, can_login, is_superuser, member_of FROM system_auth.roles", at=at)
            for at in range(3)
        ]
        assert rows == [[("cassandra", True, True, None)]] * 3
        assert "made the role cassandra" in nodes[0].log.getvalue()
        assert "made" not in nodes[1].log.getvalue() + nodes[2].log.getvalue()
        of_the_key = [sent for sent in reads_of(nodes) if sent.body.partitions.singular]
        # What has gone by since it began is subtracted.
        assert any(3_540_000 < sent.timeout_ms <= 3_600_000 for sent in of_the_key)


def test_a_node_that_serves_clients_looks_after_a_while(tmp_path: Path) -> None:
    with whole_nodes(1, tmp_path, default_role_delay_ms=20) as nodes:
        nodes.until(lambda: "made the role cassandra" in nodes[0].log.getvalue())
        assert nodes.run("SELECT role FROM system_auth.roles") == [("cassandra",)]


def form_of_read(body: ReadRequest) -> tuple[object, ...]:
    """What of a scan does not depend on the ring."""
    command = body.command
    return (
        body.digest_algorithm,
        command.partition_slice.options,
        command.partition_slice.regular_columns,
        command.query_id,
        command.is_first_page,
        command.partition_limit == command.row_limit_low,
    )


@pytest.mark.reference
def test_scans_and_the_role_have_the_form_of_captured_ones(tmp_path: Path, reference: Path) -> None:
    scans = set()
    written = []
    for message in trace_of(reference / "scylla-4.2/base/boot.pcapng").rpc:
        match message.body:
            case ReadRequest(command=command) if command.table_id == ROLES:
                scans.add(form_of_read(message.body))
            case MutationRequest(mutation=mutation) if mutation.table_id == ROLES:
                written.append(mutation)
    ((captured),) = written
    with whole_nodes(2, tmp_path, default_role_delay_ms=10**9) as nodes:
        look(nodes)
        asked = [sent for sent in reads_of(nodes) if not sent.body.partitions.singular]
        assert {form_of_read(sent.body) for sent in asked} == scans
        assert {sent.tenant for sent in asked} == {Tenant.SYSTEM}
        assert max(sent.timeout_ms for sent in asked) <= 5000
        (row,) = captured.partition.rows
        assert isinstance(row.marker, LiveMarker)
        cells = {column.id: column.cell for column in row.cells.columns}
        assert {number: cell.value for number, cell in cells.items() if isinstance(cell, LiveCell)} == {
            0: b"\x01",
            1: b"\x01",
        }
        stored = next(
            node.context.storage.partition(ROLES, captured.key.components)
            for node in nodes.nodes
            if node.context.storage.partition(ROLES, captured.key.components) is not None
        )
        assert stored is not None
        ((_, own),) = stored.rows.items()
        assert sorted(own.cells) == ["can_login", "is_superuser"]
