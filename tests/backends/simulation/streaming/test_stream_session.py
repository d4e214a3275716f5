import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from harness.backends.simulation.streaming.stream_session import StreamSession
from harness.errors import BackendError

A, B = UUID(int=1), UUID(int=2)


def with_session(story: Callable[[StreamSession], None]) -> None:
    async def run() -> None:
        story(StreamSession(UUID(int=9), "10.0.0.1", 1))

    asyncio.run(run())


def test_a_session_is_over_when_all_tables_have_come() -> None:
    def story(session: StreamSession) -> None:
        session.expect([A, B])
        session.has_come(A)
        assert not session.is_over
        session.has_come(B)
        assert session.is_over

    with_session(story)


def test_a_session_without_tables_is_over_at_once() -> None:
    def story(session: StreamSession) -> None:
        assert not session.is_over
        session.expect([])
        assert session.is_over

    with_session(story)


def test_who_waits_hears_of_a_failure() -> None:
    async def run() -> None:
        session = StreamSession(UUID(int=9), "10.0.0.1", 1)
        session.expect([A])
        session.fail(BackendError("the peer is down"))
        session.fail(BackendError("only the first counts"))
        session.has_come(A)
        with pytest.raises(BackendError, match="is down"):
            await session.over()

    asyncio.run(run())
