"""How often, and by which rule, the partitions of a keyspace are stored."""

from collections.abc import Iterable
from dataclasses import dataclass

SIMPLE_STRATEGY = "SimpleStrategy"
NETWORK_TOPOLOGY_STRATEGY = "NetworkTopologyStrategy"
EVERYWHERE_STRATEGY = "EverywhereStrategy"
LOCAL_STRATEGY = "LocalStrategy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """The replication option of a keyspace.

    Source:
        ScyllaDB docs, CQL reference, "CREATE KEYSPACE".
    """

    strategy: str
    """Name of the class without its package, such as ``NetworkTopologyStrategy``."""
    factor: int | None = None
    """``replication_factor``; of NetworkTopologyStrategy, the one of datacenters not named."""
    factors: tuple[tuple[str, int], ...] = ()
    """Replication factor for each datacenter named, sorted by name."""

    @classmethod
    def of(cls, options: Iterable[tuple[str, str]]) -> "Replication":
        """Read the options as CQL writes them; a factor that is no number (a list of racks, say) is left out."""
        strategy = ""
        factor: int | None = None
        factors: list[tuple[str, int]] = []
        for name, value in options:
            if name == "class":
                strategy = value.rpartition(".")[2]
            elif value.isdecimal():
                if name == "replication_factor":
                    factor = int(value)
                else:
                    factors.append((name, int(value)))
        return cls(strategy=strategy, factor=factor, factors=tuple(sorted(factors)))

    def factor_in(self, datacenter: str) -> int:
        """How many replicas NetworkTopologyStrategy wants in a datacenter."""
        return dict(self.factors).get(datacenter, self.factor or 0)
