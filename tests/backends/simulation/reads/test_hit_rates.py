"""How much of what is read is said to come from memory."""

import asyncio

from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.reads.hit_rates import HitRates
from harness.codec.verbs.read import ReadDigestReply
from tests.backends.simulation.loopback_nodes import loopback_nodes
from tests.backends.simulation.reads.reading_nodes import reading_nodes


def test_a_table_that_is_read_comes_from_memory_when_it_is_told_next() -> None:
    async def run() -> None:
        async with loopback_nodes(
            1, "CREATE TABLE t (k int PRIMARY KEY); CREATE TABLE o (k int PRIMARY KEY)"
        ) as (node,):
            rates = HitRates(node.context)
            table = node.context.catalog.table("ks", "t")
            assert table is not None
            assert table.table.id is not None
            rates.note(table.table.id)
            assert rates.of(table.table.id) == 0
            assert list(rates.calculate()) == [("ks.t", 1.0)]
            assert rates.of(table.table.id) == 255

    asyncio.run(run())


def test_replies_say_it() -> None:
    async def run() -> None:
        async with reading_nodes() as nodes:
            replies: list[int] = []
            answer = nodes[1].replica._take_digest

            def heard(*asked: object) -> object:
                reply = answer(*asked)  # type: ignore[arg-type]  # as the messaging asks it
                assert isinstance(reply, ReadDigestReply)
                assert isinstance(reply.hit_rate, int)
                replies.append(reply.hit_rate)
                return reply

            nodes[1].context.messaging.handle_promptly(Verb.READ_DIGEST, heard)
            while not replies:
                await nodes[0].rows("SELECT * FROM t WHERE k = 1")
            list(nodes[1].replica.hit_rates.calculate())
            while len(replies) < 2:
                await nodes[0].rows("SELECT * FROM t WHERE k = 1")
            assert replies == [0, 255]

    asyncio.run(run())
