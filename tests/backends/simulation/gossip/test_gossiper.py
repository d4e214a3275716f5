import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from harness.backends.simulation.gossip.gossiper import PARTITIONER
from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.status import StatusKind
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.storage.storage import Storage
from harness.codec.verbs.gossip import ApplicationState, DigestSyn, GossipDigestAck, GossipDigestSyn
from harness.errors import BackendError
from harness.topology import Node
from tests.backends.simulation.captured import trace_of
from tests.backends.simulation.gossip.cluster import GENERATION, Cluster, Running, address, in_cluster, until
from tests.backends.simulation.tables import catalog_of

SEEDS = [1, 2, 3]


def know_each_other(nodes: list[Running]) -> bool:
    everybody = {node.address for node in nodes}
    return all(node.live() | {node.address} == everybody == node.members() for node in nodes)


def test_three_seeds_that_start_together_know_each_other_at_once() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        # Long before the first round.
        await until(lambda: know_each_other(nodes), timeout_s=1.0)
        ring = [token for token, _ in nodes[0].context.members.topology.ring]
        assert ring == sorted(token for node in nodes for token in node.identity.tokens)

    in_cluster(story, SEEDS, gossip_interval_ms=60_000)


@pytest.mark.parametrize("numbers", [(1, 2, 3), (1, 2)])
def test_seeds_wait_for_none_that_starts_too_or_is_not_there(
    monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
) -> None:
    monkeypatch.setattr("harness.backends.simulation.gossip.shadow_round._TRY_S", 60)
    monkeypatch.setattr("harness.backends.simulation.gossip.gossiper._MEETING_S", 0.01)

    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(*numbers)
        # Each has asked the others when they could not answer yet, and is answered all the same.
        await until(lambda: know_each_other(nodes))

    in_cluster(story, SEEDS, gossip_interval_ms=60_000)


def test_a_seed_without_others_is_a_member_at_once() -> None:
    async def story(cluster: Cluster) -> None:
        (node,) = await cluster.start(1)
        assert node.gossip.status is StatusKind.NORMAL
        assert node.context.members.own.tokens == node.identity.tokens
        assert node.members() == {node.address}

    in_cluster(story, [1])


def test_a_node_that_is_killed_is_down_for_the_others_and_still_a_member() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        nodes[2].kill()
        await until(
            lambda: not nodes[0].gossip.is_alive(address(3)) and not nodes[1].gossip.is_alive(address(3))
        )
        assert nodes[0].members() == {address(1), address(2), address(3)}
        assert nodes[0].live() == {address(2)}

    in_cluster(story, SEEDS)


def test_a_node_that_starts_again_is_up_with_its_new_generation_and_knows_its_peers() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        nodes[2].kill()
        await until(lambda: not nodes[0].gossip.is_alive(address(3)))
        again = await cluster.node(
            3,
            replace(
                nodes[2].identity,
                generation=GENERATION + 5,
                is_member=True,
                peers=tuple(node.context.members.own for node in nodes[:2]),
            ),
        )
        await again.gossip.start()
        await until(lambda: know_each_other([*nodes[:2], again]))
        assert nodes[0].gossip.generation_of(address(3)) == GENERATION + 5

    in_cluster(story, SEEDS)


def test_a_node_that_could_not_be_reached_for_a_while_is_up_again() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        away = nodes[2].context.messaging
        send = away.send
        away.send = lambda *_, **__: None  # type: ignore[method-assign]
        away.close()
        await until(lambda: address(3) not in nodes[0].live() | nodes[1].live() and not nodes[2].live())
        away.send = send  # type: ignore[method-assign]
        await away.listen()
        await until(lambda: know_each_other(nodes))
        assert nodes[0].gossip.generation_of(address(3)) == GENERATION

    in_cluster(story, SEEDS)


def test_a_restart_that_nobody_noticed_takes_the_node_down_and_up() -> None:
    async def story(cluster: Cluster) -> list[str]:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        heard: list[str] = []

        class Listener:
            def node_joined(self, node: Node) -> None:
                heard.append(f"joined {node.address}")

            def node_left(self, node: Node) -> None:
                heard.append(f"left {node.address}")

            def node_up(self, node: Node) -> None:
                heard.append(f"up {node.address}")

            def node_down(self, node: Node) -> None:
                heard.append(f"down {node.address}")

        nodes[0].context.members.subscribe(Listener())
        nodes[2].kill()
        again = await cluster.node(3, replace(nodes[2].identity, generation=GENERATION + 5, is_member=True))
        await again.gossip.start()
        await until(lambda: f"up {address(3)}" in heard)
        return heard

    heard = in_cluster(story, SEEDS, failure_timeout_ms=60_000)
    assert heard == [f"down {address(3)}", f"up {address(3)}"]


def test_members_of_the_last_run_are_known_before_anybody_answers() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        peers = tuple(node.context.members.own for node in nodes[1:])
        for node in nodes:
            node.kill()
        again = await cluster.node(
            1, replace(nodes[0].identity, generation=GENERATION + 5, is_member=True, peers=peers)
        )
        await again.gossip.start()
        assert again.members() == {address(1), address(2), address(3)}
        assert again.live() == set()

    in_cluster(story, SEEDS)


def test_a_node_that_stops_says_so_and_is_down_at_once() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        stopping = asyncio.create_task(nodes[2].gossip.stop())
        await until(lambda: nodes[0].live() == {address(2)}, timeout_s=1.0)
        assert nodes[0].gossip.state_of(address(3), ApplicationState.STATUS) == "shutdown,true"
        assert address(3) in nodes[0].members()
        await stopping

    in_cluster(story, SEEDS, failure_timeout_ms=60_000, shutdown_announce_in_ms=200)


