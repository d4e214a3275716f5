"""Simulated clusters for clients that are not ours."""

from collections.abc import Callable, Iterator

import pytest
from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import ConstantReconnectionPolicy, RoundRobinPolicy, TokenAwarePolicy

from harness.backends.contract import Needs
from tests.backends.network.networks import skip_without_namespaces
from tests.end_to_end.simulated_cluster import DriverSession, SimulatedCluster


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedCluster]:
    """Three nodes, for all tests of a module."""
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))
    cluster = SimulatedCluster.start(Needs(nodes=3))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def connect(simulated: SimulatedCluster) -> Iterator[Callable[..., Cluster]]:
    """Makes clusters of the stock driver, as an application would; all are shut down in the end."""
    made: list[Cluster] = []

    def connect(**settings: object) -> Cluster:
        profile = ExecutionProfile(
            TokenAwarePolicy(RoundRobinPolicy()),
            consistency_level=ConsistencyLevel.QUORUM,
            request_timeout=20,
        )
        cluster = Cluster(
            [simulated.addresses[0]],
            **{
                "connection_class": simulated.site.connection_class,
                "execution_profiles": {EXEC_PROFILE_DEFAULT: profile},
                "reconnection_policy": ConstantReconnectionPolicy(0.1, max_attempts=None),
                "protocol_version": 4,
                **settings,
            },
        )
        made.append(cluster)
        return cluster

    yield connect
    for cluster in made:
        cluster.shutdown()


@pytest.fixture(scope="module")
def driver(connect: Callable[..., Cluster]) -> DriverSession:
    """A session of the stock driver that asks replicas, in a keyspace of its own with three replicas."""
    session = connect().connect()
    session.execute(
        "CREATE KEYSPACE app WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}"
    )
    session.set_keyspace("app")
    return session
