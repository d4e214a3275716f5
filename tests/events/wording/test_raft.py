from pathlib import Path

import pytest

from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        ("scylla-2025.1/base/batch", "DIRECT_FD_PING"),
        ("scylla-2025.1/base/batch", "reply to DIRECT_FD_PING: alive"),
        ("scylla-2025.1/base/boot", "GROUP0_PEER_EXCHANGE I know n1, n2"),
        ("scylla-2025.1/base/boot", "reply to GROUP0_PEER_EXCHANGE: group 0 is 508da780, ask n1"),
        (
            "scylla-2025.1/base/boot",
            "RAFT_APPEND_ENTRIES term 1, committed up to 22: [21] configuration n2 without vote, n1, joint with n1",
        ),
        ("scylla-2025.1/base/boot", "RAFT_APPEND_ENTRIES_REPLY rejected at 20: the log ends at 0"),
        ("scylla-2025.1/base/boot", "RAFT_SEND_SNAPSHOT snapshot 85011362 up to entry 1 of term 0"),
        ("scylla-2025.1/base/boot", "reply to RAFT_SEND_SNAPSHOT: taken"),
        ("scylla-2025.1/base/boot", "RAFT_EXECUTE_READ_BARRIER_ON_LEADER up to which entry?"),
        ("scylla-2025.1/base/boot", "reply to RAFT_EXECUTE_READ_BARRIER_ON_LEADER: up to entry 22"),
        ("scylla-2025.1/base/boot", "RAFT_MODIFY_CONFIG add n2"),
        ("scylla-2025.1/base/boot", "reply to RAFT_MODIFY_CONFIG: done"),
        ("scylla-2025.1/base/boot", "RAFT_READ_QUORUM read 59, term 1, committed up to 31"),
        (
            "scylla-2025.1/base/index_create",
            "RAFT_ADD_ENTRY write in system.view_build_status_v2('demo2', 'by_country_index') [7088f8d1-a39c-4f02-a979-290a1de4f095], by n3",
        ),
        ("scylla-2025.1/base/index_create", "reply to RAFT_ADD_ENTRY: entry 58 of term 1"),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)
