"""Words for gossip, and for the introduction on a new connection."""

from harness.codec.verbs.connection import ClientId
from harness.codec.verbs.gossip import (
    ApplicationState,
    EndpointState,
    GossipDigest,
    GossipDigestAck,
    GossipDigestAck2,
    GossipDigestSyn,
    GossipEchoRequest,
    GossipGetEndpointStatesReply,
    GossipGetEndpointStatesRequest,
    GossipShutdown,
    VersionedValue,
)
from harness.events.wording.words import Words, counted, listed, present, says, sentence

_VALUES_SHOWN = frozenset({ApplicationState.STATUS, ApplicationState.SCHEMA, ApplicationState.RPC_READY})
"""Short values that make a difference to a reader."""


@says(ClientId)
def _client_id(body: ClientId, words: Words) -> str:
    destination = present(body.destination_host_id)
    return sentence(
        f"{words.node(body.broadcast_address)} shard {body.shard}",
        "" if destination is None else f"meant for {words.host(destination)}",
    )


@says(GossipDigestSyn)
def _syn(body: GossipDigestSyn, _words: Words) -> str:
    if not body.syn.digests:
        return "no digests: tell me everything (shadow round)"
    return counted(len(body.syn.digests), "digest")


@says(GossipDigestAck)
def _ack(body: GossipDigestAck, words: Words) -> str:
    wanted = _wanted(body.ack.digests, words)
    return sentence(wanted, _states(body.ack.states, words)) or "nothing new"


@says(GossipDigestAck2)
def _ack2(body: GossipDigestAck2, words: Words) -> str:
    return _states(body.ack2.states, words) or "nothing new"


@says(GossipEchoRequest)
def _echo(body: GossipEchoRequest, _words: Words) -> str:
    generation = present(body.generation)
    return sentence(
        "" if generation is None else f"generation {generation}",
        "see me as up" if present(body.notify_up) else "",
    )


@says(GossipShutdown)
def _shutdown(body: GossipShutdown, words: Words) -> str:
    return f"{words.node(body.sender)} stops"


@says(GossipGetEndpointStatesRequest)
def _get_states(body: GossipGetEndpointStatesRequest, _words: Words) -> str:
    return f"wants {listed([_state_name(state) for state in body.request.application_states])}"


@says(GossipGetEndpointStatesReply)
def _got_states(body: GossipGetEndpointStatesReply, words: Words) -> str:
    return _states(body.response.states, words) or "knows nobody"


def _wanted(digests: tuple[GossipDigest, ...], words: Words) -> str:
    if not digests:
        return ""
    return "wants " + listed(
        [
            f"{words.node(digest.endpoint)} {f'since {digest.max_version}' if digest.max_version else 'from the start'}"
            for digest in digests
        ]
    )


def _states(states: tuple[tuple[str, EndpointState], ...], words: Words) -> str:
    return "; ".join(f"{words.node(endpoint)}: {_news(state)}" for endpoint, state in states)


def _news(state: EndpointState) -> str:
    news = [_shown(number, value) for number, value in state.application_states]
    return listed([f"heartbeat {state.heart_beat.version}", *news])


def _shown(number: int, value: VersionedValue) -> str:
    if number in _VALUES_SHOWN:
        return f"{_state_name(number)}={value.value.split(',')[0]}"
    return _state_name(number)


def _state_name(number: int) -> str:
    return str(getattr(number, "name", number))
