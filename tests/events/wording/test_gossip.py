from pathlib import Path

import pytest

from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        ("scylla-4.2/base/lwt_insert_twice", "GOSSIP_DIGEST_SYN 3 digests"),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "GOSSIP_DIGEST_ACK wants n3 since 283, n2 since 378, n1: heartbeat 472, CACHE_HITRATES",
        ),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "GOSSIP_DIGEST_ACK2 n2: heartbeat 383, CACHE_HITRATES, VIEW_BACKLOG; n3: heartbeat 286, VIEW_BACKLOG",
        ),
        ("scylla-4.2/base/boot", "GOSSIP_DIGEST_SYN no digests: tell me everything (shadow round)"),
        ("scylla-4.2/base/boot", "CLIENT_ID n2 shard 0"),
        ("scylla-4.2/faults/graceful_stop_and_return", "GOSSIP_SHUTDOWN n3 stops"),
        ("scylla-2025.1/base/batch", "GOSSIP_ECHO generation 1795339817"),
        ("scylla-2025.1/base/batch", "reply to GOSSIP_ECHO"),
        (
            "scylla-2025.1/base/boot",
            "GOSSIP_GET_ENDPOINT_STATES wants SNITCH_NAME, SUPPORTED_FEATURES, RACK, DC, HOST_ID, TOKENS, STATUS",
        ),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)
