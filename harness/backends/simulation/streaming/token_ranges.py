"""Ranges of tokens between the nodes' tokens: which there are, and how the wire and the storage name them.

Source:
    Scylla (branch 4.2), dht/token_range_endpoints.hh, locator/token_metadata.cc (get_primary_ranges_for),
    dht/i_partitioner.cc (to_partition_range).
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.backends.simulation.ring_ranges import FIRST_TOKEN, LAST_TOKEN, ring_token, token_interval
from harness.codec.verbs.common import PartitionRange, TokenBound, TokenKind, TokenRange
from harness.topology import Topology


class TokenInterval(NamedTuple):
    """The tokens behind one, up to another and including it."""

    first: int | None
    """None: from the begin of the ring on."""
    last: int | None
    """None: up to the end of the ring."""

    @property
    def sample(self) -> int:
        """One token of it; all others have the same replicas."""
        return 2**63 - 1 if self.last is None else self.last

    @property
    def partitions(self) -> PartitionRange:
        """The partitions in it."""
        return token_interval(self.first, self.last)

    @property
    def wire(self) -> TokenRange:
        """The form on the wire."""
        first, last = self.first, self.last
        return TokenRange(
            start=None if first is None else TokenBound(value=ring_token(first), inclusive=False),
            end=None if last is None else TokenBound(value=ring_token(last), inclusive=True),
            singular=False,
        )

    @property
    def wire_of_sent(self) -> TokenRange:
        """The form in which a sender names what it has sent: open ends are tokens before, and behind, all others."""
        first, last = self.first, self.last
        return TokenRange(
            start=TokenBound(value=FIRST_TOKEN if first is None else ring_token(first), inclusive=False),
            end=TokenBound(
                value=LAST_TOKEN if last is None else ring_token(last), inclusive=last is not None
            ),
            singular=False,
        )


def interval_of(tokens: TokenRange) -> TokenInterval:
    """Read the form on the wire."""
    return TokenInterval(_token_of(tokens.start), _token_of(tokens.end))


def _token_of(bound: TokenBound | None) -> int | None:
    return None if bound is None or bound.value.kind != TokenKind.KEY else bound.value.value


def intervals_of(topology: Topology) -> Iterator[TokenInterval]:
    """Give the ranges between the tokens of a ring, in its order; what lies around its end is two of them."""
    before: int | None = None
    for token, _ in topology.ring:
        yield TokenInterval(before, token)
        before = token
    if before is not None:
        yield TokenInterval(before, None)
