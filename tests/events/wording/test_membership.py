from pathlib import Path

import pytest

from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        ("scylla-2025.1/base/boot", "JOIN_NODE_QUERY how do nodes join?"),
        ("scylla-2025.1/base/boot", "reply to JOIN_NODE_QUERY: by raft"),
        (
            "scylla-2025.1/base/boot",
            "JOIN_NODE_REQUEST n2 wants to join 'reference', in datacenter1/rack1, 1 shard, 16 tokens",
        ),
        ("scylla-2025.1/base/boot", "reply to JOIN_NODE_REQUEST: taken up"),
        ("scylla-2025.1/base/boot", "JOIN_NODE_RESPONSE accepted"),
        ("scylla-2025.1/base/boot", "reply to JOIN_NODE_RESPONSE: caught up"),
        ("scylla-2025.1/base/boot", "RAFT_TOPOLOGY_CMD stream ranges (command 8, term 1)"),
        ("scylla-2025.1/base/boot", "reply to RAFT_TOPOLOGY_CMD: done"),
        (
            "scylla-2025.1/base/boot",
            "RAFT_PULL_SNAPSHOT system.topology, system.topology_requests, system.cdc_generations_v3",
        ),
        ("scylla-2025.1/base/boot", "reply to TABLE_LOAD_STATS: no tables with tablets, 252.0 GiB of disk"),
        ("scylla-2025.1/tablets/add_node_tablets", "TABLET_STREAM_DATA tablet 1 of demo2.map"),
        ("scylla-2025.1/tablets/decommission_tablets", "TABLET_CLEANUP tablet 1 of demo2.map"),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)
