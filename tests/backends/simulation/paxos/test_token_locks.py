"""One after the other for each token."""

import asyncio

import pytest

from harness.backends.simulation.paxos.token_locks import TokenLocks


def test_holders_of_one_token_come_one_after_the_other_in_their_order() -> None:
    async def run() -> None:
        locks, seen = TokenLocks(), list[str]()

        async def use(name: str) -> None:
            async with locks.held(1, 5):
                seen.append(f"{name} begins")
                await asyncio.sleep(0)
                seen.append(f"{name} ends")

        await asyncio.gather(use("a"), use("b"), use("c"))
        assert seen == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]

    asyncio.run(run())


def test_holders_of_different_tokens_do_not_wait() -> None:
    async def run() -> None:
        locks, held = TokenLocks(), asyncio.Event()

        async def hold() -> None:
            async with locks.held(1, 5):
                held.set()
                await asyncio.sleep(60)

        holding = asyncio.create_task(hold())
        await held.wait()
        async with locks.held(2, 0.01):
            assert not holding.done()
        with pytest.raises(TimeoutError):
            async with locks.held(1, 0.01):
                pass
        holding.cancel()

    asyncio.run(run())


def test_who_waits_too_long_gives_up_and_leaves_the_lock_to_others() -> None:
    async def run() -> None:
        locks = TokenLocks()
        async with locks.held(1, 5):
            with pytest.raises(TimeoutError):
                async with locks.held(1, 0.01):
                    pass
        async with locks.held(1, 5):
            pass

    asyncio.run(run())
