"""New views of tables with rows in them."""

import asyncio
from dataclasses import replace

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.schema.builtin_schema import local_catalog, shared_keyspace
from harness.codec.verbs.common import ConsistencyLevel, PartitionRange
from harness.codec.verbs.mutation import LiveCell, LiveMarker, NoMarker
from harness.schema import Schema
from tests.backends.simulation.loopback_nodes import LoopbackNode, loopback_nodes, until
from tests.backends.simulation.tables import catalog_of
from tests.backends.simulation.writes.writing import roles_of, row_of

TABLE = "CREATE TABLE t (id int PRIMARY KEY, city text);"
VIEW = (
    "CREATE MATERIALIZED VIEW v AS SELECT * FROM t WHERE city IS NOT NULL AND id IS NOT NULL"
    " PRIMARY KEY (city, id)"
)

EVERYTHING = PartitionRange(start=None, end=None, singular=False)


def with_system_tables(catalog: Catalog) -> Catalog:
    parts = [catalog.schema, local_catalog().schema, shared_keyspace("system_distributed").schema]
    return Catalog(
        Schema(
            tuple(table for part in parts for table in part.tables),
            tuple(keyspace for part in parts for keyspace in part.known_keyspaces),
        )
    )


BEFORE, AFTER = with_system_tables(catalog_of(TABLE)), with_system_tables(catalog_of(TABLE + VIEW))


def holders(nodes: list[LoopbackNode], city: bytes) -> int:
    view = AFTER.table("ks", "v")
    assert view is not None
    assert view.table.id is not None
    view_id = view.table.id
    return sum(node.context.storage.partition(view_id, (city,)) is not None for node in nodes)


def test_a_new_view_gets_the_rows_that_its_table_has() -> None:
    async def run() -> None:
        async with loopback_nodes(5, catalog=BEFORE) as nodes:
            roles = roles_of(nodes)
            for key in range(20):
                await roles[0].coordinator.write(
                    [row_of(BEFORE, "t", key, city=b"c%d" % key)], ConsistencyLevel.ALL
                )
            for node in nodes:
                node.sent.clear()
                node.context.storage.use(AFTER)
            for role in roles:
                role.view_builder.look()
            await until(lambda: [holders(nodes, b"c%d" % key) for key in range(20)] == [3] * 20)
            status = AFTER.table("system_distributed", "view_build_status")
            assert status is not None
            for node in nodes:
                sent = [(one.timeout_ms, one.body.mutation) for one in node.sent_of(Verb.MUTATION)]
                told = [one for one in sent if one[1].table_id == status.table.id]
                rows = [(mutation.key.components, mutation.partition.rows[0]) for _, mutation in told]
                assert {timeout_ms for timeout_ms, _ in told} == {10_000}
                assert {key for key, _ in rows} == {(b"ks", b"v")}
                # First inserted as STARTED, then updated to SUCCESS; the rows of the view lie between.
                kinds = [(type(row.marker), row.cells.columns[0].cell.value) for _, row in rows]
                half = len(kinds) // 2
                assert kinds == [(LiveMarker, b"STARTED")] * half + [(NoMarker, b"SUCCESS")] * half
                assert half in {2, 3}
                view_writes = [index for index, one in enumerate(sent) if one[0] == 300_000]
                assert all(half <= index < len(sent) - half for index in view_writes)

    asyncio.run(run())


def test_a_view_is_built_once() -> None:
    async def run() -> None:
        async with loopback_nodes(1, catalog=AFTER) as nodes:
            (role,) = roles_of(nodes)
            role.view_builder.look()
            role.view_builder.look()
            built = AFTER.table("system", "built_views")
            assert built is not None
            assert built.table.id is not None
            built_id = built.table.id
            await until(lambda: nodes[0].context.storage.partition(built_id, (b"ks",)))
            (again,) = roles_of(nodes)
            now_us = nodes[0].context.world.now_us
            again.view_builder.look()
            await asyncio.sleep(0.02)
            status = AFTER.table("system_distributed", "view_build_status")
            assert status is not None
            assert status.table.id is not None
            partition = nodes[0].context.storage.partition(status.table.id, (b"ks", b"v"))
            assert partition is not None
            ((_, row),) = partition.rows.items()
            assert isinstance(row.marker, LiveMarker)
            assert row.marker.created_at < now_us

    asyncio.run(run())


def test_a_view_without_known_status_tables_is_built_all_the_same() -> None:
    async def run() -> None:
        plain = catalog_of(TABLE + VIEW)
        async with loopback_nodes(1, catalog=replace(plain)) as nodes:
            (role,) = roles_of(nodes)
            nodes[0].context.storage.apply(row_of(plain, "t", 1, city=b"c"))
            view = plain.table("ks", "v")
            assert view is not None
            assert view.table.id is not None
            view_id = view.table.id
            role.view_builder.look()
            await until(lambda: nodes[0].context.storage.partition(view_id, (b"c",)))

    asyncio.run(run())


def test_what_is_told_of_a_dropped_view_is_deleted_and_one_of_the_same_name_is_built_anew() -> None:
    async def run() -> None:
        async with loopback_nodes(3, catalog=AFTER) as nodes:
            roles = roles_of(nodes)
            status = AFTER.table("system_distributed", "view_build_status")
            assert status is not None

            def told() -> list[tuple[bytes, ...]]:
                assert status is not None
                node = nodes[2].context
                rows = [
                    row
                    for mutation in node.storage.mutations(status, EVERYTHING, node.now_s)
                    for row in mutation.partition.rows
                ]
                cells = [(row.key.components, row.cells.columns[0].cell) for row in rows]
                return [key for key, cell in cells if isinstance(cell, LiveCell) and cell.value == b"SUCCESS"]

            for role in roles:
                role.view_builder.look()
            await until(lambda: len(told()) == 3)
            for node, role in zip(nodes, roles, strict=True):
                node.sent.clear()
                node.context.storage.use(BEFORE)
                role.view_builder.look()
            await until(lambda: not any(len(role.pending) for role in roles) and told() == [])
            deletions = [sent.body.mutation for sent in nodes[0].sent_of(Verb.MUTATION)]
            assert [mutation.key.components for mutation in deletions] == [(b"ks", b"v")] * 2
            assert all(mutation.partition.tombstone.exists for mutation in deletions)
            for node, role in zip(nodes, roles, strict=True):
                node.context.storage.use(AFTER)
                role.view_builder.look()
            await until(lambda: len(told()) == 3)

    asyncio.run(run())
