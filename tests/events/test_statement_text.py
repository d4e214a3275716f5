"""What a CQL text does, and to which rows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.codec.cql.types import CqlType, ScalarType
from harness.events.statement_text import Action, StatementText, Term, read_statement, term_bytes


def _one(text: str) -> StatementText:
    (found,) = read_statement(text)
    return found


def _texts(found: StatementText) -> dict[str, tuple[str, ...]]:
    return {column: tuple(term.text for term in terms) for column, terms in found.columns.items()}


def test_insert_gives_values_to_columns() -> None:
    found = _one("INSERT INTO ks.t (a, \"B\", c) VALUES (17, 'it''s; x', {1, 2}) USING TIMESTAMP 12;")
    assert (found.action, found.keyspace, found.table) == (Action.INSERT, "ks", "t")
    assert _texts(found) == {"a": ("17",), "B": ("'it''s; x'",)}
    assert set(found.assigned) == {"a", "B", "c"}
    assert found.assigned["c"] is None
    assert found.timestamp == Term("12")
    assert not found.is_conditional


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t (a) VALUES (1) IF NOT EXISTS",
        "UPDATE t SET b = 1 WHERE a = 1 IF b = 2",
        "DELETE FROM t WHERE a = 1 IF EXISTS",
    ],
)
def test_if_makes_a_lightweight_transaction(text: str) -> None:
    assert _one(text).is_conditional


def test_update_names_rows_by_equality_and_in() -> None:
    found = _one(
        "UPDATE ks.t USING TTL 3 AND TIMESTAMP ? SET m = 'x', n = n + 1, l[0] = 4, p = :p "
        "WHERE org='o' AND id IN (1, ?, :x) AND c > 3 IF age = 3"
    )
    assert _texts(found) == {"org": ("'o'",), "id": ("1", "?", "x")}
    assert [term.marker for term in found.columns["id"]] == [None, 2, 3]
    assert found.assigned["m"] == Term("'x'")
    assert found.assigned["n"] is None
    assert found.assigned["p"] == Term("p", 1, "p")
    assert found.timestamp == Term("?", 0)


def test_delete_and_select_name_their_table_behind_from() -> None:
    assert _texts(_one("DELETE a, b FROM ks.t USING TIMESTAMP 5 WHERE id = 3")) == {"id": ("3",)}
    found = _one("SELECT count(*) FROM ks.t WHERE id = 3 AND token(a) > 4 LIMIT 3 ALLOW FILTERING")
    assert (found.action, found.table, _texts(found)) == (Action.SELECT, "t", {"id": ("3",)})


def test_function_is_no_value_that_could_be_compared() -> None:
    assert _texts(_one("DELETE FROM t WHERE a = uuid() AND b = -4")) == {"b": ("-4",)}


def test_batch_is_read_statement_by_statement() -> None:
    found = read_statement(
        "BEGIN UNLOGGED BATCH USING TIMESTAMP 1 INSERT INTO k.a (id) VALUES (1); UPDATE b SET x = ? WHERE id = 2 "
        "DELETE FROM c WHERE id = ? APPLY BATCH;"
    )
    assert [(one.action, one.table) for one in found] == [
        (Action.INSERT, "a"),
        (Action.UPDATE, "b"),
        (Action.DELETE, "c"),
    ]
    assert found[2].columns["id"][0].marker == 1


@pytest.mark.parametrize(
    ("text", "keyspace", "table"),
    [
        ("CREATE TABLE IF NOT EXISTS ks.t (a int PRIMARY KEY)", "ks", "t"),
        ("ALTER TABLE ks.t ADD b int", "ks", "t"),
        ("CREATE INDEX IF NOT EXISTS i ON ks.t (c)", "ks", "t"),
        ("CREATE MATERIALIZED VIEW ks.v AS SELECT * FROM ks.t", "ks", "v"),
        ("DROP KEYSPACE IF EXISTS ks", "ks", None),
        ("CREATE KEYSPACE ks WITH replication = {}", "ks", None),
    ],
)
def test_schema_changes_name_what_they_change(text: str, keyspace: str, table: str | None) -> None:
    found = _one(text)
    assert (found.action, found.keyspace, found.table) == (Action.SCHEMA, keyspace, table)


def test_truncate_may_leave_table_out() -> None:
    assert [_one(text).table for text in ("TRUNCATE k.t", "TRUNCATE TABLE k.t;", "truncate t")] == ["t"] * 3


def test_comments_and_case_do_not_matter() -> None:
    found = _one("/* x */ select * -- WHERE id = 9\nfrom Ks.T where Id = 3")
    assert (found.keyspace, found.table, _texts(found)) == ("ks", "t", {"id": ("3",)})


@pytest.mark.parametrize("text", ["", "  ", "USE ks", "LIST ROLES", "x" * (2 << 20)])
def test_other_texts_do_nothing_to_rows(text: str) -> None:
    assert all(found.action is Action.OTHER for found in read_statement(text))


@pytest.mark.parametrize(
    ("text", "cql_type", "expected"),
    [
        ("17", ScalarType.INT, "00000011"),
        ("-1", ScalarType.BIGINT, "ffffffffffffffff"),
        ("'it''s'", ScalarType.TEXT, "69742773"),
        ("$$a'b$$", ScalarType.TEXT, "612762"),
        ("0x00fF", ScalarType.BLOB, "00ff"),
        ("TRUE", ScalarType.BOOLEAN, "01"),
        ("01234567-89ab-11e0-8123-456789abcdef", ScalarType.UUID, "0123456789ab11e08123456789abcdef"),
        ("17", ScalarType.TEXT, None),
        ("'17'", ScalarType.INT, None),
        ("99999999999", ScalarType.INT, None),
        ("0x0", ScalarType.BLOB, None),
        ("null", ScalarType.INT, None),
    ],
)
def test_constants_become_the_bytes_of_their_column(
    text: str, cql_type: CqlType, expected: str | None
) -> None:
    found = term_bytes(Term(text), cql_type, (), {})
    assert (None if found is None else found.hex()) == expected


def test_markers_stand_for_bound_values_by_place_or_by_name() -> None:
    bound = (b"a", None, b"c")
    assert term_bytes(Term("?", 2), ScalarType.TEXT, bound, {}) == b"c"
    assert term_bytes(Term("x", 0, "x"), ScalarType.TEXT, bound, {"x": 2}) == b"c"
    assert term_bytes(Term("?", 1), ScalarType.TEXT, bound, {}) is None
    assert term_bytes(Term("?", 7), ScalarType.TEXT, bound, {}) is None


@given(st.text(max_size=200) | st.from_regex(r"(?i)(insert into|update|delete from|begin batch)[ -~]{0,80}"))
@settings(max_examples=200)
def test_no_text_is_an_error(text: str) -> None:
    for found in read_statement(text):
        for terms in found.columns.values():
            for term in terms:
                found_bytes = term_bytes(term, ScalarType.INT, (), {})
                # An int, or not known.
                assert found_bytes is None or len(found_bytes) in {0, 4}
