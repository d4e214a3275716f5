"""Truncation."""

import asyncio

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.messaging.verb import Verb
from harness.codec.cql.errors import ErrorCode, Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.loopback_nodes import loopback_nodes, until
from tests.backends.simulation.writes.writing import MAP, roles_of, row_of, stored

VIEW = (
    "CREATE TABLE map (id int PRIMARY KEY, country text);"
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM map WHERE country IS NOT NULL AND id IS NOT NULL"
    " PRIMARY KEY (country, id)"
)


def test_every_node_empties_the_table_and_its_views() -> None:
    async def run() -> None:
        async with loopback_nodes(3, VIEW) as nodes:
            roles = roles_of(nodes)
            catalog = nodes[0].context.catalog
            mutation = row_of(catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            view = catalog.table("ks", "v")
            assert view is not None
            assert view.table.id is not None
            view_id = view.table.id
            await until(lambda: all(node.context.storage.partition(view_id, (b"x",)) for node in nodes))
            await roles[0].truncation.truncate("ks", "map")
            assert [stored(node, mutation) for node in nodes] == [None] * 3
            assert [node.context.storage.partition(view_id, (b"x",)) for node in nodes] == [None] * 3
            sent = nodes[0].sent_of(Verb.TRUNCATE)
            assert {one.receiver for one in sent} == {nodes[1].address, nodes[2].address}
            assert {(one.body.keyspace, one.body.table, one.timeout_ms) for one in sent} == {
                ("ks", "map", 60_000)
            }

    asyncio.run(run())


def test_with_a_node_down_nothing_is_emptied() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes:
            roles = roles_of(nodes)
            mutation = row_of(nodes[0].context.catalog, "map", 1, country=b"x")
            await roles[0].coordinator.write([mutation], ConsistencyLevel.ALL)
            nodes[0].context.members.mark_down(nodes[2].address)
            with pytest.raises(RequestError) as caught:
                await roles[0].truncation.truncate("ks", "map")
            assert caught.value.code is ErrorCode.UNAVAILABLE
            assert caught.value.details == Unavailable(consistency=ConsistencyLevel.ALL, required=3, alive=2)
            assert all(stored(node, mutation) is not None for node in nodes)

    asyncio.run(run())


def test_a_node_that_fails_is_told_to_the_client() -> None:
    async def run() -> None:
        async with loopback_nodes(3, MAP) as nodes, loopback_nodes(1) as strangers:
            roles = roles_of(nodes)
            nodes[2].context.storage.use(strangers[0].context.catalog)
            with pytest.raises(RequestError, match="Error during truncate") as caught:
                await roles[0].truncation.truncate("ks", "map")
            assert caught.value.code is ErrorCode.TRUNCATE_ERROR

    asyncio.run(run())
