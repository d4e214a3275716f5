"""Gossip of one node: it starts with the help of its seeds, then tells and asks another node each second.

Some things differ from 4.2, all to be quick and all only while a node starts: what the seeds answer in the shadow
round is kept instead of asked for again; a node that does not know its seeds yet does not wait for the next second to
ask them; and a SYN that comes before the node can answer is answered as soon as it can, where Scylla forgets it.

Source:
    Scylla (branch 4.2), gms/gossiper.cc (run, handle_syn_msg, handle_ack_msg, handle_ack2_msg, handle_shutdown_msg,
    do_shadow_round, do_stop_gossiping, mark_as_shutdown), service/storage_service.cc (prepare_to_join).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from harness.backends.simulation.gossip.broadcasts import Backlog, Broadcasts, HitRates
from harness.backends.simulation.gossip.endpoint_states import EndpointStates, News
from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.gossip.liveness import Liveness
from harness.backends.simulation.gossip.own_states import first_states
from harness.backends.simulation.gossip.partners import partners
from harness.backends.simulation.gossip.ring_news import RingNews
from harness.backends.simulation.gossip.shadow_round import ShadowRound, Told, check_collision
from harness.backends.simulation.gossip.status import (
    SHUTDOWN,
    Status,
    StatusKind,
    boot,
    leaving,
    left,
    normal,
    tokens_text,
)
from harness.backends.simulation.gossip.telling import Telling
from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.incoming import Sender
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.gossip import (
    ApplicationState,
    DigestSyn,
    EndpointState,
    GossipDigest,
    GossipDigestAck,
    GossipDigestAck2,
    GossipDigestSyn,
    GossipEchoRequest,
    GossipShutdown,
)
from harness.topology import Node

PARTITIONER = "org.apache.cassandra.dht.Murmur3Partitioner"

StateListener = Callable[[str, ApplicationState, str], None]
"""Told of an address, what the node there says of itself, and the new value; this node's own changes too."""

_MEETING_TRY_S = 0.1
_MEETING_S, _MEETING_OF_TOLD_S = 1.0, 0.3
"""How long a node that starts waits for seeds that it does not know; shorter if another one has told it of the rest."""
_SILENT_NEWCOMER_S = 30.0
_TALKATIVE = frozenset({StatusKind.NORMAL, StatusKind.LEAVING})
"""Who says so when it stops; others go in silence."""


