import asyncio

from harness.backends.simulation.gossip.telling import Telling
from harness.codec.verbs.gossip import GossipDigest

OWN, PEER = "10.0.0.1", "10.0.0.2"


def wanted(version: int, endpoint: str = OWN) -> GossipDigest:
    return GossipDigest(endpoint=endpoint, generation=1, max_version=version)


def test_a_node_is_asked_until_it_knows_the_version() -> None:
    asked: list[str] = []
    answers = iter([[wanted(9)], [wanted(99, PEER)], [], [wanted(10)], [wanted(11)]])

    async def story() -> None:
        loop = asyncio.get_running_loop()

        def ask(address: str) -> None:
            asked.append(address)
            loop.call_soon(lambda: telling.hear(address, next(answers)))

        telling = Telling(OWN, ask)
        await telling.tell([PEER], 10, lambda _: True)

    asyncio.run(story())
    # The answers that ask for less, or for others, do not count.
    assert asked == [PEER] * 4


def test_a_node_that_is_not_alive_any_more_is_not_waited_for() -> None:
    asked: list[str] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()

        def ask(address: str) -> None:
            asked.append(address)
            loop.call_soon(lambda: telling.hear(address, []))

        telling = Telling(OWN, ask)
        await telling.tell([PEER], 10, lambda _: False)

    asyncio.run(story())
    assert asked == [PEER]


def test_answers_that_nobody_waits_for_do_no_harm() -> None:
    asked: list[str] = []
    telling = Telling(OWN, asked.append)
    telling.hear(PEER, [wanted(3)])
    assert asked == []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: telling.hear(PEER, []))
        await telling.tell([PEER], 10, lambda _: False)

    # They are not taken for those to a question that comes later.
    asyncio.run(story())
    assert asked == [PEER]
