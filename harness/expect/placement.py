"""Where partitions are stored: the replicas of a key by the ring or by tablets, whichever its table has."""

from collections.abc import Sequence
from functools import cached_property

from harness.partitioner import token_of
from harness.replication import NETWORK_TOPOLOGY_STRATEGY, Replication
from harness.schema import Schema, Table
from harness.topology import Node, Topology


class Placement:
    """Replicas of partitions, as far as nodes, ring, tablets and schema of a trace are known.

    Args:
        topology: nodes, ring and tablets.
        schema: tables and the replication of their keyspaces.
        doubtful: keyspaces that seem not to be where the ring says, because they have tablets that are not known.
    """

    def __init__(self, topology: Topology, schema: Schema, *, doubtful: frozenset[str] = frozenset()) -> None:
        self._topology = topology
        self._schema = schema
        self._doubtful = doubtful

    def replicas(self, table: Table, key: Sequence[bytes]) -> tuple[Node, ...]:
        """The nodes that store a partition, in the order by which base and view replicas pair.

        Returns:
            No nodes where that is not known: no ring, no tablets of the table, or no replication.
        """
        return self.replicas_of_token(table, token_of(key))

    def replicas_of_token(self, table: Table, token: int) -> tuple[Node, ...]:
        """The nodes that store what has a ring token; see ``replicas``."""
        if table.keyspace in self._doubtful:
            return ()
        if self.has_tablets(table):
            if table.id is None:
                return ()
            tablet = self._topology.tablet_of(table.id, token)
            nodes = self._topology.tablet_replicas(table.id, token)
            return nodes if tablet is not None and len(nodes) == len(tablet.replicas) else ()
        replication = self.replication(table)
        return () if replication is None else self._topology.replicas(replication, token)

    def has_tablets(self, table: Table) -> bool:
        """Whether the ring says nothing about a table."""
        if table.id in self._ids_with_tablets or table.keyspace in self._keyspaces_with_tablets:
            return True
        keyspace = self._schema.keyspaces.get(table.keyspace)
        return keyspace is not None and keyspace.has_tablets is True

    def replication(self, table: Table) -> Replication | None:
        """The replication of the table's keyspace; None: not known."""
        keyspace = self._schema.keyspaces.get(table.keyspace)
        return None if keyspace is None else keyspace.replication

    def obstacle(self, table: Table) -> str:
        """Why it is not known where a table is stored; empty if it is."""
        if self.replication(table) is None:
            return f"the replication of {table.full_name} is not known: give a context"
        if table.keyspace in self._doubtful:
            return (
                f"{table.full_name} is not where the ring says; its keyspace seems to have tablets, which are not "
                f"known: give a context"
            )
        if self.has_tablets(table):
            is_there = table.id in self._ids_with_tablets
            return "" if is_there else f"the tablets of {table.full_name} are not known: give a context"
        if self._topology.ring:
            return ""
        return "the ring is not known: capture while a client connects, or give a context"

    def is_by_datacenter(self, table: Table) -> bool:
        """Whether each datacenter has replicas of its own number."""
        replication = self.replication(table)
        return replication is not None and replication.strategy == NETWORK_TOPOLOGY_STRATEGY

    def replication_factor(self, table: Table, datacenter: str | None = None) -> int | None:
        """How many replicas a partition is to have, altogether or in one datacenter; None: not known."""
        replication = self.replication(table)
        if replication is None:
            return None
        if replication.strategy != NETWORK_TOPOLOGY_STRATEGY:
            return replication.factor
        if datacenter is not None:
            return replication.factor_in(datacenter)
        datacenters = {node.datacenter for node in self._topology.nodes}
        return sum(replication.factor_in(name) for name in sorted(datacenters)) or None

    def datacenter_of(self, address: str) -> str:
        """The datacenter of the node at an address; empty where it is unknown."""
        node = self._topology.node_at(address)
        return "" if node is None else node.datacenter

    @cached_property
    def _ids_with_tablets(self) -> frozenset[object]:
        return frozenset(tablet.table_id for tablet in self._topology.tablets)

    @cached_property
    def _keyspaces_with_tablets(self) -> frozenset[str]:
        tables = (*self._schema.old_tables, *self._schema.tables)
        return frozenset(table.keyspace for table in tables if table.id in self._ids_with_tablets)
