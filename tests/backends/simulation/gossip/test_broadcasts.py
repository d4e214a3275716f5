import asyncio
import re

from harness.backends.simulation.gossip.broadcasts import Broadcasts
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.gossip import ApplicationState
from tests.backends.simulation.gossip.cluster import Cluster, in_cluster, until
from tests.backends.simulation.tables import catalog_of

TABLES = "CREATE TABLE b (k int PRIMARY KEY); CREATE TABLE a (k int PRIMARY KEY)"


def test_a_backlog_is_said_with_its_limit_and_the_time() -> None:
    async def story(cluster: Cluster) -> list[tuple[ApplicationState, str]]:
        node = await cluster.node(1)
        said: list[tuple[ApplicationState, str]] = []
        Broadcasts(
            node.context, lambda *one: said.append(one), backlog=lambda: (5, 1000), load_bytes=lambda: 12
        ).start()
        await until(lambda: len(said) == 2)
        return said

    (state, text), load = in_cluster(story, [1], gossip_interval_ms=10)
    assert state is ApplicationState.VIEW_BACKLOG
    assert re.fullmatch(r"5:1000:\d{13}", text)
    assert load == (ApplicationState.LOAD, "12")


def test_a_node_whose_views_were_never_behind_has_no_limit_as_in_captures() -> None:
    async def story(cluster: Cluster) -> str:
        node = await cluster.node(1)
        said: list[str] = []
        Broadcasts(node.context, lambda _, text: said.append(text)).start()
        await until(lambda: bool(said))
        return said[0]

    assert in_cluster(story, [1]).startswith("0:18446744073709551615:")


def test_hit_rates_are_of_all_tables_that_others_may_read() -> None:
    async def story(cluster: Cluster) -> list[tuple[ApplicationState, str]]:
        cluster.make_storage = lambda: Storage(catalog_of(TABLES))
        node = await cluster.node(1)
        said: list[tuple[ApplicationState, str]] = []
        broadcasts = Broadcasts(
            node.context,
            lambda *one: said.append(one),
            hit_rates=lambda: [("ks.b", 0.25), ("system.local", 1)],
        )
        broadcasts.start()
        broadcasts.start()
        await until(lambda: any(state is ApplicationState.CACHE_HITRATES for state, _ in said))
        broadcasts.stop()
        count = len(said)
        await asyncio.sleep(0)
        assert len(said) == count
        return said

    said = in_cluster(story, [1])
    rates = [text for state, text in said if state is ApplicationState.CACHE_HITRATES]
    assert rates == ["ks.a:0.000000;ks.b:0.250000;"]
