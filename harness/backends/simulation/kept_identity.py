"""Who a node is, kept in its journal: host id, ring tokens, generation, and whom it knew.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc (increment_and_get_generation, load_host_ids, load_tokens).
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.journal import Journal, RecordKind
from harness.backends.simulation.node_config import NodeConfig
from harness.errors import DecodeError
from harness.topology import Node

_TOKEN_BITS = 64


class KeptIdentity:
    """The identity of a node through its runs: first ``restore`` what the journal has, then ``begin``.

    Args:
        config: what the node is told of itself.
        journal: keeps it.
    """

    def __init__(self, config: NodeConfig, journal: Journal) -> None:
        self._config = config
        self._journal = journal
        self._identity: NodeIdentity | None = None

    def restore(self, data: bytes) -> None:
        """Take a record of the journal; the last one counts.

        Raises:
            DecodeError: it is none of an identity.
        """
        try:
            told: dict[str, Any] = json.loads(data)
            self._identity = NodeIdentity(
                host_id=UUID(told["host_id"]),
                tokens=tuple(told["tokens"]),
                generation=told["generation"],
                is_member=told["is_member"],
                has_left=told.get("has_left", False),
                peers=tuple(_peer_of(peer) for peer in told["peers"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DecodeError(f"identity of a node: {error}", layer="journal", offset_bytes=0) from error

    def begin(self, *, now_s: int, random: Random) -> NodeIdentity:
        """Start another run, or the first one.

        Args:
            now_s: seconds since 1970.
            random: chooses host id and tokens that nobody has told.
        """
        known = self._identity
        if known is None:
            host_id = self._config.host_id
            known = NodeIdentity(
                host_id=UUID(int=random.getrandbits(128), version=4) if host_id is None else UUID(host_id),
                tokens=self._config.initial_token or _tokens(self._config.num_tokens, random),
                generation=0,
            )
        self._keep(replace(known, generation=max(now_s, known.generation + 1)))
        return self.current

    @property
    def current(self) -> NodeIdentity:
        """As it is now; of a run that has begun."""
        assert self._identity is not None
        return self._identity

    def set_member(self, *, is_member: bool) -> None:
        """Keep whether the node is a member; one that is none any more has left."""
        if self.current.is_member != is_member:
            self._keep(replace(self.current, is_member=is_member, has_left=not is_member))

    def set_peers(self, peers: Iterable[Node]) -> None:
        """Keep who the other members are."""
        self._keep(replace(self.current, peers=tuple(peers)))

    @property
    def record(self) -> bytes:
        """What the journal has of it last."""
        identity = self.current
        told = {
            "host_id": str(identity.host_id),
            "tokens": identity.tokens,
            "generation": identity.generation,
            "is_member": identity.is_member,
            "has_left": identity.has_left,
            "peers": [_told_of(peer) for peer in identity.peers],
        }
        return json.dumps(told).encode()

    def _keep(self, identity: NodeIdentity) -> None:
        self._identity = identity
        self._journal.append(RecordKind.NODE, self.record)


def _tokens(number: int, random: Random) -> tuple[int, ...]:
    """Tokens by chance; the lowest one of all is none."""
    found: set[int] = set()
    while len(found) < number:
        token = random.getrandbits(_TOKEN_BITS) - (1 << _TOKEN_BITS - 1)
        if token != -(1 << _TOKEN_BITS - 1):
            found.add(token)
    return tuple(sorted(found))


def _told_of(peer: Node) -> dict[str, object]:
    return {
        "name": peer.name,
        "address": peer.address,
        "host_id": None if peer.host_id is None else str(peer.host_id),
        "datacenter": peer.datacenter,
        "rack": peer.rack,
        "tokens": peer.tokens,
    }


def _peer_of(told: dict[str, Any]) -> Node:
    return Node(
        name=told["name"],
        address=told["address"],
        host_id=None if told["host_id"] is None else UUID(told["host_id"]),
        datacenter=told["datacenter"],
        rack=told["rack"],
        tokens=tuple(told["tokens"]),
    )
