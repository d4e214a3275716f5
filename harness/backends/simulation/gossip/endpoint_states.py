"""What one node knows of all nodes by gossip, itself included: versions, digests, and what is news to whom.

Source:
    Scylla (branch 4.2), gms/gossiper.cc (do_sort, examine_gossiper, get_state_for_version_bigger_than,
    do_apply_state_locally, apply_new_states), gms/version_generator.cc, gms/endpoint_state.hh.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from harness.codec.verbs.gossip import (
    ApplicationState,
    DigestAck,
    DigestAck2,
    EndpointState,
    GossipDigest,
    HeartBeat,
    VersionedValue,
)

HIGHEST_VERSION = 2**31 - 1
"""What counts as the version of a node that has said that it stops: nothing that it still says is news."""
_GENERATION_STEP_MAX_S = 365 * 86400
"""A generation so far ahead of the known one is taken for a broken clock."""


class News(Enum):
    """What a state of a node was when it came."""

    OLD = "old"
    MORE = "more"
    """Of the run that is known."""
    RESTART = "restart"
    """Of a node, or of a run of it, that was not known."""


@dataclass(slots=True)
class KnownEndpoint:
    """What is known of one node."""

    generation: int
    version: int
    """Of the heartbeat."""
    states: dict[int, VersionedValue] = field(default_factory=dict)

    @property
    def max_version(self) -> int:
        """The highest of all versions."""
        return max((self.version, *(value.version for value in self.states.values())))

    def value(self, state: ApplicationState) -> str | None:
        """What the node says of itself; None: nothing."""
        found = self.states.get(state)
        return None if found is None else found.value

    def newer_than(self, version: int) -> EndpointState | None:
        """What is newer than a version, the heartbeat in any case; None: nothing is."""
        newer = sorted((key, value) for key, value in self.states.items() if value.version > version)
        if not newer and self.version <= version:
            return None
        return EndpointState(
            heart_beat=HeartBeat(generation=self.generation, version=self.version),
            application_states=tuple(newer),
        )


class EndpointStates:
    """What is known of all nodes.

    Args:
        address: this node's.
        generation: this node's.
    """

    def __init__(self, address: str, generation: int) -> None:
        self._address = address
        self._last_version = 0
        self.own = KnownEndpoint(generation, 0)
        self._known: dict[str, KnownEndpoint] = {address: self.own}

    @property
    def known(self) -> Mapping[str, KnownEndpoint]:
        """All nodes, by address."""
        return self._known

    def of(self, address: str) -> KnownEndpoint | None:
        """One node."""
        return self._known.get(address)

    # This node's own.

    def beat(self) -> None:
        """Count the heart's next beat."""
        self.own.version = self.next_version()

    def begin(self, values: Sequence[tuple[ApplicationState, str]]) -> None:
        """Say the first things of this node, before anybody knows it."""
        for state, value in values:
            self.own.states[state] = VersionedValue(value=value, version=self.next_version())

    def announce(self, values: Sequence[tuple[ApplicationState, str]]) -> None:
        """Say things of this node that all others shall hear.

        Each value draws a version when it is made and a higher one when it is set: what is told to others between
        the two must not hide it.
        """
        for _ in values:
            self.next_version()
        self.begin(values)

    def next_version(self) -> int:
        """The next number of the counter that heartbeat and values share."""
        self._last_version += 1
        return self._last_version

    # The three steps of a round.

    def digests(self, random: Random) -> tuple[GossipDigest, ...]:
        """How much this node knows of each, in any order."""
        digests = [
            GossipDigest(endpoint=address, generation=known.generation, max_version=known.max_version)
            for address, known in self._known.items()
        ]
        random.shuffle(digests)
        return tuple(digests)

    def examine(self, digests: Sequence[GossipDigest]) -> DigestAck:
        """Answer a SYN: what of it is news here, and what is news to its sender.

        Args:
            digests: the sender's; none: it wants everything.
        """
        if not digests:
            return DigestAck(digests=(), states=self._sorted(dict.fromkeys(self._known, 0)))
        wanted: list[GossipDigest] = []
        newer: dict[str, int] = {}
        for digest in sorted(digests, key=self._urgency, reverse=True):
            known = self._known.get(digest.endpoint)
            if known is None or digest.generation > known.generation:
                wanted.append(_from(digest, 0))
            elif digest.generation < known.generation:
                newer[digest.endpoint] = 0
            elif digest.max_version > known.max_version:
                wanted.append(_from(digest, known.max_version))
            elif digest.max_version < known.max_version:
                newer[digest.endpoint] = digest.max_version
        return DigestAck(digests=tuple(wanted), states=self._sorted(newer))

    def wanted(self, digests: Iterable[GossipDigest]) -> DigestAck2:
        """Give what an ACK asks for."""
        return DigestAck2(states=self._sorted({digest.endpoint: digest.max_version for digest in digests}))

    def _urgency(self, digest: GossipDigest) -> tuple[int, int]:
        known = self._known.get(digest.endpoint)
        version = 0 if known is None else known.max_version
        return digest.generation, abs(version - digest.max_version)

    def _sorted(self, versions: Mapping[str, int]) -> tuple[tuple[str, EndpointState], ...]:
        found = [
            (address, newer)
            for address, version in versions.items()
            if (known := self._known.get(address)) is not None
            and (newer := known.newer_than(version)) is not None
        ]
        return tuple(sorted(found, key=lambda entry: _number(entry[0])))

    # Other nodes.

    def merge(
        self, address: str, state: EndpointState, now_s: int
    ) -> tuple[News, list[tuple[ApplicationState, str]]]:
        """Take what somebody says of another node; gives which of it is news.

        Args:
            address: of the node.
            state: what is said.
            now_s: seconds since 1970.
        """
        if address == self._address:
            return News.OLD, []
        known, beat = self._known.get(address), state.heart_beat
        if beat.generation > now_s + _GENERATION_STEP_MAX_S:
            return News.OLD, []
        if known is None or beat.generation > known.generation:
            self._known[address] = KnownEndpoint(
                beat.generation, beat.version, dict(state.application_states)
            )
            return News.RESTART, [
                (ApplicationState(key), value.value)
                for key, value in state.application_states
                if key in _NAMED
            ]
        heard = max((beat.version, *(value.version for _, value in state.application_states)))
        if beat.generation < known.generation or heard <= known.max_version:
            return News.OLD, []
        known.version = max(known.version, beat.version)
        changed = []
        for key, value in state.application_states:
            before = known.states.get(key)
            if before is None or value.version > before.version:
                known.states[key] = value
                if key in _NAMED:
                    changed.append((ApplicationState(key), value.value))
        return News.MORE, changed

    def remember(self, address: str, values: Iterable[tuple[ApplicationState, str]]) -> None:
        """Know a node from an earlier run of this one: whatever it says is newer."""
        states: dict[int, VersionedValue] = {
            state: VersionedValue(value=value, version=0) for state, value in values
        }
        self._known.setdefault(address, KnownEndpoint(0, 0, states))

    def shut_down(self, address: str, status: str) -> bool:
        """Take it that a node stops; whether it was known."""
        known = self._known.get(address)
        if known is None or address == self._address:
            return False
        # Version and all: that is how those hear of it whom the node itself did not tell.
        known.states[ApplicationState.STATUS] = VersionedValue(value=status, version=self.next_version())
        known.version = HIGHEST_VERSION
        return True

    def forget(self, address: str) -> None:
        """Know nothing of a node any more."""
        if address != self._address:
            self._known.pop(address, None)


_NAMED = frozenset(ApplicationState)


def _from(digest: GossipDigest, version: int) -> GossipDigest:
    return GossipDigest(endpoint=digest.endpoint, generation=digest.generation, max_version=version)


def _number(address: str) -> tuple[int, ...]:
    """Addresses in the order of their bytes."""
    if ":" in address:
        return tuple(address.encode())
    return tuple(int(part) for part in address.split("."))
