"""Writes at a replica."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.storage.storage import UnknownTableError
from harness.backends.simulation.writes.writes import Writes
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of, stored


class LearnsFrom:
    """A replica's schema that it takes from another node."""

    def __init__(self, node: LoopbackNode, other: LoopbackNode) -> None:
        self._node, self._other = node, other
        self.asked: list[tuple[str, UUID, UUID]] = []

    async def learn(self, address: str, table_id: UUID, version: UUID) -> None:
        self.asked.append((address, table_id, version))
        self._node.context.storage.use(self._other.context.catalog)


def test_a_replica_learns_an_unknown_table_from_the_coordinator_before_it_applies_a_write() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            known = nodes[0].context.catalog
            learners = [LearnsFrom(node, nodes[0]) for node in nodes]
            roles = [Writes(node.context, learner) for node, learner in zip(nodes, learners, strict=True)]
            nodes[2].context.storage.use(Catalog(replace(known.schema, tables=())))
            mutation = row_of(known, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            assert learners[2].asked == [(nodes[0].address, mutation.table_id, mutation.schema_version)]
            assert learners[1].asked == []
            assert stored(nodes[2], mutation) is not None

    asyncio.run(run())


def test_an_own_write_to_an_unknown_table_is_an_error() -> None:
    async def run() -> None:
        async with loopback_nodes(1, MAP) as nodes:
            (role,) = roles_of(nodes)
            known = nodes[0].context.catalog
            mutation = row_of(known, "map", 1, country=b"x")
            nodes[0].context.storage.use(Catalog(replace(known.schema, tables=())))
            with pytest.raises(UnknownTableError):
                await role.replica.apply(mutation)
            with pytest.raises(UnknownTableError):
                await role.replica.apply(mutation, nodes[0].address)

    asyncio.run(run())


def test_a_write_of_the_system_is_acknowledged_on_behalf_of_the_system() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL, tenant=Tenant.SYSTEM)
            for node in nodes[1:]:
                assert [sent.tenant for sent in node.sent_of(Verb.MUTATION_DONE)] == [Tenant.SYSTEM]

    asyncio.run(run())
