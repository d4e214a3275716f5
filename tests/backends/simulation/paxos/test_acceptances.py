"""When a proposal is accepted, when it is not, and when nobody can say."""

import asyncio

import pytest

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.paxos.acceptances import Acceptances
from harness.codec.cql.errors import WriteFailure, WriteTimeout
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.paxos.rounds import errors, participants


async def _take(answers: str, *, is_own: bool = True) -> Acceptances:
    """Y: accepted, N: refused, X: failed, T: timed out."""
    acceptances = Acceptances(participants(), errors(), is_own=is_own)
    for number, answer in enumerate(answers):
        match answer:
            case "X":
                acceptances.fail()
            case "T":
                acceptances.time_out()
            case _:
                acceptances.take(f"127.0.0.{number}", is_accepted=answer == "Y")
    return acceptances


@pytest.mark.parametrize(
    ("answers", "is_own", "is_accepted"),
    [
        ("YY", True, True),
        ("NYY", True, True),
        ("YXY", True, True),
        ("YYT", True, True),
        ("NNN", True, False),
        ("NN", False, False),
        ("YNN", False, False),
    ],
)
def test_a_quorum_decides(answers: str, *, is_own: bool, is_accepted: bool) -> None:
    async def run() -> None:
        assert await (await _take(answers, is_own=is_own)).done == is_accepted

    asyncio.run(run())


@pytest.mark.parametrize("answers", ["YN", "NN", "Y", "N", "X"])
def test_all_answers_are_waited_for_while_they_may_matter(answers: str) -> None:
    async def run() -> None:
        assert not (await _take(answers)).done.done()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answers", "received"), [("YNN", 1), ("NNY", 1), ("YNX", 1), ("YT", 1), ("NT", 1), ("NNX", 0)]
)
def test_a_proposal_that_some_may_have_accepted_may_yet_be_decided(answers: str, received: int) -> None:
    """Where time is over, refusals count as answers too; where all have answered, acceptances alone."""

    async def run() -> None:
        acceptances = await _take(answers)
        with pytest.raises(RequestError) as caught:
            await acceptances.done
        assert caught.value.details == WriteTimeout(
            consistency=ConsistencyLevel.SERIAL, received=received, required=2, write_type="CAS"
        )

    asyncio.run(run())


@pytest.mark.parametrize("answers", ["YXX", "NXX"])
def test_failures_that_leave_too_few_are_an_error(answers: str) -> None:
    async def run() -> None:
        acceptances = await _take(answers)
        with pytest.raises(RequestError) as caught:
            await acceptances.done
        assert caught.value.details == WriteFailure(
            consistency=ConsistencyLevel.SERIAL, received=1, required=2, failures_count=2, write_type="CAS"
        )

    asyncio.run(run())
