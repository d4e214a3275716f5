from pathlib import Path

import pytest

from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        ("scylla-2025.1/base/batch", "MUTATION demo3.map(2) country='b' #11407"),
        ("scylla-2025.1/base/batch", "MUTATION_DONE #11407"),
        (
            "scylla-4.2/multidc/multi_dc",
            "MUTATION demo.map(17) capital='Berlin' country='Germany' #58696, forward to n3",
        ),
        ("scylla-2025.1/tablets/view_life_rf3", "MUTATION_DONE #70167, view backlog 2.5 KiB"),
        ("scylla-2025.1/errors/mutation_failed", "MUTATION_FAILED #21459 1 failure"),
        (
            "scylla-2025.1/faults/hinted_handoff",
            "HINT_MUTATION demo3.map(0) capital='h0' country='hinted' #61072",
        ),
        ("scylla-4.2/base/counter", "COUNTER_MUTATION QUORUM demo3.hits('home') n+=1"),
        ("scylla-4.2/base/counter", "reply to COUNTER_MUTATION: done"),
        ("scylla-2025.1/base/truncate", "TRUNCATE demo3.map"),
        ("scylla-2025.1/tablets/truncate", "TRUNCATE_WITH_TABLETS demo3.map"),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "PAXOS_PREPARE demo3.map(117) ballot 08:54:43.481945/1015, digest only",
        ),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "PAXOS_ACCEPT demo3.map(117) capital='Berlin' country='Germany' ballot 08:54:43.481945/1015",
        ),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "PAXOS_LEARN demo3.map(117) unchanged ballot 08:54:44.092996/9ae0 #81491",
        ),
        ("scylla-4.2/base/lwt_insert_twice", "reply to PAXOS_ACCEPT: accepted"),
        ("scylla-4.2/base/lwt_insert_twice", "PAXOS_PRUNE demo3.map(117) ballot 08:54:43.481945/1015"),
        ("scylla-2025.1/base/range_scan", "GET_SCHEMA_VERSION version 9fe69cb1 of demo3.scan"),
        (
            "scylla-2025.1/base/range_scan",
            "reply to GET_SCHEMA_VERSION: version 9fe69cb1: system_schema.tables('demo3') ['scan']",
        ),
        ("scylla-4.2/faults/repair", "reply to SCHEMA_CHECK: schema 501ed385"),
        ("scylla-4.2/base/boot", "MIGRATION_REQUEST schema"),
        ("scylla-4.2/base/boot", "reply to MIGRATION_REQUEST: nothing: I do not know your version yet"),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)
