"""A scan of the ring: cut at the tokens of nodes, and put together again where the same replicas can serve it.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (query_ranges_to_vnodes_generator,
    query_partition_key_range_concurrent), locator/snitch_base.cc (is_worth_merging_for_range_query).
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

from harness.backends.simulation.reads.replica_choice import ReplicaChoice, ReplicaChooser
from harness.backends.simulation.ring_ranges import (
    FIRST_TOKEN,
    LAST_TOKEN,
    edges_of,
    place_of,
    ring_token,
    token_edge,
)
from harness.codec.verbs.common import PartitionRange, RingBound, TokenBound, TokenKind, TokenRange
from harness.topology import Node

_TOKEN_MAX = 2**63 - 1

Preferred = Callable[[TokenRange], Collection[UUID]]
"""The host ids of nodes that shall be asked for a part of the ring."""


class ScanPart(NamedTuple):
    """A range that is asked of one set of replicas."""

    partitions: PartitionRange
    choice: ReplicaChoice
    vnodes: tuple[TokenRange, ...]
    """What it was put together from."""


class RingScan:
    """Gives the parts of a scan, round by round: one range of the ring, two, four, ...

    Args:
        tokens: of the ring, ascending; none where it is not to be cut.
        ranges: what is scanned.
        chooser: of replicas.
        preferred: nodes that answered the page before.
    """

    def __init__(
        self,
        tokens: Sequence[int],
        ranges: Sequence[PartitionRange],
        chooser: ReplicaChooser,
        preferred: Preferred,
    ) -> None:
        self._vnodes = deque(vnode for one in ranges for vnode in _cut(tokens, one))
        self._chooser = chooser
        self._preferred = preferred
        self._at_a_time = 1

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left."""
        return not self._vnodes

    def next_round(self) -> list[ScanPart]:
        """Give the parts that are asked next, all at the same time.

        Raises:
            RequestError: UNAVAILABLE: too few replicas of a part are alive.
        """
        count = min(self._at_a_time, len(self._vnodes))
        vnodes = [self._vnodes.popleft() for _ in range(count)]
        self._at_a_time *= 2
        parts = []
        index = 0
        while index < count:
            part, index = self._merged(vnodes, index)
            parts.append(part)
        return parts

    def _merged(self, vnodes: Sequence[PartitionRange], index: int) -> tuple[ScanPart, int]:
        """Put as many ranges together as the same replicas can serve; gives the index behind them."""
        chooser = self._chooser
        partitions = vnodes[index]
        live = chooser.live(_end_token(partitions))
        token_ranges = [token_range_of(partitions)]
        chosen = chooser.chosen(live, self._preferred(token_ranges[0]))
        index += 1
        while index < len(vnodes):
            candidate = vnodes[index]
            other_live = chooser.live(_end_token(candidate))
            known = {node.address for node in other_live}
            common = [node for node in live if node.address in known]
            if not chooser.has_enough(common):
                break
            other_chosen = chooser.chosen(other_live, self._preferred(token_range_of(candidate)))
            common_chosen = chooser.chosen(common)
            if not self._is_worth_it(common_chosen, chosen, other_chosen):
                break
            partitions = replace(partitions, end=candidate.end)
            live, chosen = common, common_chosen
            token_ranges.append(token_range_of(candidate))
            index += 1
        chooser.assure_enough(live)
        return ScanPart(partitions, chooser.plain(chosen), tuple(token_ranges)), index

    def _is_worth_it(self, merged: list[Node], first: list[Node], second: list[Node]) -> bool:
        """Two reads nearby are faster than one that goes to another datacenter."""
        remote = self._chooser.has_remote
        return not remote(merged) or remote(first) or remote(second)


def _cut(tokens: Sequence[int], partitions: PartitionRange) -> Iterator[PartitionRange]:
    start, end, _, _ = edges_of(partitions)
    first = 0
    if partitions.start is not None and start[0] == TokenKind.KEY:
        first = bisect_left(tokens, start[1])
    rest = partitions
    for token in tokens[first:]:
        edge = token_edge(ring_token(token), 1)
        place = place_of(edge)
        if place <= start:
            continue
        if place >= end:
            break
        yield replace(rest, end=RingBound(value=edge, inclusive=True))
        rest = replace(rest, start=RingBound(value=edge, inclusive=False))
    yield rest


def _end_token(partitions: PartitionRange) -> int:
    if partitions.end is None or partitions.end.value.token.kind != TokenKind.KEY:
        return _TOKEN_MAX
    return partitions.end.value.token.value


def token_range_of(partitions: PartitionRange) -> TokenRange:
    """The tokens of a range of partitions."""
    return TokenRange(
        start=_token_bound(partitions.start),
        end=_token_bound(partitions.end),
        singular=partitions.singular,
    )


def _token_bound(bound: RingBound | None) -> TokenBound | None:
    if bound is None or bound.value.token in {FIRST_TOKEN, LAST_TOKEN}:
        return None
    return TokenBound(value=bound.value.token, inclusive=bound.inclusive)
