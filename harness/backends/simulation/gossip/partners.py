"""Whom a node gossips with in a round.

Source:
    Scylla (branch 4.2), gms/gossiper.cc (run, do_gossip_to_live_member, do_gossip_to_unreachable_member,
    do_gossip_to_seed).
"""

from collections.abc import Sequence
from random import Random

_LIVE_PER_PARTNER = 10


def partners(
    *, live: Sequence[str], unreachable: Sequence[str], seeds: Sequence[str], random: Random
) -> list[str]:
    """Choose by chance: some of those alive, perhaps one of those that are not, perhaps a seed.

    Args:
        live: the other nodes that are alive.
        unreachable: those that are not, and have not left.
        seeds: the other seeds.
        random: chance.
    """
    chosen: list[str] = []
    if live:
        # One in ten, as of all that are known.
        count = max(1, (1 + len(live) + len(unreachable)) // _LIVE_PER_PARTNER)
        chosen = random.sample(live, min(count, len(live)))
    with_seed = any(address in seeds for address in chosen)
    if unreachable and random.random() < len(unreachable) / (len(live) + 1):
        chosen.append(random.choice(unreachable))
    if not seeds or (with_seed and len(live) >= len(seeds)):
        return chosen
    if not live or random.random() <= len(seeds) / (len(live) + len(unreachable)):
        chosen.append(random.choice(seeds))
    return chosen
