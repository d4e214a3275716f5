"""How many replicas have to answer before a client may hear of success.

Source:
    ScyllaDB docs, "Consistency Levels"; Scylla, db/consistency_level.cc (how many each level waits for).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.errors import ExpectationError
from harness.events.filter_values import did_you_mean
from harness.topology import Node

LEVELS = (
    "ANY",
    "ONE",
    "TWO",
    "THREE",
    "QUORUM",
    "ALL",
    "LOCAL_QUORUM",
    "EACH_QUORUM",
    "SERIAL",
    "LOCAL_SERIAL",
    "LOCAL_ONE",
)
_COUNTS = {"ANY": 1, "ONE": 1, "TWO": 2, "THREE": 3}
_LOCAL = frozenset({"LOCAL_ONE", "LOCAL_QUORUM", "LOCAL_SERIAL"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Which replicas have to answer, for one partition and one coordinator."""

    consistency_level: str
    by_datacenter: tuple[tuple[frozenset[str], int], ...]
    """Names of replicas, and how many of them are wanted; each of these has to be met."""

    def lacking(self, answered: Iterable[str]) -> int:
        """How many answers are missing, if these nodes have answered."""
        names = set(answered)
        return sum(max(0, count - len(names & some)) for some, count in self.by_datacenter)

    @property
    def count(self) -> int:
        """How many answers are wanted altogether."""
        return sum(count for _, count in self.by_datacenter)


def requirement_of(
    consistency_level: str, replicas: Sequence[Node], datacenter: str, *, is_by_datacenter: bool
) -> Requirement:
    """What a consistency level asks for.

    Args:
        consistency_level: its name.
        replicas: of the partition.
        datacenter: the coordinator's.
        is_by_datacenter: each datacenter has replicas of its own number; else local levels mean all replicas.
    """
    near = [node for node in replicas if node.datacenter == datacenter]
    if not is_by_datacenter:
        near = list(replicas)
    if consistency_level in _LOCAL:
        wanted = 1 if consistency_level == "LOCAL_ONE" else _quorum(near)
        return _of(consistency_level, (near, wanted))
    if consistency_level == "EACH_QUORUM" and is_by_datacenter:
        groups: dict[str, list[Node]] = {}
        for node in replicas:
            groups.setdefault(node.datacenter, []).append(node)
        return _of(consistency_level, *((some, _quorum(some)) for some in groups.values()))
    if consistency_level == "ALL":
        return _of(consistency_level, (replicas, len(replicas)))
    return _of(consistency_level, (replicas, _COUNTS.get(consistency_level, _quorum(replicas))))


def checked_level(name: str) -> str:
    """Give the name of a consistency level back in capitals.

    Raises:
        ExpectationError: there is none of that name.
    """
    level = name.upper()
    if level not in LEVELS:
        raise ExpectationError(f"no consistency level is called {name!r}{did_you_mean(level, LEVELS)}")
    return level


def _quorum(nodes: Sequence[Node]) -> int:
    return len(nodes) // 2 + 1


def _of(consistency_level: str, *groups: tuple[Sequence[Node], int]) -> Requirement:
    return Requirement(
        consistency_level=consistency_level,
        by_datacenter=tuple((frozenset(node.name for node in some), count) for some, count in groups),
    )
