"""What clients asked for."""

from pathlib import Path
from uuid import UUID

import pytest

from harness.codec.cql.errors import Error, ErrorCode
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Batch, BatchStatement, Execute, Prepare, query_parameters
from harness.codec.cql.results import SetKeyspace
from harness.codec.cql.statements import Prepared
from harness.events.message import Kind, Message
from harness.events.statement_text import Action
from harness.events.statements import CHANGES, ClientStatement, statements_of
from harness.events.trace import Missing, Trace
from harness.schema import Column, Schema, Table
from harness.topology import Topology
from tests.events.messages import NODES, cql, query
from tests.expect.captured import captured

TABLE = Table(
    keyspace="ks",
    name="t",
    id=UUID(int=1),
    partition_key=(Column(name="a", type="int"), Column(name="b", type="text")),
    regular_columns=(Column(name="v", type="int"),),
)


def _statements(*messages: Message) -> tuple[ClientStatement, ...]:
    return statements_of(Trace(messages, Missing(), Topology(NODES), Schema((TABLE,))))


def _key(a: int, b: str) -> tuple[bytes, ...]:
    return a.to_bytes(4, "big"), b.encode()


def test_keys_are_what_the_text_names() -> None:
    (found,) = _statements(query("SELECT * FROM ks.t WHERE a IN (1, 2) AND b = 'x'"))
    assert found.parts[0].keys == (_key(1, "x"), _key(2, "x"))
    assert (found.tables, found.consistency_level, found.coordinator) == (("ks.t",), "QUORUM", "n1")
    assert found.result is None
    assert found.ended_ns is None


@pytest.mark.parametrize(
    "where", ["a = 1", "a = 1 AND b > 'x'", "a = 1 AND b = blob_as_text(0x)", "v = 1", "a IN ? AND b = 'x'"]
)
def test_no_keys_are_told_where_the_text_does_not_name_them(where: str) -> None:
    (found,) = _statements(query(f"SELECT * FROM ks.t WHERE {where}"))
    assert found.parts[0].keys is None


def test_more_keys_than_anybody_wants_are_not_told() -> None:
    many = ", ".join(str(number) for number in range(2000))
    (found,) = _statements(query(f"SELECT * FROM ks.t WHERE a IN ({many}) AND b = 'x'"))
    assert found.parts[0].keys is None


def test_keyspace_in_use_completes_names() -> None:
    used = cql(Kind.REPLY, CqlMessage(content=SetKeyspace(keyspace="other")), from_client=False, number=1)
    first, second = _statements(
        query("SELECT * FROM t"), used, query("SELECT * FROM t", number=2), query("x", number=3)
    )[:2]
    # Before anybody says which keyspace is in use, the only table of the name is meant.
    assert (first.tables, second.tables) == (("ks.t",), ("other.t",))


def test_prepared_statement_has_its_text_and_its_bound_key() -> None:
    prepared = Prepared(
        statement_id=b"id",
        query="UPDATE ks.t SET v = ? WHERE a = ? AND b = ?",
        bound_columns=(),
        partition_key_indexes=(1, 2),
        result_columns=(),
    )
    values = (b"\0\0\0\x05", *_key(1, "x"))
    content = Execute(statement_id=b"id", parameters=query_parameters(1, values, default_timestamp_us=99))
    (found,) = _statements(cql(Kind.REQUEST, CqlMessage(content=content), prepared=prepared))
    (part,) = found.parts
    assert (part.keys, part.values, part.write_timestamp_us) == ((_key(1, "x"),), values, 99)
    assert (found.action, found.is_change) == (Action.UPDATE, True)


def test_prepared_statement_of_unknown_text_is_still_one() -> None:
    content = Execute(statement_id=b"id", parameters=query_parameters(1, ()))
    (found,) = _statements(cql(Kind.REQUEST, CqlMessage(content=content)))
    assert (found.text, found.tables, found.action) == ("", (), Action.OTHER)
    assert "of unknown text" in found.name


def test_preparing_is_no_statement() -> None:
    assert not _statements(cql(Kind.REQUEST, CqlMessage(content=Prepare(query="SELECT * FROM ks.t"))))


def test_batch_has_a_part_for_each_statement() -> None:
    content = Batch(
        batch_type=1,
        statements=(
            BatchStatement(query="INSERT INTO ks.t (a, b) VALUES (1, ?)", statement_id=None, values=(b"x",)),
            BatchStatement(
                query="DELETE FROM ks.t USING TIMESTAMP 7 WHERE a = 2 AND b = 'y'", statement_id=None
            ),
        ),
        parameters=query_parameters(4, default_timestamp_us=5),
    )
    (found,) = _statements(cql(Kind.REQUEST, CqlMessage(content=content)))
    assert found.batch_type == "UNLOGGED"
    assert [part.keys for part in found.parts] == [(_key(1, "x"),), (_key(2, "y"),)]
    assert [part.write_timestamp_us for part in found.parts] == [5, 7]


def test_error_ends_a_statement() -> None:
    content = Error(code=ErrorCode.OVERLOADED, text="too much")
    answer = cql(
        Kind.EXCEPTION, CqlMessage(content=content), from_client=False, number=1, at_s=2.0, request=0
    )
    (found,) = _statements(query("SELECT * FROM ks.t", at_s=1.0), answer)
    assert (found.error, found.error_text, found.result) == ("OVERLOADED", "too much", 1)
    assert found.ended_ns is not None
    assert found.ended_ns - found.started_ns == 1_000_000_000


def test_long_text_is_shortened_in_the_name() -> None:
    (found,) = _statements(query("SELECT  *\nFROM ks.t WHERE v = " + "1" * 200, frame=12))
    assert found.name.startswith("statement 1 (packet 12) SELECT * FROM ks.t")
    assert len(found.name) < 140


# Real clusters.


def test_conditional_statements_say_whether_they_were_applied(reference: Path) -> None:
    found = statements_of(captured(reference, "scylla-4.2/base/lwt_conditions"))
    assert [(one.is_conditional, one.is_applied) for one in found if not one.is_of_system] == [
        (True, True),
        (True, False),
        (True, None),
        (True, True),
        (True, True),
        (True, True),
    ]
    assert found[2].consistency_level == "SERIAL"


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_traced_statements_have_the_id_of_their_trace(reference: Path, line: str) -> None:
    found = statements_of(captured(reference, f"scylla-{line}/base/tracing"))
    traced = [one for one in found if one.tracing_id is not None]
    assert [one.tables for one in traced] == [("demo3.map",)] * 2


@pytest.mark.parametrize("line", ["4.2", "2025.1"])
def test_statements_are_those_that_the_context_tells_of(reference: Path, line: str) -> None:
    trace = captured(reference, f"scylla-{line}/views/index_rf2")
    found = [one for one in statements_of(trace) if not one.is_of_system]
    assert [one.action.name for one in found] == ["INSERT"] * 6 + ["UPDATE", "DELETE"] + ["SELECT"] * 3
    assert [one.row_count for one in found[-3:]] == [1, 1, 1]
    assert {one.consistency_level for one in found} == {"TWO"}
    assert found[0].parts[0].keys == ((b"org0",),)


def test_prepared_statements_have_keys_of_their_own(reference: Path) -> None:
    found = statements_of(captured(reference, "scylla-2025.1/base/prepared_writes"))
    keys = [part.keys for one in found for part in one.parts if part.action in CHANGES]
    assert len(keys) == 100
    assert len(set(keys)) == 100
    assert None not in keys
