"""A running cluster, whoever started its nodes; the contract's ``Cluster``."""

from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import DriverException

from harness.backends.contract import Session
from harness.backends.live.machine import Site
from harness.backends.live.making import drop_statements, if_not_exists, keyspace_statement
from harness.backends.live.members import Members
from harness.backends.live.node import LiveNode
from harness.backends.live.request_log import RequestLog
from harness.backends.live.system_reader import read_schema
from harness.backends.placed_table import Named, PlacedTable
from harness.backends.release_line import line_of_release
from harness.backends.schema_match import name_defined, replication_factors, table_defined
from harness.codec.verbs.line import Line
from harness.context import Context
from harness.errors import BackendError
from harness.schema import Schema
from harness.topology import Topology

READY_TIMEOUT_S = 120.0


class LiveCluster:
    """A cluster of nodes that run; made by ``start``."""

    def __init__(self, site: Site, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        self.request_log = RequestLog()
        self.members = Members(site, self.request_log, timeout_s=timeout_s)
        self._nodes: tuple[LiveNode, ...] = ()
        self._line: Line | None = site.line
        self._has_tablets = bool(site.has_tablets)
        self._schema = Schema()

    @classmethod
    def start(cls, site: Site, *, timeout_s: float = READY_TIMEOUT_S) -> "LiveCluster":
        """Start all nodes of a site; returns when they can be used.

        Raises:
            BackendError: a node ended, or is not ready in time; its last log lines are told.
        """
        cluster = cls(site, timeout_s=timeout_s)
        try:
            cluster.members.boot()
        except BaseException:
            cluster.close()
            raise
        cluster._take_nodes(site)
        return cluster

    @classmethod
    def attach(cls, site: Site, *, timeout_s: float = READY_TIMEOUT_S) -> "LiveCluster":
        """Use nodes of a site that run already, with no tables but their own; returns when they can be used.

        Raises:
            BackendError: a node ended, or is not ready in time; its last log lines are told.
        """
        cluster = cls(site, timeout_s=timeout_s)
        try:
            cluster.members.adopt()
            cluster._take_nodes(site)
            cluster._drop_keyspaces()
        finally:
            # Who records from now on sees whole connections of clients.
            cluster.leave()
        return cluster

    @property
    def nodes(self) -> tuple[LiveNode, ...]:
        """Those that the cluster began with, and those that were added."""
        return self._nodes

    @property
    def line(self) -> Line:
        """The version line that the nodes speak."""
        if self._line is None:
            self._line = line_of_release(self.members.api(self._nodes[0].machine).release_version())
        return self._line

    @property
    def has_tablets(self) -> bool:
        """Whether keyspaces have tablets unless they ask for none."""
        return self._has_tablets

    @property
    def topology(self) -> Topology:
        """Nodes, ring and tablets as they were when something last changed them."""
        return self.members.topology

    @property
    def schema(self) -> Schema:
        """The tables that are known now."""
        with self.request_log.unrecorded():
            self._schema = read_schema(self.members.any_session())
        return self._schema

    @property
    def known(self) -> Context:
        """What has been read so far of nodes and tables; nobody is asked."""
        return Context(topology=self.members.named, schema=self._schema)

    def node(self, name: str | Named) -> LiveNode:
        """The node of that name, among those that are or were members.

        Raises:
            BackendError: there is none.
        """
        wanted = name if isinstance(name, str) else name.name
        for node in self._nodes:
            if node.name == wanted:
                return node
        names = ", ".join(node.name for node in self._nodes) or "none"
        raise BackendError(f"the cluster has no node {wanted}; its nodes are: {names}")

    def session(self, coordinator: Named | None = None) -> Session:
        """A session that sends everything to one node; None: one that knows the ring, and asks replicas.

        Raises:
            BackendError: no node accepts it.
        """
        address = None if coordinator is None else self.node(coordinator).address
        session: Session = self.members.coordinators.session(address)
        return session

    def keyspace(self, name: str, *, replication_factor: int | None = None) -> None:
        """Make sure that a keyspace exists, with so many replicas in each datacenter.

        Raises:
            BackendError: it exists with another replication factor, or cannot be made.
        """
        known = self.schema.keyspaces.get(name)
        if known is None:
            if replication_factor is None:
                raise BackendError(f"there is no keyspace {name} yet: say how often it is to be replicated")
            self._make(
                keyspace_statement(
                    name,
                    replication_factor,
                    datacenters=[node.datacenter for node in self.topology.nodes],
                    line=self.line,
                    has_tablets=self._has_tablets,
                )
            )
            return
        factors = replication_factors(known.replication, self.topology)
        if replication_factor is not None and set(factors.values()) - {replication_factor}:
            found = ", ".join(f"{factor} in {dc}" if dc else str(factor) for dc, factor in factors.items())
            raise BackendError(f"keyspace {name} has replication factor {found}, not {replication_factor}")

    def table(self, ddl: str, *, replication_factor: int | None = None) -> PlacedTable:
        """Make sure that a table or a materialized view exists as the statement says; its keyspace too.

        Raises:
            BackendError: it exists with another shape, or cannot be made.
        """
        keyspace, name = name_defined(ddl)
        self.keyspace(keyspace, replication_factor=replication_factor)
        schema = self._schema
        if schema.table(keyspace, name) is None:
            self._make(if_not_exists(ddl))
            schema = self.schema
        table = table_defined(ddl, schema, whose="the cluster")
        return PlacedTable(
            table=table, schema=schema, topology=self.topology, coordinator=self._nodes[0].name
        )

    def index(self, ddl: str) -> PlacedTable:
        """Make sure that a secondary index exists; gives the view behind it.

        Raises:
            BackendError: it cannot be made.
        """
        return self.table(ddl)

    @contextmanager
    def given(self, what: str = "") -> Iterator[None]:  # noqa: ARG002  (for who reads the scenario)
        """Bring the cluster into a state: what happens inside happens as everywhere."""
        yield

    def add_node(self) -> LiveNode:
        """Let another node join; returns when it is a member.

        Raises:
            BackendError: it did not become one; its last log lines are told.
        """
        node = LiveNode(machine=self.members.add(), steering=self.members)
        self._nodes = (*self._nodes, node)
        return node

    def leave(self) -> None:
        """Close all sessions; nodes go on."""
        self.members.coordinators.close()

    def close(self) -> None:
        """Close all sessions, end all nodes and give everything back."""
        self.members.close()

    def _take_nodes(self, site: Site) -> None:
        self._nodes = tuple(LiveNode(machine=machine, steering=self.members) for machine in site.machines)

    def _drop_keyspaces(self) -> None:
        """Drop all keyspaces that clients have made."""
        for statement in drop_statements(self.schema.keyspaces):
            self._make(statement)
        self._schema = Schema()

    def _make(self, statement: str) -> None:
        """Run a statement that changes the schema; returns when all nodes have it."""
        self.members.note_change()
        session = self.members.any_session()
        try:
            with self.request_log.unrecorded(), self.members.coordinators.without_agreement(session):
                session.execute(statement)
        except DriverException as error:
            raise BackendError(f"{error}\n  {' '.join(statement.split())}") from error
        self.members.wait_for_schema()
        if self._has_tablets:
            self.members.forget_topology()
