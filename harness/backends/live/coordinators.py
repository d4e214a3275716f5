"""Sessions of the stock driver, each with one node that all its statements go to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cassandra import ConsistencyLevel, OperationTimedOut
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.connection import Connection
from cassandra.policies import (
    ConstantReconnectionPolicy,
    FallthroughRetryPolicy,
    NoSpeculativeExecutionPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
    WhiteListRoundRobinPolicy,
)
from cassandra.query import named_tuple_factory

from harness.errors import BackendError
from harness.waiting import wait_until

CQL_PORT = 9042
PROTOCOL_VERSION = 4
CONNECT_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 30.0
"""Longer than any timeout of a coordinator: it is the node that says what became of a statement."""
_RECONNECT_S = 0.1
_AGREEMENT_S = 30.0


class Coordinators:
    """Opens sessions when they are first asked for, and closes all of them.

    Args:
        connection_class: of the driver's connections.
        addresses: gives the addresses of the nodes that are there, for sessions that choose by themselves.
    """

    def __init__(self, connection_class: type[Connection], addresses: Callable[[], tuple[str, ...]]) -> None:
        self._connection_class = connection_class
        self._addresses = addresses
        self._clusters: dict[str | None, Cluster] = {}
        self._sessions: dict[str | None, Any] = {}

    def session(self, address: str | None) -> Any:  # noqa: ANN401  (the driver has no types)
        """The session with the node of an address; None: one that asks replicas, as an application's would.

        Raises:
            BackendError: the node accepts no connection.
        """
        session = self._sessions.get(address)
        if session is None:
            session = self._sessions[address] = self._open(address)
        return session

    @staticmethod
    @contextmanager
    def without_agreement(session: Any) -> Iterator[None]:  # noqa: ANN401  (the same)
        """Have the driver not wait until gossip has told all nodes of a change: somebody else does, sooner."""
        cluster = session.cluster
        cluster.max_schema_agreement_wait = 0
        try:
            yield
        finally:
            cluster.max_schema_agreement_wait = _AGREEMENT_S

    def wait_for_connection(self, address: str, *, timeout_s: float) -> None:
        """Return when the session with a node, if there is one, has connected again.

        Raises:
            BackendError: it does not in time.
        """
        session = self._sessions.get(address)
        if session is not None and not wait_until(lambda: _is_connected(session), timeout_s=timeout_s):
            raise BackendError(f"the session with {address} does not connect again within {timeout_s:g} s")

    def close(self) -> None:
        """Close all sessions."""
        clusters, self._clusters, self._sessions = list(self._clusters.values()), {}, {}
        for cluster in clusters:
            cluster.shutdown()

    def _open(self, address: str | None) -> Any:  # noqa: ANN401  (the same)
        addresses = self._addresses() if address is None else (address,)
        policy = (
            TokenAwarePolicy(RoundRobinPolicy()) if address is None else WhiteListRoundRobinPolicy([address])
        )
        profile = ExecutionProfile(
            load_balancing_policy=policy,
            # A claim counts messages: nothing is sent twice.
            retry_policy=FallthroughRetryPolicy(),
            speculative_execution_policy=NoSpeculativeExecutionPolicy(),
            consistency_level=ConsistencyLevel.LOCAL_ONE,
            request_timeout=REQUEST_TIMEOUT_S,
            row_factory=named_tuple_factory,
        )
        # Who is pinned to a node needs to know neither tables nor tokens; asking for them is traffic.
        knows_all = address is None
        cluster = Cluster(
            contact_points=list(addresses),
            port=CQL_PORT,
            protocol_version=PROTOCOL_VERSION,
            connection_class=self._connection_class,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            reconnection_policy=ConstantReconnectionPolicy(_RECONNECT_S, max_attempts=None),
            schema_metadata_enabled=knows_all,
            token_metadata_enabled=knows_all,
            compression=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            control_connection_timeout=CONNECT_TIMEOUT_S,
            max_schema_agreement_wait=_AGREEMENT_S,
            schema_event_refresh_window=0 if knows_all else -1,
            idle_heartbeat_interval=0,
            monitor_reporting_enabled=False,
        )
        try:
            # Before all pools are there, a replica may be passed over.
            session = cluster.connect(wait_for_all_pools=knows_all)
        except NoHostAvailable as error:
            cluster.shutdown()
            told = error.errors.values() if isinstance(error.errors, Mapping) else error.errors
            reasons = "; ".join(str(reason) for reason in told) or str(error)
            where = ", ".join(addresses) or "no node"
            raise BackendError(f"no CQL session with {where}: {reasons}") from error
        self._clusters[address] = cluster
        return session


def _is_connected(session: Any) -> bool:  # noqa: ANN401  (the same)
    try:
        session.execute("SELECT key FROM system.local WHERE key='local'")
    except (NoHostAvailable, OperationTimedOut):
        return False
    return True
