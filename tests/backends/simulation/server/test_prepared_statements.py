import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.cql.preparation import plan
from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.cql.schema_plan import SchemaPlan
from harness.backends.simulation.members import Members
from harness.backends.simulation.messaging.messaging import Messaging
from harness.backends.simulation.node_config import NodeConfig
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.real_world import RealWorld
from harness.backends.simulation.server.prepared_statements import PreparedStatements, id_of
from harness.backends.simulation.storage.storage import Storage
from harness.codec.cql.errors import ErrorCode, Unprepared
from harness.topology import Node
from tests.backends.simulation.tables import catalog_of

TABLE = "CREATE TABLE t (a int PRIMARY KEY, b int); CREATE TABLE other (a int PRIMARY KEY)"


def in_node(work: Callable[[NodeContext], None], catalog: Catalog | None = None) -> None:
    async def run() -> None:
        world = RealWorld(seed=1)
        address = "127.0.0.1"
        work(
            NodeContext(
                config=NodeConfig(name="n1", listen_address=address, seeds=(), data_folder=str(Path())),
                world=world,
                messaging=Messaging(world, address=address, port=7000),
                members=Members(Node(name="n1", address=address), world.random),
                storage=Storage(catalog_of(TABLE) if catalog is None else catalog),
            )
        )

    asyncio.run(run())


def change(context: NodeContext, text: str) -> None:
    planned = plan(context.catalog, text, "ks", (), context.moment)
    assert isinstance(planned, SchemaPlan)
    context.storage.use(
        planned.apply(context.catalog, make_id=context.make_uuid, version_of=lambda _: context.make_uuid())
    )


def test_the_id_is_the_one_that_a_real_node_gives() -> None:
    # base/prepared_writes.pcapng of Scylla 4.2, prepared without a keyspace in use.
    text = "INSERT INTO demo3.map (id, country, capital) VALUES (?, ?, ?)"
    assert id_of(text, None).hex() == "299c901dcbc43a611733fc165508a546"


def test_a_statement_is_found_by_its_id() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context)
        statement_id, statement = prepared.prepare("SELECT * FROM t", "ks")
        assert prepared.of_id(statement_id) is statement
        assert prepared.prepare("SELECT * FROM t", "ks") == (statement_id, statement)

    in_node(work)


def test_an_unknown_id_is_unprepared_and_named() -> None:
    def work(context: NodeContext) -> None:
        with pytest.raises(RequestError) as caught:
            PreparedStatements(context).of_id(b"\x01\x02")
        assert caught.value.code == ErrorCode.UNPREPARED
        assert caught.value.details == Unprepared(statement_id=b"\x01\x02")

    in_node(work)


def test_a_change_of_the_columns_makes_a_statement_unknown_and_of_another_table_does_not() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context)
        ours, before = prepared.prepare("SELECT * FROM t", "ks")
        other, _ = prepared.prepare("SELECT * FROM other", "ks")
        change(context, "ALTER TABLE ks.t ADD c int")
        assert prepared.of_id(other).catalog is context.catalog
        with pytest.raises(RequestError) as caught:
            prepared.of_id(ours)
        assert caught.value.code == ErrorCode.UNPREPARED
        _, after = prepared.prepare("SELECT * FROM t", "ks")
        assert [column.name for column in before.result_columns] == ["a", "b"]
        assert [column.name for column in after.result_columns] == ["a", "b", "c"]

    in_node(work)


def test_a_table_that_was_dropped_and_made_anew_is_another_one() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context)
        ours, _ = prepared.prepare("SELECT * FROM t", "ks")
        change(context, "DROP TABLE ks.t")
        change(context, "CREATE TABLE ks.t (a int PRIMARY KEY, b int)")
        with pytest.raises(RequestError):
            prepared.of_id(ours)

    in_node(work)


def test_other_properties_of_a_table_are_followed_without_a_word() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context)
        ours, _ = prepared.prepare("SELECT * FROM t", "ks")
        change(context, "ALTER TABLE ks.t WITH default_time_to_live = 60")
        assert prepared.of_id(ours).layouts[0].default_ttl_s == 60

    in_node(work)


def test_the_statement_used_least_recently_is_forgotten_first() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context, statements_max=2)
        first, _ = prepared.prepare("SELECT a FROM t", "ks")
        second, _ = prepared.prepare("SELECT b FROM t", "ks")
        prepared.of_id(first)
        prepared.prepare("SELECT * FROM t", "ks")
        prepared.of_id(first)
        with pytest.raises(RequestError):
            prepared.of_id(second)

    in_node(work)


def test_texts_follow_the_schema() -> None:
    def work(context: NodeContext) -> None:
        prepared = PreparedStatements(context)
        before = prepared.of_text("SELECT * FROM t", "ks")
        assert prepared.of_text("SELECT * FROM t", "ks") is before
        change(context, "ALTER TABLE ks.t ADD c int")
        assert len(prepared.of_text("SELECT * FROM t", "ks").result_columns) == 3

    in_node(work)
