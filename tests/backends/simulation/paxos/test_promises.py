"""What promises say together."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.paxos.promises import PrepareSummary, Promises
from harness.codec.cql.errors import WriteFailure, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.paxos import Promise
from harness.codec.verbs.query_result import QueryResult
from tests.backends.simulation.paxos.rounds import ballot, errors, participants, promise, proposal

_OLD, _NEW = proposal(10), proposal(20, 8)
_DIGEST = bytes(8) + b"12345678"
_DATA = QueryResult(data=None, digest=_DIGEST)


def _summary(*responses: UUID | Promise) -> PrepareSummary:
    async def run() -> PrepareSummary:
        promises = Promises(participants(), errors())
        for number, response in enumerate(responses, 1):
            promises.take(f"n{number}", response)
        return await promises.done

    return asyncio.run(run())


def _error(act: Callable[[Promises], None]) -> object:
    async def run() -> object:
        promises = Promises(participants(), errors())
        act(promises)
        with pytest.raises(RequestError) as caught:
            await promises.done
        return caught.value.details

    return asyncio.run(run())


def test_one_refusal_is_enough() -> None:
    newer = ballot(30)
    assert _summary(promise(), newer) == PrepareSummary(refused_for=newer)


def test_what_comes_behind_a_quorum_changes_nothing() -> None:
    assert _summary(promise(), promise(), ballot(30)).refused_for is None


def test_a_proposal_newer_than_all_decisions_is_unfinished() -> None:
    summary = _summary(promise(accepted=_NEW, commit=_OLD), promise(commit=_OLD))
    assert summary.unfinished == _NEW
    assert summary.lacking_last_commit == ()


def test_the_newest_of_several_proposals_is_finished() -> None:
    assert _summary(promise(accepted=_OLD), promise(accepted=_NEW)).unfinished == _NEW


def test_a_proposal_that_is_decided_elsewhere_is_not_unfinished() -> None:
    summary = _summary(promise(accepted=_NEW), promise(commit=_NEW))
    assert summary.unfinished is None
    assert summary.last_commit == _NEW
    assert summary.lacking_last_commit == ("n1",)


def test_those_with_an_older_decision_lack_the_last() -> None:
    assert _summary(promise(commit=_NEW), promise(commit=_OLD)).lacking_last_commit == ("n2",)


@pytest.mark.parametrize(
    ("first", "second", "is_usable"),
    [
        (_DATA, _DIGEST, True),
        (_DIGEST, _DATA, True),
        (_DATA, bytes(16), False),
        (_DATA, None, False),
        (_DIGEST, _DIGEST, False),
    ],
)
def test_data_is_used_where_all_agree(
    first: QueryResult | bytes | None, second: QueryResult | bytes | None, *, is_usable: bool
) -> None:
    summary = _summary(promise(data=first), promise(data=second))
    assert (summary.data == _DATA) == is_usable


def test_a_timeout_tells_how_many_have_promised() -> None:
    def act(promises: Promises) -> None:
        promises.take("n1", promise())
        promises.time_out()

    assert _error(act) == WriteTimeout(
        consistency=ConsistencyLevel.SERIAL, received=1, required=2, write_type="CAS"
    )


def test_failures_that_leave_too_few_are_an_error_at_once() -> None:
    def act(promises: Promises) -> None:
        promises.take("n1", promise())
        promises.fail()
        assert not promises.done.done()
        promises.fail()

    assert _error(act) == WriteFailure(
        consistency=ConsistencyLevel.SERIAL, received=1, required=2, failures_count=2, write_type="CAS"
    )
