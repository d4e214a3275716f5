"""Schemas written as CQL and read again."""

from harness.ddl import parse_ddl, statements_of
from harness.replication import Replication
from harness.schema import Keyspace, Schema
from harness.schema_building import SchemaBuilder
from harness.schema_text import keyspace_text, schema_text


def _built(text: str) -> Schema:
    builder = SchemaBuilder()
    for statement in statements_of(text):
        builder.apply(parse_ddl(statement))
    return builder.schema()


_TEXT = """
CREATE KEYSPACE "Ks" WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 2} AND tablets = {'enabled': true};
CREATE TYPE "Ks".addr (street text, "Zip" int);
CREATE TABLE "Ks"."select" (p int, "From" text, c int, v frozen<addr>, s int static, PRIMARY KEY ((p, "From"), c))
    WITH CLUSTERING ORDER BY (c DESC);
CREATE TABLE "Ks".u (p int PRIMARY KEY, a int, b int);
CREATE INDEX i ON "Ks".u (a);
CREATE INDEX k ON "Ks"."select" ((p, "From"), v);
CREATE MATERIALIZED VIEW "Ks".v AS SELECT * FROM "Ks".u WHERE b IS NOT NULL PRIMARY KEY (b, p);
CREATE MATERIALIZED VIEW "Ks".w AS SELECT p, c, "From" FROM "Ks"."select" WHERE c IS NOT NULL
    PRIMARY KEY (c, p, "From");
"""


def test_written_schema_is_read_as_the_same() -> None:
    schema = _built(_TEXT)
    assert len(schema.tables) == 6
    assert _built(schema_text(schema, "Ks")) == schema


def test_indexes_are_written_as_global_or_local() -> None:
    text = schema_text(_built(_TEXT), "Ks")
    assert 'CREATE INDEX i ON "Ks".u (a);' in text
    assert 'CREATE INDEX k ON "Ks"."select" ((p, "From"), v);' in text


def test_keyspace_says_whether_it_has_tablets_only_if_known() -> None:
    replication = Replication(strategy="SimpleStrategy", factor=3)
    assert keyspace_text(Keyspace(name="ks", replication=replication)) == (
        "CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': '3'}"
    )
    text = keyspace_text(Keyspace(name="ks", replication=replication, has_tablets=False))
    assert text.endswith(" AND tablets = {'enabled': false}")


def test_unknown_keyspace_has_no_text() -> None:
    assert schema_text(Schema(), "ks") == ""
