import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from harness.codec.cql.errors import Error
from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.requests import Execute, Options, query_parameters
from harness.codec.cql.results import Column, Rows, Void, metadata_of
from harness.codec.cql.statements import Prepared
from harness.codec.cql.types import ScalarType, SetType
from harness.codec.cql.values import EMPTY
from harness.events.plain_value import plain_message, plain_value

SEVEN = b"\0\0\0\x07"
COLUMNS = (
    Column(keyspace="ks", table="t", name="id", type=ScalarType.INT),
    Column(keyspace="ks", table="t", name="tags", type=SetType(ScalarType.TEXT)),
)
TAGS = bytes.fromhex("0000000200000001610000000162")


def test_bound_values_and_rows_are_typed() -> None:
    prepared = Prepared(
        statement_id=b"\x01",
        query="INSERT INTO ks.t (id, tags) VALUES (?, ?)",
        bound_columns=COLUMNS,
        partition_key_indexes=(0,),
        result_columns=(),
    )
    execute = CqlMessage(content=Execute(statement_id=b"\x01", parameters=query_parameters(4, (SEVEN, TAGS))))
    body = plain_message(execute, prepared)
    assert (body["statement"], body["values"]) == (prepared.query, [7, ["a", "b"]])
    rows = CqlMessage(content=Rows(metadata=metadata_of(COLUMNS), columns=COLUMNS, rows=((SEVEN, None),)))
    body = plain_message(rows, None)
    assert body["rows"] == [[7, None]]
    assert body["columns"] == [
        {"keyspace": "ks", "table": "t", "name": "id", "type": "int"},
        {"keyspace": "ks", "table": "t", "name": "tags", "type": "set<text>"},
    ]


def test_values_that_do_not_fit_their_columns_stay_bytes() -> None:
    rows = CqlMessage(content=Rows(metadata=metadata_of(COLUMNS), columns=(), rows=((SEVEN, None),)))
    assert plain_message(rows, None)["rows"] == [["00000007", None]]


def test_what_surrounds_the_content_is_told_where_it_is() -> None:
    traced = CqlMessage(content=Void(), tracing_id=UUID(int=1), warnings=("w",), rest=b"\x01")
    assert plain_message(traced, None) == {
        "type": "Void",
        "tracing_id": "00000000-0000-0000-0000-000000000001",
        "warnings": ["w"],
        "rest": "01",
    }
    assert plain_message(CqlMessage(content=Options(), is_traced=True), None)["is_traced"] is True
    error = CqlMessage(content=Error(code=0x1100, text="late", details=None))
    assert plain_message(error, None)["code"] == "WRITE_TIMEOUT"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"\x01\xff", "01ff"),
        ("a", "a"),
        ([1, b"\x02"], [1, "02"]),
        ({"a": 1}, {"a": 1}),
        ({1: "a"}, [[1, "a"]]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (EMPTY, "EMPTY"),
        (Decimal("1.10"), "1.10"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), "2020-09-13T12:26:40+00:00"),
        (ScalarType.INT, "int"),
    ],
)
def test_plain_values(value: object, plain: object) -> None:
    assert plain_value(value) == plain
    json.dumps(plain_value(value), allow_nan=False)
