"""The cluster of a capture: its nodes and tables are those that the capture knows."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from harness.backends.contract import Needs
from harness.backends.placed_table import Named, PlacedTable
from harness.backends.replay.conversation import Conversation
from harness.backends.replay.session import ReplaySession
from harness.backends.replay.silence import says_something, silences
from harness.backends.schema_match import is_made, replication_factors, table_defined
from harness.codec.verbs.line import Line
from harness.errors import BackendError
from harness.events.statements import ClientStatement, statements_of
from harness.events.trace import Trace
from harness.events.typed_value import value_of
from harness.schema import Schema, Table
from harness.topology import Node, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayNode:
    """A node of a capture; a fault has to show in the capture, and does nothing."""

    node: Node
    cluster: "ReplayCluster"

    @property
    def name(self) -> str:
        """Such as ``n1``."""
        return self.node.name

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.node.address

    @property
    def datacenter(self) -> str:
        """The datacenter's name."""
        return self.node.datacenter

    @property
    def rack(self) -> str:
        """The rack's name."""
        return self.node.rack

    def __str__(self) -> str:
        return self.name

    def kill(self) -> None:
        """Make sure that the capture shows it gone.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_silence(self.name, "killed")

    def stop(self) -> None:
        """Make sure that the capture shows it gone.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_silence(self.name, "stopped")

    def pause(self) -> None:
        """Make sure that the capture shows it standing still.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_silence(self.name, "paused")

    def start(self) -> None:
        """Make sure that the capture shows it back.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_voice(self.name, "started")

    def resume(self) -> None:
        """Make sure that the capture shows it back.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_voice(self.name, "resumed")

    def isolate(self, peers: Iterable[Named] = ()) -> None:
        """Make sure that the capture shows it silent towards its peers.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_silence(self.name, "cut off", tuple(peer.name for peer in peers))

    def heal(self) -> None:
        """Make sure that the capture shows it back.

        Raises:
            BackendError: it does not.
        """
        self.cluster.expect_voice(self.name, "healed")

    def shape_links(
        self,
        peers: Iterable[Named] = (),
        *,
        delay_ms: float = 0,  # noqa: ARG002  (the capture was recorded under it)
        loss_percent: float = 0,  # noqa: ARG002
        bandwidth_kbit_per_s: int | None = None,  # noqa: ARG002
    ) -> None:
        """Make sure that the peers are known; that the capture was recorded over such links, the claim says by its times.

        Raises:
            BackendError: they are not.
        """
        for peer in peers:
            self.cluster.node(peer)

    def repair(self, keyspace: str) -> None:
        """Make sure that the keyspace is known; that the repair shows, the claim says.

        Raises:
            BackendError: it is not.
        """
        self.cluster.keyspace(keyspace)

    def decommission(self) -> None:
        """Nothing to do: that it leaves, the claim says."""


