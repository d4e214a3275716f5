"""What every backend fulfils: a cluster with its nodes, and sessions that speak CQL.

A scenario is written against these protocols and cannot tell the backends apart. They are small on purpose: a session
is the part of ``cassandra.cluster.Session`` that scenarios use, so that a backend with real nodes hands out the stock
driver's own.

Sessions of every backend

- send each statement to one coordinator, and never a second time by themselves (no retries, no speculation), for a
  claim counts messages;
- raise the driver's exceptions: ``cassandra.Unavailable``, ``cassandra.WriteTimeout``, ...;
- give rows as named tuples.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from harness.backends.placed_table import Named, PlacedTable
from harness.codec.verbs.line import Line
from harness.schema import Schema
from harness.topology import Topology

Parameters = Sequence[object] | Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a scenario asks of its cluster; a field that is None asks for nothing."""

    nodes: int | None = None
    datacenters: int = 1
    """The nodes are spread over them evenly."""
    shards: int | None = None
    """Of each node."""
    compression: str | None = None
    """``internode_compression``: ``all`` or ``dc``."""
    lines: tuple[str, ...] = ()
    """Version lines that the scenario is about, such as ``4.2``; empty: all."""
    tablets: bool | None = None
    """Whether keyspaces have tablets."""
    hints: bool | None = None
    """False: nodes keep no hints, so that a node that was away lacks what it missed."""


class Rows(Protocol):
    """What a statement gives: the part of ``cassandra.cluster.ResultSet`` that scenarios use."""

    column_names: Sequence[str] | None

    @property
    def current_rows(self) -> Sequence[Any]:
        """The rows of the page that was fetched last."""

    @property
    def has_more_pages(self) -> bool:
        """Whether there is another page."""

    @property
    def was_applied(self) -> bool:
        """Of a lightweight transaction: whether its condition was met."""

    def one(self) -> Any:  # noqa: ANN401  (a named tuple made of the columns)
        """The first row of the page; None if it has none."""

    def all(self) -> list[Any]:
        """All rows; fetches the pages that are left."""

    def fetch_next_page(self) -> None:
        """Fetch another page; without one there are no rows."""

    def __iter__(self) -> Iterator[Any]:
        """All rows; fetches pages as they are needed."""


class Answer(Protocol):
    """What is awaited: the part of ``cassandra.cluster.ResponseFuture`` that scenarios use."""

    def result(self) -> Rows:
        """Wait for the rows.

        Raises:
            cassandra.DriverException: the statement failed.
        """


class Session(Protocol):
    """Sends statements: the part of ``cassandra.cluster.Session`` that scenarios use.

    A query is text, a statement of ``cassandra.query`` (``harness.cql`` makes one with its consistency level), or
    what ``prepare`` gave.
    """

    def execute(
        self,
        query: Any,  # noqa: ANN401  (the driver's statements have no types)
        parameters: Parameters = None,
        timeout: float = ...,
        trace: bool = False,
    ) -> Rows:
        """Send a statement and wait for its answer.

        Raises:
            cassandra.DriverException: the statement failed.
        """

    def execute_async(
        self,
        query: Any,  # noqa: ANN401  (the driver's statements have no types)
        parameters: Parameters = None,
        trace: bool = False,
    ) -> Answer:
        """Send a statement."""

    def prepare(self, query: str) -> Any:  # noqa: ANN401  (cassandra.query.PreparedStatement)
        """Prepare a statement."""


class Node(Protocol):
    """One node of a cluster; where a claim wants a node, it takes this.

    A fault returns when it is done: a killed process is gone, though its peers have to find that out by themselves; a
    stopped one is gone, and its peers call it down; a started node answers CQL and its peers call it up.

    Every method raises ``BackendError`` if the node cannot be steered.
    """

    @property
    def name(self) -> str:
        """Such as ``n1``."""

    @property
    def address(self) -> str:
        """Where it listens."""

    @property
    def datacenter(self) -> str:
        """The datacenter's name."""

    @property
    def rack(self) -> str:
        """The rack's name."""

    def kill(self) -> None:
        """End its process at once; it says nothing to anybody (SIGKILL)."""

    def stop(self) -> None:
        """Let it shut down in order."""

    def start(self) -> None:
        """Start it again with its data."""

    def pause(self) -> None:
        """Let its process stand still; its connections stay (SIGSTOP)."""

    def resume(self) -> None:
        """Let a paused process go on."""

    def isolate(self, peers: Iterable[Named] = ()) -> None:
        """Drop all packets between it and some peers; none named: all of them."""

    def heal(self) -> None:
        """End ``isolate``; links that are slow or lossy stay so."""

    def shape_links(
        self,
        peers: Iterable[Named] = (),
        *,
        delay_ms: float = 0,
        loss_percent: float = 0,
        bandwidth_kbit_per_s: int | None = None,
    ) -> None:
        """Make the way from it to some peers worse; none named: to all that there are now.

        It is about packets that this node sends to them; the way back is the peer's to shape. Numbers take the place of
        those of an earlier call, and without any the way is as it was.

        Args:
            peers: to whom.
            delay_ms: how much later each packet arrives.
            loss_percent: how many of a hundred packets are lost, chosen at random.
            bandwidth_kbit_per_s: None: as fast as the machine is.

        Raises:
            ValueError: a number that cannot be.
        """

    def repair(self, keyspace: str) -> None:
        """Run a repair of a keyspace with this node as the master."""

    def decommission(self) -> None:
        """Let it hand over its data and leave."""


class Cluster(Protocol):
    """Nodes that run, or ran."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Those that are members when the scenario begins, in order of their names."""

    @property
    def line(self) -> Line:
        """The version line that they speak."""

    @property
    def has_tablets(self) -> bool:
        """Whether keyspaces have tablets unless they ask for none."""

    @property
    def topology(self) -> Topology:
        """Nodes, ring and tablets as they are now."""

    @property
    def schema(self) -> Schema:
        """The tables that are known now."""

    def node(self, name: str | Named) -> Node:
        """The node of that name, among those that are or were members.

        Raises:
            BackendError: there is none.
        """

    def session(self, coordinator: Named | None = None) -> Session:
        """A session that sends everything to one node; None: to whichever it likes."""

    def keyspace(self, name: str, *, replication_factor: int | None = None) -> None:
        """Make sure that a keyspace exists, with so many replicas in each datacenter.

        Raises:
            BackendError: it exists with another replication factor, or cannot be made.
        """

    def table(self, ddl: str, *, replication_factor: int | None = None) -> PlacedTable:
        """Make sure that a table or a materialized view exists as the statement says; its keyspace too.

        Raises:
            BackendError: it exists with another shape, or cannot be made.
        """

    def index(self, ddl: str) -> PlacedTable:
        """Make sure that a secondary index exists; gives the view behind it.

        Raises:
            BackendError: it cannot be made.
        """

    def given(self, what: str = "") -> AbstractContextManager[None]:
        """What happens inside only brings the cluster into the state in which the scenario begins.

        On replay it lies before the capture: nothing of it is looked for, and statements give no rows.

        Args:
            what: the state, in words.
        """

    def add_node(self) -> Node:
        """Let another node join; returns when it is a member.

        Raises:
            BackendError: it did not become one.
        """

    def close(self) -> None:
        """Give everything back."""
