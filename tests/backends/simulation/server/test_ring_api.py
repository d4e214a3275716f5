"""What nodetool asks of whole nodes."""

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from harness.codec.verbs.gossip import ApplicationState
from tests.backends.simulation.whole_nodes import WholeNodes, whole_nodes

_LOAD = ApplicationState.LOAD


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeNodes]:
    with whole_nodes(2, tmp_path_factory.mktemp("nodes")) as running:
        running.run(
            "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
        )
        running.run("CREATE TABLE k.t (p int PRIMARY KEY)")
        yield running


def told(nodes: WholeNodes, path: str) -> Any:  # noqa: ANN401  (whatever it tells)
    return json.loads(nodes.get(path))


def test_ranges_cover_the_ring_and_each_lies_with_its_owner(nodes: WholeNodes) -> None:
    ring = nodes[0].context.members.topology.ring
    ranges = told(nodes, "/storage_service/describe_ring/k")
    tokens = ["", *(str(token) for token, _ in ring), ""]
    assert [(each["start_token"], each["end_token"]) for each in ranges] == list(itertools.pairwise(tokens))
    owners = [[node.address] for _, node in ring]
    assert [each["endpoints"] for each in ranges] == [*owners, owners[0]]
    assert ranges[0]["endpoint_details"] == [
        {"host": owners[0][0], "datacenter": "datacenter1", "rack": "rack1"}
    ]


def test_a_keyspace_that_each_node_has_for_itself_has_no_ring(nodes: WholeNodes) -> None:
    with pytest.raises(HTTPError) as refused:
        told(nodes, "/storage_service/describe_ring/system")
    assert refused.value.code == 400
    refused.value.close()


def test_loads_are_what_nodes_have_said(nodes: WholeNodes) -> None:
    nodes.until(lambda: nodes[1].node._gossiper.state_of(nodes[1].address, _LOAD) is not None)
    nodes.until(lambda: nodes[0].node._gossiper.state_of(nodes[1].address, _LOAD) is not None)
    loads = {each["key"]: each["value"] for each in told(nodes, "/storage_service/load_map")}
    assert set(loads) == {nodes[0].address, nodes[1].address}
    assert told(nodes, "/storage_service/load") == loads[nodes[0].address] > 0


def test_tables_are_told_with_their_keyspaces(nodes: WholeNodes) -> None:
    assert "k:t" in told(nodes, "/column_family/name")
    assert {"ks": "k", "cf": "t", "type": "ColumnFamilies"} in told(nodes, "/column_family/")
    assert "k" in told(nodes, "/column_family/name/keyspace")