class ReplayCluster:
    """A cluster that answers from a capture; the contract's ``Cluster``.

    Args:
        trace: all messages of the capture.
        name: what the capture is called in errors.
        needs: what the scenario asks for.

    Raises:
        BackendError: the capture's cluster is not as the scenario needs it.
    """

    def __init__(self, trace: Trace, name: str, needs: Needs | None = None) -> None:
        self.name = name
        self.trace = trace
        self.conversation = Conversation(trace, name)
        self._needs = needs or Needs()
        self._given_depth = 0
        members = tuple(ReplayNode(node=node, cluster=self) for node in trace.topology.nodes)
        count = self._needs.nodes if self._needs.nodes is not None else len(members)
        self._nodes, self._newcomers = members[:count], list(members[count:])
        self._refuse_unfit()

    @property
    def nodes(self) -> tuple[ReplayNode, ...]:
        """As many of the capture's nodes as the scenario needs; others may join."""
        return self._nodes

    @property
    def line(self) -> Line:
        """The newest version line that a connection of the capture speaks."""
        lines = {connection.line for connection in self.trace.connections}
        return max(lines, key=lambda line: line.rank, default=Line.HEAD)

    @property
    def has_tablets(self) -> bool:
        """Whether the capture's tables have tablets."""
        return bool(self.topology.tablets)

    @property
    def topology(self) -> Topology:
        """As the capture tells it."""
        return self.trace.topology

    @property
    def schema(self) -> Schema:
        """As the capture tells it, at its end."""
        return self.trace.schema

    def node(self, name: str | Named) -> ReplayNode:
        """The node of that name.

        Raises:
            BackendError: the capture knows none.
        """
        wanted = name if isinstance(name, str) else name.name
        for node in (*self._nodes, *self._newcomers):
            if node.name == wanted:
                return node
        names = ", ".join(node.name for node in (*self._nodes, *self._newcomers)) or "none"
        raise BackendError(f"{self.name} knows no node {wanted}; its nodes are: {names}")

    def session(self, coordinator: Named | None = None) -> ReplaySession:
        """A session whose statements the capture shows sent to one node; None: to any."""
        return ReplaySession(
            self.conversation,
            coordinator=None if coordinator is None else self.node(coordinator).name,
            is_given=lambda: self._given_depth > 0,
            accepts=lambda statement: is_made(statement, self.schema),
        )

    def keyspace(self, name: str, *, replication_factor: int | None = None) -> None:
        """Make sure that the capture knows the keyspace.

        Raises:
            BackendError: it does not, or with another replication factor.
        """
        known = self.schema.keyspaces.get(name)
        if known is None:
            names = ", ".join(sorted(self.schema.keyspaces)) or "none"
            raise BackendError(f"{self.name} knows no keyspace {name}; its keyspaces are: {names}")
        factors = replication_factors(known.replication, self.topology)
        if replication_factor is not None and set(factors.values()) - {replication_factor}:
            found = ", ".join(f"{factor} in {dc}" if dc else str(factor) for dc, factor in factors.items())
            raise BackendError(
                f"keyspace {name} of {self.name} has replication factor {found}, not {replication_factor}"
            )

    def table(self, ddl: str, *, replication_factor: int | None = None) -> PlacedTable:
        """The table or materialized view that the capture knows, if it has the shape that the statement gives.

        Raises:
            BackendError: it does not know it, or knows another shape or replication factor.
        """
        table = table_defined(ddl, self.schema)
        if replication_factor is not None:
            self.keyspace(table.keyspace, replication_factor=replication_factor)
        if not self._nodes:
            raise BackendError(f"{self.name} knows no nodes: a context file beside it can name them")
        return PlacedTable(
            table=table,
            schema=self.schema,
            topology=self.topology,
            coordinator=self._nodes[0].name,
            keys_in_use=self._keys_in_use(table),
        )

    def index(self, ddl: str) -> PlacedTable:
        """The view behind an index that the capture knows.

        Raises:
            BackendError: it does not know it.
        """
        return self.table(ddl)

    @contextmanager
    def given(self, what: str = "") -> Iterator[None]:  # noqa: ARG002  (for who reads the scenario)
        """Let everything happen without looking for it: it lies before the capture."""
        self._given_depth += 1
        try:
            yield
        finally:
            self._given_depth -= 1

    def add_node(self) -> ReplayNode:
        """The next node that the capture knows beyond those that the scenario began with.

        Raises:
            BackendError: there is none.
        """
        if not self._newcomers:
            raise BackendError(f"{self.name} knows {len(self._nodes)} nodes, and no other that joins")
        node = self._newcomers.pop(0)
        self._nodes = (*self._nodes, node)
        return node

    def close(self) -> None:
        """Nothing to give back."""

    def expect_silence(self, node: str, fault: str, peers: tuple[str, ...] = ()) -> None:
        """Refuse a fault that the capture does not show.

        Raises:
            BackendError: the node goes on talking.
        """
        if self._given_depth:
            return
        from_ns = self._now_ns()
        if not any(silence.end_ns > from_ns for silence in silences(self.trace, node, peers)):
            towards = f" to {', '.join(peers)}" if peers else ""
            raise BackendError(f"{self.name} does not show {node} {fault}: it never stops talking{towards}")

    def expect_voice(self, node: str, fault: str) -> None:
        """Refuse a return that the capture does not show.

        Raises:
            BackendError: the node says nothing any more.
        """
        if self._given_depth:
            return
        silent = [silence for silence in silences(self.trace, node) if silence.end_ns > self._now_ns()]
        if (silent and silent[0].lasts) or not says_something(self.trace, node, self._now_ns()):
            raise BackendError(f"{self.name} does not show {node} {fault}: it says nothing to the end")

    def _keys_in_use(self, table: Table) -> tuple[int, ...]:
        """Whole numbers that statements name as the partition key of a table, in order."""
        if len(table.partition_key) != 1:
            return ()
        cql_type = self.schema.type_of(table.keyspace, table.partition_key[0].type)
        keys = [
            value_of(cql_type, key[0]).value
            for statement in self._statements
            for part in statement.parts
            if part.table == table.full_name
            for key in part.keys or ()
        ]
        return tuple(dict.fromkeys(key for key in keys if isinstance(key, int)))

    @cached_property
    def _statements(self) -> tuple[ClientStatement, ...]:
        return statements_of(self.trace)

    def _now_ns(self) -> int:
        """Time of the last statement that was replayed."""
        taken = set(self.conversation.taken[-1:])
        for occurrence in self.conversation.occurrences:
            if occurrence.request.number in taken:
                return occurrence.request.time_ns
        return 0

    def _refuse_unfit(self) -> None:
        needs, nodes = self._needs, self.topology.nodes
        if needs.nodes is not None and len(nodes) < needs.nodes:
            raise BackendError(f"the scenario needs {needs.nodes} nodes, {self.name} knows {len(nodes)}")
        datacenters = {node.datacenter for node in nodes if node.datacenter}
        if datacenters and len(datacenters) < needs.datacenters:
            raise BackendError(
                f"the scenario needs {needs.datacenters} datacenters, {self.name} knows {len(datacenters)}"
            )
        shards = {node.shards for node in nodes if node.shards is not None}
        if needs.shards is not None and shards and shards != {needs.shards}:
            found = ", ".join(str(count) for count in sorted(shards))
            raise BackendError(
                f"the scenario needs nodes of {needs.shards} shards; those of {self.name} have {found}"
            )
