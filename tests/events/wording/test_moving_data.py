from pathlib import Path

import pytest

from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        (
            "scylla-2025.1/tablets/add_node_tablets",
            "TABLET_STREAM_FILES demo2.map (-1, 9223372036854775807] to n4 shard 0",
        ),
        ("scylla-2025.1/tablets/add_node_tablets", "reply to TABLET_STREAM_FILES: 7.9 KiB"),
        (
            "scylla-2025.1/tablets/add_node_tablets",
            "STREAM_BLOB me-3h5q_0qyr_3m3n42wpi3qa48xqmo-big-TOC.txt of demo2.map, stream sstables",
        ),
        ("scylla-2025.1/tablets/add_node_tablets", "STREAM_BLOB data: 102 B"),
        ("scylla-2025.1/tablets/add_node_tablets", "STREAM_BLOB end of stream"),
        (
            "scylla-4.2/topology/add_node",
            "STREAM_MUTATION_FRAGMENTS demo2.map, plan a4ac97f4, bootstrap, about 0 partitions",
        ),
        ("scylla-4.2/topology/add_node", "STREAM_MUTATION_FRAGMENTS data: all stored"),
        (
            "scylla-4.2/faults/repair",
            "REPAIR_ROW_LEVEL_START repair 0 of demo3.map (-inf, -9154348778110573471], repair",
        ),
        ("scylla-4.2/faults/repair", "reply to REPAIR_ROW_LEVEL_START: ok"),
        (
            "scylla-4.2/faults/repair",
            "reply to REPAIR_GET_DIFF_ALGORITHMS: send full set, send full set rpc stream",
        ),
        ("scylla-4.2/faults/repair", "REPAIR_GET_SYNC_BOUNDARY repair 0, from the start"),
        ("scylla-4.2/faults/repair", "reply to REPAIR_GET_SYNC_BOUNDARY: no rows"),
        (
            "scylla-4.2/faults/repair",
            "REPAIR_GET_COMBINED_ROW_HASH repair 6, up to (0x00000052) at token -6799325000624954565",
        ),
        ("scylla-4.2/faults/repair", "reply to REPAIR_GET_COMBINED_ROW_HASH: hash 2750be0de6baa618"),
        ("scylla-4.2/faults/repair", "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM data: needs all rows"),
        ("scylla-4.2/faults/repair", "REPAIR_PUT_ROW_DIFF_WITH_RPC_STREAM data: (0x00000058) 1 row"),
        ("scylla-2025.1/base/boot", "REPAIR_GET_ROW_DIFF_WITH_RPC_STREAM data: ('timestamps') 1 row"),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)
