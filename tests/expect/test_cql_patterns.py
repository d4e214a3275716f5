import re

import pytest

from harness.codec.cql.consistency import Consistency
from harness.errors import ExpectationError
from harness.events.message import Kind
from harness.expect.cql_patterns import batch, event, execute, query, result, statement
from harness.expect.pattern import FieldClaim


def test_statements_are_told_apart_by_their_form() -> None:
    forms = [str(pattern) for pattern in (query("x"), execute("x"), batch("x"), statement(re.compile("x")))]
    assert forms == ["QUERY 'x'", "EXECUTE 'x'", "BATCH 'x'", "statement /x/"]
    assert len(statement().verbs) == 3


def test_the_consistency_level_is_named() -> None:
    assert query(consistency="QUORUM").fields == (FieldClaim("parameters.consistency", Consistency.QUORUM),)
    assert execute(consistency=Consistency.ALL).fields[0].wanted is Consistency.ALL
    with pytest.raises(ExpectationError, match="did you mean QUORUM"):
        query(consistency="QUORM")


def test_a_result_is_no_error_unless_an_error_is_claimed() -> None:
    assert result().kinds == (Kind.REPLY,)
    assert result(error=True).kinds == result(error="UNAVAILABLE").kinds == (Kind.EXCEPTION,)
    assert str(result(error="UNAVAILABLE")) == "ERROR with error = UNAVAILABLE"
    with pytest.raises(ExpectationError, match="did you mean WRITE_TIMEOUT"):
        result(error="WRITE_TIMOUT")
    with pytest.raises(ExpectationError, match="an ERROR has no rows"):
        result(error=True, rows=1)


def test_an_event_is_no_answer() -> None:
    assert not event().is_answer
    assert result().is_answer
