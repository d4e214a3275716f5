"""When answers are enough, and what the client is told when they are not."""

import asyncio

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.reads.digest_answers import DigestAnswers
from harness.codec.cql.errors import ReadFailure, ReadTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.query_result import QueryResult
from tests.backends.simulation.tables import layout_of

_TABLE = layout_of("CREATE TABLE t (k int PRIMARY KEY)").table
_DIGEST, _OTHER = bytes(8) + b"12345678", bytes(16)
_DATA = QueryResult(data=None, digest=_DIGEST)
_QUORUM = ConsistencyLevel.QUORUM


async def _answers(required: int = 2, expected: int = 2) -> DigestAnswers:
    return DigestAnswers(_TABLE, _QUORUM, required=required, expected=expected)


def test_as_many_answers_as_required_are_enough_if_the_data_is_among_them() -> None:
    async def run() -> None:
        answers = await _answers(2, 3)
        answers.take_digest("b", _DIGEST)
        answers.take_digest("c", _DIGEST)
        assert not answers.enough.done()
        answers.take_data("a", _DATA)
        await answers.enough
        assert answers.agree
        assert answers.answered == ["b", "c", "a"]

    asyncio.run(run())


def test_answers_that_come_later_still_count_for_agreement() -> None:
    async def run() -> None:
        answers = await _answers(2, 3)
        answers.take_data("a", _DATA)
        answers.take_digest("b", _DIGEST)
        await answers.enough
        assert answers.agree
        assert not answers.all.done()
        answers.take_digest("c", _OTHER)
        await answers.all
        assert not answers.agree

    asyncio.run(run())


def test_a_failure_is_made_up_for_while_others_are_asked() -> None:
    async def run() -> None:
        answers = await _answers(2, 3)
        answers.fail(is_disconnected=False)
        answers.take_data("a", _DATA)
        answers.take_digest("b", _DIGEST)
        await answers.enough
        await answers.all

    asyncio.run(run())


def test_failures_that_leave_too_few_are_an_error() -> None:
    async def run() -> None:
        answers = await _answers(2, 3)
        answers.take_digest("b", _DIGEST)
        answers.fail(is_disconnected=False)
        answers.fail(is_disconnected=True)
        with pytest.raises(RequestError) as caught:
            await answers.enough
        assert caught.value.details == ReadFailure(
            consistency=_QUORUM, received=1, required=2, failures_count=2, data_present=0
        )

    asyncio.run(run())


def test_a_broken_connection_is_waited_for_where_nobody_else_was_asked() -> None:
    async def run() -> None:
        answers = await _answers()
        answers.fail(is_disconnected=True)
        assert not answers.enough.done()
        answers.take_data("a", _DATA)
        assert answers.timeout().details == ReadTimeout(
            consistency=_QUORUM, received=1, required=2, data_present=1
        )

    asyncio.run(run())


def test_another_request_makes_up_for_a_failure() -> None:
    async def run() -> None:
        answers = await _answers()
        answers.take_data("a", _DATA)
        answers.expect_another()
        answers.fail(is_disconnected=False)
        assert not answers.enough.done()
        answers.take_digest("c", _DIGEST)
        await answers.enough

    asyncio.run(run())