def test_what_a_node_says_reaches_all_others() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        heard: list[tuple[str, ApplicationState, str]] = []
        nodes[2].gossip.on_state_change(lambda *change: heard.append(change))
        nodes[0].gossip.set_state(ApplicationState.RPC_READY, "1")
        change = (address(1), ApplicationState.RPC_READY, "1")
        await until(lambda: change in heard)
        await until(lambda: nodes[1].gossip.state_of(address(1), ApplicationState.RPC_READY) == "1")
        # However often it is told, it is news once.
        later = (nodes[2].gossip.heartbeat_of(address(1)) or 0) + 2
        await until(lambda: (nodes[2].gossip.heartbeat_of(address(1)) or 0) >= later)
        assert heard.count(change) == 1

    in_cluster(story, SEEDS)


def test_all_know_when_a_node_has_told_them() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2, 3)
        await until(lambda: know_each_other(nodes))
        nodes[1].gossip.announce_leaving()
        await nodes[1].gossip.tell_all()
        for node in (nodes[0], nodes[2]):
            status = node.gossip.state_of(address(2), ApplicationState.STATUS)
            assert status == f"LEAVING,{nodes[1].identity.tokens[0]}"

    in_cluster(story, SEEDS, gossip_interval_ms=60_000)


def test_a_newcomer_that_is_no_seed_says_nothing_of_tokens_before_it_has_its_data() -> None:
    async def story(cluster: Cluster) -> None:
        (seed,) = await cluster.start(1)
        newcomer = await cluster.node(4)
        await newcomer.gossip.start()
        assert newcomer.gossip.has_to_bootstrap
        await until(lambda: seed.gossip.is_alive(address(4)))
        assert seed.members() == {address(1)}
        newcomer.gossip.announce_boot()
        await newcomer.gossip.tell_all()
        assert seed.members() == {address(1)}
        newcomer.gossip.become_normal()
        await newcomer.gossip.tell_all()
        assert seed.members() == {address(1), address(4)}

    in_cluster(story, [1])


def test_an_address_that_is_taken_by_another_host_is_refused() -> None:
    async def story(cluster: Cluster) -> None:
        nodes = await cluster.start(1, 2)
        nodes[1].kill()
        await until(lambda: not nodes[0].gossip.is_alive(address(2)))
        stranger = await cluster.node(
            2, NodeIdentity(host_id=UUID(int=99, version=4), tokens=(5,), generation=GENERATION + 9)
        )
        with pytest.raises(BackendError, match="exists already"):
            await stranger.gossip.start()

    in_cluster(story, [1, 2])


def test_nodes_of_another_cluster_are_not_answered() -> None:
    async def story(cluster: Cluster) -> None:
        (seed,) = await cluster.start(1)
        stranger = await cluster.node(4, cluster_name="another")
        answers = []

        async def take(_: object, ack: GossipDigestAck) -> None:
            answers.append(ack)

        stranger.context.messaging.handle(Verb.GOSSIP_DIGEST_ACK, take)
        for name in ("another", "Test Cluster"):
            syn = DigestSyn(cluster_name=name, partitioner=PARTITIONER, digests=())
            stranger.context.messaging.send(seed.address, Verb.GOSSIP_DIGEST_SYN, GossipDigestSyn(syn=syn))
        await until(lambda: bool(answers))
        assert len(answers) == 1

    in_cluster(story, [1])


@pytest.mark.reference
def test_a_member_says_of_itself_what_a_member_of_4_2_says(reference: Path) -> None:
    real: dict[str, str] = {}
    for message in trace_of(reference / "scylla-4.2/base/boot.pcapng").rpc:
        if isinstance(message.body, GossipDigestAck):
            for _, state in message.body.ack.states:
                real.update((ApplicationState(key).name, v.value) for key, v in state.application_states)

    async def story(cluster: Cluster) -> dict[str, str]:
        cluster.make_storage = lambda: Storage(catalog_of("CREATE TABLE t (k int PRIMARY KEY)"))
        nodes = await cluster.start(1, 2)
        nodes[0].gossip.set_state(ApplicationState.SCHEMA, str(UUID(int=1)))
        nodes[0].gossip.set_state(ApplicationState.RPC_READY, "1")
        seen = nodes[1].gossip
        said = [ApplicationState.LOAD, ApplicationState.SCHEMA, ApplicationState.CACHE_HITRATES]
        await until(lambda: all(seen.state_of(address(1), state) for state in said))
        await until(lambda: seen.state_of(address(1), ApplicationState.RPC_READY) == "1")
        known = seen._states.of(address(1))
        assert known is not None
        return {ApplicationState(key).name: value.value for key, value in known.states.items()}

    said = in_cluster(story, [1, 2])
    assert set(said) == set(real)
    same = ["RELEASE_VERSION", "NET_VERSION", "SUPPORTED_FEATURES", "SCHEMA_TABLES_VERSION", "RPC_READY"]
    same += ["SHARD_COUNT", "IGNORE_MSB_BITS", "CDC_GENERATION_ID", "DC", "RACK"]
    assert {name: said[name] for name in same} == {name: real[name] for name in same}
    assert said["VIEW_BACKLOG"].rpartition(":")[0] == real["VIEW_BACKLOG"].rpartition(":")[0]
    assert said["LOAD"] == "77042"
    assert said["CACHE_HITRATES"] == "ks.t:0.500000;"
