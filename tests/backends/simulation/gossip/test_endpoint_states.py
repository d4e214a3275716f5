from random import Random

from harness.backends.simulation.gossip.endpoint_states import HIGHEST_VERSION, EndpointStates, News
from harness.codec.verbs.gossip import (
    ApplicationState,
    DigestAck,
    EndpointState,
    GossipDigest,
    HeartBeat,
    VersionedValue,
)

N1, N2, N3 = "172.31.8.11", "172.31.8.12", "172.31.8.13"
# Generations as in base/idle_gossip.pcapng of 4.2.4.
G1, G2, G3 = 1795337581, 1795337587, 1795337610
NOW_S = G3 + 30


def digest(endpoint: str, generation: int, max_version: int) -> GossipDigest:
    return GossipDigest(endpoint=endpoint, generation=generation, max_version=max_version)


def state(generation: int, version: int, **values: tuple[str, int]) -> EndpointState:
    return EndpointState(
        heart_beat=HeartBeat(generation=generation, version=version),
        application_states=tuple(
            (ApplicationState[name], VersionedValue(value=value, version=at))
            for name, (value, at) in values.items()
        ),
    )


def second_node() -> EndpointStates:
    """What n2 knew when the capture begins, as far as it matters."""
    states = EndpointStates(N2, G2)
    states.merge(N1, state(G1, 279, VIEW_BACKLOG=("a", 281)), NOW_S)
    states.merge(N3, state(G3, 90, VIEW_BACKLOG=("c", 92)), NOW_S)
    states.own.version = 188
    states.own.states[ApplicationState.VIEW_BACKLOG] = VersionedValue(value="b", version=187)
    states.own.states[ApplicationState.CACHE_HITRATES] = VersionedValue(value="h", version=190)
    return states


def test_an_ack_asks_for_what_is_newer_there_and_gives_what_is_newer_here() -> None:
    # The first SYN and ACK of base/idle_gossip.pcapng.
    ack = second_node().examine([digest(N2, G2, 188), digest(N1, G1, 284), digest(N3, G3, 95)])
    assert ack == DigestAck(
        digests=(digest(N3, G3, 92), digest(N1, G1, 281)),
        states=((N2, state(G2, 188, CACHE_HITRATES=("h", 190))),),
    )


def test_nothing_is_said_of_nodes_that_the_sender_does_not_name() -> None:
    ack = second_node().examine([digest(N2, G2, 190)])
    assert ack == DigestAck(digests=(), states=())


def test_a_syn_without_digests_is_answered_with_everything() -> None:
    ack = second_node().examine([])
    assert ack.digests == ()
    assert [address for address, _ in ack.states] == [N1, N2, N3]
    assert ack.states[1][1] == state(G2, 188, CACHE_HITRATES=("h", 190), VIEW_BACKLOG=("b", 187))


def test_of_an_unknown_node_and_of_a_newer_run_everything_is_asked_for() -> None:
    ack = second_node().examine([digest("172.31.8.14", G3, 7), digest(N3, G3 + 1, 5)])
    assert ack.digests == (digest(N3, G3 + 1, 0), digest("172.31.8.14", G3, 0))


def test_of_an_older_run_everything_is_told() -> None:
    ack = second_node().examine([digest(N3, G3 - 1, 5000)])
    assert ack == DigestAck(digests=(), states=((N3, state(G3, 90, VIEW_BACKLOG=("c", 92))),))


def test_an_ack2_gives_the_heartbeat_even_without_values() -> None:
    states = second_node()
    states.own.version = 193
    assert states.wanted([digest(N2, G2, 190)]).states == ((N2, state(G2, 193)),)


def test_values_draw_two_versions_each_from_the_counter_of_the_heartbeat() -> None:
    # As n1 of base/boot.pcapng counts: ten first values, 13 and 14 for two more, 17 and 18, 20, then a beat.
    states = EndpointStates(N1, G1)
    states.begin([(ApplicationState(number), "") for number in range(10)])
    states.announce([(ApplicationState.DC, ""), (ApplicationState.RACK, "")])
    states.announce([(ApplicationState.SHARD_COUNT, ""), (ApplicationState.IGNORE_MSB_BITS, "")])
    states.announce([(ApplicationState.SUPPORTED_FEATURES, "")])
    states.beat()
    versions = {key: value.version for key, value in states.own.states.items()}
    assert [
        versions[state] for state in (ApplicationState.SHARD_COUNT, ApplicationState.IGNORE_MSB_BITS)
    ] == [17, 18]
    assert (versions[ApplicationState.SUPPORTED_FEATURES], states.own.version) == (20, 21)


def test_news_of_a_known_run_are_the_values_with_higher_versions() -> None:
    states = second_node()
    told = state(G3, 95, VIEW_BACKLOG=("d", 94), LOAD=("5", 60))
    assert states.merge(N3, told, NOW_S) == (
        News.MORE,
        [(ApplicationState.VIEW_BACKLOG, "d"), (ApplicationState.LOAD, "5")],
    )
    assert states.merge(N3, told, NOW_S) == (News.OLD, [])


def test_an_older_run_and_the_node_itself_are_no_news() -> None:
    states = second_node()
    assert states.merge(N3, state(G3 - 1, 5000), NOW_S) == (News.OLD, [])
    assert states.merge(N2, state(G2 + 5, 5000), NOW_S) == (News.OLD, [])


def test_a_generation_of_a_broken_clock_is_not_believed() -> None:
    states = second_node()
    assert states.merge(N3, state(NOW_S + 400 * 86400, 1), NOW_S) == (News.OLD, [])


def test_what_a_node_says_after_its_shutdown_is_no_news_until_it_starts_again() -> None:
    states = second_node()
    assert states.shut_down(N3, "shutdown,true")
    known = states.of(N3)
    assert known is not None
    assert known.max_version == HIGHEST_VERSION
    assert states.merge(N3, state(G3, 5000), NOW_S) == (News.OLD, [])
    assert states.merge(N3, state(G3 + 9, 1), NOW_S) == (News.RESTART, [])


def test_digests_are_of_all_nodes() -> None:
    digests = second_node().digests(Random(1))
    assert sorted(digests, key=lambda one: one.endpoint) == [
        digest(N1, G1, 281),
        digest(N2, G2, 190),
        digest(N3, G3, 92),
    ]
