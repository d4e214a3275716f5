"""Captures of real clusters, whole: nothing undecoded, everything paired, every written value found."""

from pathlib import Path

import pytest

from tests.conformance.survey import Row, captures, survey

pytestmark = pytest.mark.reference

FOLDERS = (
    "scylla-2025.1/base",
    "scylla-2025.1/bulk",
    "scylla-2025.1/compression",
    "scylla-2025.1/errors",
    "scylla-2025.1/faults",
    "scylla-2025.1/multidc",
    "scylla-2025.1/shards",
    "scylla-2025.1/tablets",
    "scylla-2025.1/topology",
    "scylla-2025.1/views",
    "scylla-4.2/base",
    "scylla-4.2/bulk",
    "scylla-4.2/errors",
    "scylla-4.2/faults",
    "scylla-4.2/multidc",
    "scylla-4.2/shards",
    "scylla-4.2/topology",
    "scylla-4.2/views",
)

SILENCES = {
    "scylla-2025.1/errors/paxos_replica_exception": "a replica that fails in PREPARE or ACCEPT does not answer",
    "scylla-2025.1/faults/hinted_handoff": "n3 is killed while a ping is on its way",
    "scylla-2025.1/faults/pause_then_read_all": "a paused node answers no ping and no echo",
    "scylla-2025.1/tablets/decommission_tablets": "a node that has left is banned: its pings are not answered",
    "scylla-2025.1/topology/decommission": "a node that has left is banned: its pings are not answered",
    "scylla-4.2/errors/alter_under_load": "a second of the capture is missing, though dumpcap counted no drop",
    "scylla-4.2/errors/paxos_replica_exception": "a replica that fails in PREPARE or ACCEPT does not answer",
}
"""Captures in which requests stay unanswered, and why."""

HOLES = {"scylla-4.2/errors/alter_under_load"}
"""Captures that lack bytes, by TCP's own sequence numbers."""


@pytest.fixture(scope="module", params=FOLDERS)
def rows(request: pytest.FixtureRequest, reference: Path) -> list[Row]:
    return [survey(path, reference) for path in captures(reference / str(request.param))]


def test_every_folder_is_listed(reference: Path) -> None:
    assert {str(path.parent.relative_to(reference)) for path in captures(reference)} == set(FOLDERS)


def test_no_frame_stays_undecoded(rows: list[Row]) -> None:
    assert {row.name: row.undecoded_frames for row in rows if row.undecoded_frames} == {}


def test_no_byte_is_left_over(rows: list[Row]) -> None:
    assert {row.name: row.leftover_bytes for row in rows if row.leftover_bytes} == {}


def test_every_body_encodes_to_the_identical_bytes(rows: list[Row]) -> None:
    assert {row.name: row.not_reencoded for row in rows if row.not_reencoded} == {}
    assert all(row.reencoded for row in rows)


def test_every_write_is_paired_with_its_acknowledgement(rows: list[Row]) -> None:
    silent = {row.name: row.unacknowledged for row in rows if row.unacknowledged}
    assert set(silent) <= HOLES
    assert {row.name for row in rows if row.stray_acknowledgements} <= HOLES


def test_every_two_way_request_is_answered_unless_a_fault_says_why(rows: list[Row]) -> None:
    silent = {row.name for row in rows if row.unanswered or row.unacknowledged}
    assert silent == {name for name in SILENCES if name in {row.name for row in rows}}


def test_every_text_that_a_statement_writes_is_found_in_a_mutation(rows: list[Row]) -> None:
    assert {row.name: row.missing_literals for row in rows if row.missing_literals} == {}


def test_every_write_of_a_statement_is_found_with_its_table_keys_and_values(rows: list[Row]) -> None:
    assert {row.name: row.unfound_writes for row in rows if row.unfound_writes} == {}


def test_bytes_are_lost_only_where_they_are_known_to_be(rows: list[Row]) -> None:
    assert {row.name for row in rows if row.lost_bytes} == HOLES & {row.name for row in rows}


def test_each_capture_speaks_the_line_of_its_cluster(rows: list[Row]) -> None:
    assert all(row.name.startswith(f"scylla-{row.line}/") for row in rows)