class Gossiper:
    """Gossip of one node.

    Args:
        context: the node; its members are kept by what is heard.
        identity: who the node is.
        backlog: how far view updates are behind; None: never.
        hit_rates: of the cache; None: nothing is ever read.
        load_bytes: how much the node stores; None: the size of its partitions.
    """

    def __init__(
        self,
        context: NodeContext,
        identity: NodeIdentity,
        *,
        backlog: Backlog | None = None,
        hit_rates: HitRates | None = None,
        load_bytes: Callable[[], int] | None = None,
    ) -> None:
        self.identity = identity
        self._context = context
        self._states = EndpointStates(context.address, identity.generation)
        self._ring = RingNews(context.members, self._states)
        self._liveness = Liveness(context, self._states, self._ring, self._greet)
        self._broadcasts = Broadcasts(
            context, self.set_state, backlog=backlog, hit_rates=hit_rates, load_bytes=load_bytes
        )
        self._seeds = [address for address in context.config.seeds if address != context.address]
        self._listeners: list[StateListener] = []
        self._told: dict[ApplicationState, str] = {}
        self._shadow_round = ShadowRound(lambda address: self._send_digests(address, ()))
        self._early: dict[str, GossipDigestSyn] = {}
        """The last SYN of each node, of those that came before this one could answer."""
        self._telling = Telling(context.address, self._tell)
        self._is_enabled = False
        self._is_young = True
        self._news = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None
        messaging = context.messaging
        messaging.when_refused(self._shadow_round.knows_nothing)
        messaging.handle(Verb.GOSSIP_DIGEST_SYN, self._take_syn)
        messaging.handle(Verb.GOSSIP_DIGEST_ACK, self._take_ack)
        messaging.handle(Verb.GOSSIP_DIGEST_ACK2, self._take_ack2)
        messaging.handle(Verb.GOSSIP_ECHO, self._take_echo)
        messaging.handle(Verb.GOSSIP_SHUTDOWN, self._take_shutdown)

    @property
    def has_to_bootstrap(self) -> bool:
        """Whether the node has to fetch data before it becomes a member."""
        if self._is_seed or self.identity.is_member or not self._context.config.auto_bootstrap:
            return False
        return self.status in {StatusKind.NONE, StatusKind.BOOT}

    @property
    def status(self) -> StatusKind:
        """What the node says of its place in the ring."""
        return Status.of(self.state_of(self._context.address, ApplicationState.STATUS)).kind

    def on_state_change(self, listener: StateListener) -> None:
        """Tell somebody of everything that nodes say of themselves from now on."""
        self._listeners.append(listener)

    def state_of(self, address: str, state: ApplicationState) -> str | None:
        """What a node says of itself; None: nothing."""
        known = self._states.of(address)
        return None if known is None else known.value(state)

    @property
    def known(self) -> tuple[Node, ...]:
        """All nodes that are known, members or not, as they describe themselves."""
        return tuple(self._ring.node_at(address) for address in self._states.known)

    def is_alive(self, address: str) -> bool:
        """Whether a node is alive."""
        return self._liveness.is_alive(address)

    def generation_of(self, address: str) -> int | None:
        """When a node started, in seconds since 1970."""
        known = self._states.of(address)
        return None if known is None else known.generation

    def heartbeat_of(self, address: str) -> int | None:
        """How far a node has counted."""
        known = self._states.of(address)
        return None if known is None else known.version

    # What this node says.

    def set_state(self, state: ApplicationState, value: str) -> None:
        """Say something of this node; before ``start``, it is among the first things."""
        self.announce([(state, value)])

    def announce(self, values: Sequence[tuple[ApplicationState, str]]) -> None:
        """Say several things of this node together."""
        if not self._is_enabled:
            self._told.update(values)
            return
        self._states.announce(values)
        self._changed(self._context.address, values)

    def become_normal(self) -> None:
        """Be a member from now on."""
        self._announce_status(normal(self.identity.tokens), with_tokens=True)
        self._broadcasts.start()

    def announce_boot(self) -> None:
        """Be about to become a member."""
        self._announce_status(boot(self.identity.tokens), with_tokens=True)

    def announce_leaving(self) -> None:
        """Be about to leave."""
        self._announce_status(leaving(self.identity.tokens))

    def announce_left(self) -> None:
        """Be a member no more."""
        self._announce_status(left(self.identity.tokens, self._context.world.now_us))

    def _announce_status(self, value: str, *, with_tokens: bool = False) -> None:
        said = [(ApplicationState.STATUS, value)]
        if with_tokens:
            tokens = tokens_text(self.identity.tokens)
            said = [(ApplicationState.TOKENS, tokens), (ApplicationState.CDC_GENERATION_ID, ""), *said]
        self.announce(said)

    async def tell_all(self) -> None:
        """Return when all nodes that are alive know what this one says of itself now."""
        version = self._states.own.max_version
        await self._telling.tell(self._liveness.live(), version, self.is_alive)

    # Start and stop.

    async def start(self) -> None:
        """Begin; then the node is known to its seeds, and a member unless it has to bootstrap.

        Raises:
            BackendError: no seed answers, or another node has the same address.
        """
        told = await self._ask_seeds()
        self._remember_peers()
        lots = first_states(self._context.config, self.identity, self._told)
        self._states.begin(next(lots))
        for lot in lots:
            self._states.announce(lot)
        self._is_enabled = True
        if not self.has_to_bootstrap:
            self.become_normal()
        self._take_states(told)
        self._states.beat()
        early, self._early = self._early, {}
        for address, request in early.items():
            self._answer_syn(address, request)
        self._rounds = self._context.world.start(self._gossip(), "gossip")
        await self._meet_seeds(_MEETING_OF_TOLD_S if told else _MEETING_S)
        self._is_young = False

    async def stop(self) -> None:
        """Say that the node stops, and stop when that has had time to arrive."""
        if self.status in _TALKATIVE:
            self.set_state(ApplicationState.STATUS, SHUTDOWN)
            for address in self._liveness.live():
                self._context.messaging.send(
                    address, Verb.GOSSIP_SHUTDOWN, GossipShutdown(sender=self._context.address)
                )
            await self._context.world.sleep(self._context.config.shutdown_announce_in_ms / 1000)
        self._is_enabled = False
        self._broadcasts.stop()
        if self._rounds is not None:
            self._rounds.cancel()

    @property
    def _is_seed(self) -> bool:
        return self._context.address in self._context.config.seeds

    async def _ask_seeds(self) -> Told:
        contacts = list(dict.fromkeys([*self._seeds, *(peer.address for peer in self.identity.peers)]))
        has_to_know = not self._is_seed and not self.identity.is_member
        told = await self._shadow_round.run(contacts, has_to_know=has_to_know)
        check_collision(told, self._context.address, self.identity)
        return told

    def _remember_peers(self) -> None:
        for peer in self.identity.peers:
            said = [
                (ApplicationState.DC, peer.datacenter),
                (ApplicationState.RACK, peer.rack),
                (ApplicationState.TOKENS, tokens_text(peer.tokens)),
            ]
            if peer.host_id is not None:
                said.append((ApplicationState.HOST_ID, str(peer.host_id)))
            self._states.remember(peer.address, said)
            self._context.members.join(peer)

    async def _meet_seeds(self, seconds_max: float) -> None:
        until_s = self._context.world.monotonic_s + seconds_max
        while self._context.world.monotonic_s < until_s:
            unknown = [address for address in self._seeds if not self.is_alive(address)]
            if not unknown:
                return
            for address in unknown:
                self._send_syn(address)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_MEETING_TRY_S):
                    await self._news.wait()

    def _greet(self, address: str) -> None:
        self._news.set()
        if self._is_young:
            # It may have started in the same moment, and have asked when nobody listened here.
            self._send_syn(address)

    # Rounds.

    async def _gossip(self) -> None:
        while True:
            await self._context.world.sleep(self._context.config.gossip_interval_ms / 1000)
            self._states.beat()
            digests = self._states.digests(self._context.world.random)
            for address in partners(
                live=self._liveness.live(),
                unreachable=self._liveness.unreachable(),
                seeds=self._seeds,
                random=self._context.world.random,
            ):
                self._liveness.try_anew(address)
                self._send_digests(address, digests)
            self._liveness.judge()
            self._forget_the_gone()

    def _forget_the_gone(self) -> None:
        now_ms = self._context.world.now_us // 1000
        for address in self._liveness.unreachable():
            is_member = self._context.members.topology.node_at(address) is not None
            if not is_member and self._liveness.silence_s(address) > _SILENT_NEWCOMER_S:
                self._context.members.leave(address)
                self._forget(address)
        for address, known in list(self._states.known.items()):
            expires_ms = Status.of(known.value(ApplicationState.STATUS)).expires_ms
            if expires_ms is not None and expires_ms < now_ms:
                self._forget(address)

    def _forget(self, address: str) -> None:
        self._liveness.forget(address)
        self._states.forget(address)

    def _tell(self, address: str) -> None:
        self._states.beat()
        self._send_syn(address)

    def _send_syn(self, address: str) -> None:
        self._send_digests(address, self._states.digests(self._context.world.random))

    def _send_digests(self, address: str, digests: tuple[GossipDigest, ...]) -> None:
        name = self._context.config.cluster_name
        syn = DigestSyn(cluster_name=name, partitioner=PARTITIONER, digests=digests)
        self._send(address, Verb.GOSSIP_DIGEST_SYN, GossipDigestSyn(syn=syn))

    def _send(self, address: str, verb: Verb, body: object) -> None:
        self._context.messaging.send(address, verb, body, tenant=Tenant.SYSTEM)

    # What others say.

    async def _take_syn(self, sender: Sender, request: GossipDigestSyn) -> None:
        if self._is_enabled:
            self._answer_syn(sender.address, request)
            return
        self._early[sender.address] = request
        if not request.syn.digests:
            # It asks what this node would ask it.
            self._shadow_round.knows_nothing(sender.address)

    def _answer_syn(self, address: str, request: GossipDigestSyn) -> None:
        syn = request.syn
        if syn.cluster_name != self._context.config.cluster_name or syn.partitioner != PARTITIONER:
            self._context.world.log(f"{address} is of another cluster: {syn.cluster_name}")
            return
        ack = self._states.examine(syn.digests)
        self._send(address, Verb.GOSSIP_DIGEST_ACK, GossipDigestAck(ack=ack))

    async def _take_ack(self, sender: Sender, request: GossipDigestAck) -> None:
        ack = request.ack
        is_of_shadow_round = self._shadow_round.takes(sender.address, ack)
        if not self._is_enabled:
            return
        self._take_states(ack.states)
        if is_of_shadow_round:
            return
        wanted = self._states.wanted(ack.digests)
        self._send(sender.address, Verb.GOSSIP_DIGEST_ACK2, GossipDigestAck2(ack2=wanted))
        self._telling.hear(sender.address, ack.digests)

    async def _take_ack2(self, _: Sender, request: GossipDigestAck2) -> None:
        if self._is_enabled:
            self._take_states(request.ack2.states)

    async def _take_echo(self, _: Sender, __: GossipEchoRequest) -> None:
        """Answer, that is all."""

    async def _take_shutdown(self, _: Sender, request: GossipShutdown) -> None:
        if self._is_enabled and self._states.shut_down(request.sender, SHUTDOWN):
            self._liveness.take_down(request.sender)
            self._changed(request.sender, [(ApplicationState.STATUS, SHUTDOWN)])

    def _take_states(self, told: Iterable[tuple[str, EndpointState]]) -> None:
        for address, state in told:
            news, changed = self._states.merge(address, state, self._context.now_s)
            if news is News.OLD:
                continue
            self._changed(address, changed)
            self._liveness.hear(address, is_restart=news is News.RESTART)

    def _changed(self, address: str, changed: Sequence[tuple[ApplicationState, str]]) -> None:
        if not _OF_THE_RING.isdisjoint(state for state, _ in changed):
            self._ring.changed(address)
        for state, value in changed:
            for listener in self._listeners:
                listener(address, state, value)


_OF_THE_RING = frozenset(
    {
        ApplicationState.STATUS,
        ApplicationState.TOKENS,
        ApplicationState.DC,
        ApplicationState.RACK,
        ApplicationState.HOST_ID,
    }
)
