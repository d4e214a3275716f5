import asyncio

from harness.backends.simulation.messaging.verb import Verb
from harness.codec.verbs.gossip import ApplicationState
from tests.backends.simulation.gossip.cluster import Cluster, Running, address, in_cluster, until

DAY_MS = 86_400_000


class SlowClock:
    """A world's clock that can jump."""

    def __init__(self, node: Running) -> None:
        self._real = node.context.world
        self.ahead_s = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    @property
    def monotonic_s(self) -> float:
        return self._real.monotonic_s + self.ahead_s


def test_a_node_that_slept_itself_blames_nobody() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2)
        await until(lambda: nodes[0].gossip.is_alive(address(2)))
        clock = SlowClock(nodes[0])
        nodes[0].context.world = clock  # type: ignore[assignment]
        judge = nodes[0].gossip._liveness.judge
        judge()
        clock.ahead_s = 2 * DAY_MS / 1000
        judge()
        assert nodes[0].gossip.is_alive(address(2))

    in_cluster(story, [1, 2], gossip_interval_ms=DAY_MS)


def test_silence_counts_from_the_last_news_in_rounds_that_come_in_time() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2)
        await until(lambda: nodes[0].gossip.is_alive(address(2)))
        clock = SlowClock(nodes[0])
        nodes[0].context.world = clock  # type: ignore[assignment]
        judge = nodes[0].gossip._liveness.judge
        for ahead_s in (0.0, 0.5):
            clock.ahead_s = ahead_s
            judge()
            assert nodes[0].gossip.is_alive(address(2))
        clock.ahead_s = 1.5
        judge()
        assert not nodes[0].gossip.is_alive(address(2))

    in_cluster(story, [1, 2], gossip_interval_ms=DAY_MS, failure_timeout_ms=1000)


def test_a_node_that_does_not_answer_an_echo_is_not_up() -> None:
    async def story(cluster: Cluster) -> None:
        silent = await cluster.node(2)
        echoes = asyncio.Event()

        async def never(_: object, __: object) -> None:
            echoes.set()
            await asyncio.Event().wait()

        silent.context.messaging.handle(Verb.GOSSIP_ECHO, never)
        first = await cluster.node(1)
        await asyncio.gather(silent.gossip.start(), first.gossip.start())
        await echoes.wait()
        assert first.gossip.state_of(address(2), ApplicationState.HOST_ID) is not None
        assert not first.gossip.is_alive(address(2))
        assert silent.gossip.is_alive(address(1))

    in_cluster(story, [1, 2])
