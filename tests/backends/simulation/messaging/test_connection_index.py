from pathlib import Path

import pytest

from harness.backends.simulation.messaging.connection_index import (
    Tenant,
    connection_index,
    cookie_of,
    tenant_of,
)
from harness.backends.simulation.messaging.verb import Verb
from harness.codec.verbs.line import Line
from harness.codec.verbs.table import TABLE
from harness.dissect.reading import read_trace
from harness.events.message import Connection, Kind, Protocol


@pytest.mark.parametrize(
    ("verb", "tenant", "index"),
    [
        (Verb.GOSSIP_DIGEST_SYN, Tenant.SYSTEM, 0),
        (Verb.GOSSIP_DIGEST_ACK, Tenant.SYSTEM, 4),
        (Verb.GOSSIP_DIGEST_ACK2, Tenant.SYSTEM, 0),
        (Verb.GET_SCHEMA_VERSION, Tenant.USER, 0),
        (Verb.HINT_MUTATION, Tenant.USER, 1),
        (Verb.REPAIR_ROW_LEVEL_START, Tenant.USER, 1),
        (Verb.MUTATION, Tenant.USER, 2),
        (Verb.MUTATION_DONE, Tenant.USER, 3),
        (Verb.MIGRATION_REQUEST, Tenant.SYSTEM, 4),
        (Verb.MUTATION_FAILED, Tenant.SYSTEM, 5),
    ],
)
def test_verbs_travel_where_the_protocol_says(verb: Verb, tenant: Tenant, index: int) -> None:
    assert connection_index(verb, tenant) == index


def test_only_the_connections_of_the_system_tenant_say_whose_they_are() -> None:
    assert [cookie_of(index) for index in range(6)] == [
        *[None] * 4,
        "statement:$system",
        "statement-ack:$system",
    ]
    assert tenant_of("statement-ack:$system") is Tenant.SYSTEM
    assert tenant_of(None) is Tenant.USER


def test_verbs_are_called_as_in_the_table_of_all_verbs() -> None:
    assert {verb: TABLE.name(verb, Line.V4_2) for verb in Verb} == {verb: verb.name for verb in Verb}


@pytest.mark.reference
def test_requests_of_real_nodes_share_a_connection_just_where_ours_do(reference: Path) -> None:
    trace = read_trace(reference / "scylla-4.2" / "base" / "whole_base.pcapng")
    indexes: dict[Connection, set[int]] = {}
    for message in trace.where(lambda message: message.kind in {Kind.REQUEST, Kind.ONE_WAY}):
        connection = message.connection
        if message.protocol is Protocol.RPC and message.verb not in {None, Verb.CLIENT_ID}:
            index = connection_index(Verb(message.verb), tenant_of(connection.cookie))
            indexes.setdefault(connection, set()).add(index)
    assert {frozenset(found) for found in indexes.values()} == {frozenset({index}) for index in range(6)}
