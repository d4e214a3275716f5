"""Moves the ranges of a keyspace plan by plan: one after the other with each node, with all nodes at a time.

Source:
    Scylla (branch 4.2), dht/range_streamer.cc (stream_async: a tenth of the ranges at a time).
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Protocol

from harness.backends.simulation.catalog import Catalog
from harness.backends.simulation.streaming.token_ranges import TokenInterval
from harness.codec.verbs.streaming import StreamReason
from harness.replication import LOCAL_STRATEGY
from harness.schema import Keyspace

_PLANS_PER_PEER = 10


class OnePlan(Protocol):
    """Streams ranges of a keyspace from or to one node, as ``StreamSessions.fetch`` and ``push`` do."""

    def __call__(
        self,
        peer: str,
        keyspace: str,
        intervals: Sequence[TokenInterval],
        *,
        description: str,
        reason: StreamReason,
    ) -> Awaitable[None]:
        """Stream; raises HarnessError."""


async def stream_ranges(
    plan: OnePlan,
    keyspace: str,
    ranges: Mapping[str, Sequence[TokenInterval]],
    *,
    name: str,
    reason: StreamReason,
) -> None:
    """Move ranges.

    Args:
        plan: does one plan.
        keyspace: of the ranges.
        ranges: by address of the other node.
        name: of the operation, as descriptions of plans begin.
        reason: of the operation.

    Raises:
        HarnessError: a plan failed.
    """

    async def with_peer(peer: str, intervals: Sequence[TokenInterval]) -> None:
        for index, group in enumerate(_groups(intervals)):
            description = f"{name}-{keyspace}-index-{index}"
            await plan(peer, keyspace, group, description=description, reason=reason)

    ends = await asyncio.gather(
        *(with_peer(peer, intervals) for peer, intervals in ranges.items()), return_exceptions=True
    )
    for end in ends:
        if end is not None:
            raise end


def shared_keyspaces(catalog: Catalog) -> list[Keyspace]:
    """The keyspaces whose partitions have replicas on other nodes."""
    return [
        keyspace
        for keyspace in catalog.schema.keyspaces.values()
        if keyspace.replication.strategy not in {"", LOCAL_STRATEGY}
    ]


def _groups(intervals: Sequence[TokenInterval]) -> Iterator[Sequence[TokenInterval]]:
    size = max(1, len(intervals) // _PLANS_PER_PEER)
    for start in range(0, len(intervals), size):
        yield intervals[start : start + size]
