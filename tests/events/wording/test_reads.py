from pathlib import Path
from uuid import UUID

import pytest

from harness.codec.verbs.paxos import PaxosPrepareReply
from harness.events.wording.reads import digest_text
from harness.events.wording.words import Words, sayer_of
from tests.events.messages import SURROUNDINGS
from tests.events.wording.real_lines import real_lines


@pytest.mark.parametrize(
    ("capture", "line"),
    [
        ("scylla-2025.1/base/index_read", "READ_DATA demo2.by_country_index('France') limit 5000"),
        (
            "scylla-2025.1/base/index_read",
            "reply to READ_DATA: 1 row ('France') [5467144456125416399, 17], digest 154b57ee",
        ),
        ("scylla-2025.1/base/index_read", "READ_DIGEST demo2.city(17) capital, country"),
        ("scylla-2025.1/base/index_read", "reply to READ_DIGEST: digest of no rows"),
        ("scylla-4.2/faults/digest_mismatch", "READ_MUTATION_DATA demo3.map(40) capital, country limit 5000"),
        ("scylla-4.2/faults/digest_mismatch", "reply to READ_MUTATION_DATA: nothing"),
        (
            "scylla-4.2/faults/digest_mismatch",
            "reply to READ_MUTATION_DATA: demo3.map(40) capital='after40' country='before'",
        ),
        ("scylla-2025.1/base/range_scan", "MAPREDUCE_REQUEST QUORUM countRows() of demo3.scan, 17 ranges"),
        ("scylla-2025.1/base/range_scan", "reply to MAPREDUCE_REQUEST: 16"),
        ("scylla-4.2/base/lwt_insert_twice", "reply to PAXOS_PREPARE: promise, digest of no rows"),
        (
            "scylla-4.2/base/lwt_insert_twice",
            "reply to PAXOS_PREPARE: promise, last committed ballot 08:54:43.481945/1015, digest c2d934c9",
        ),
    ],
)
def test_lines_of_real_captures(reference: Path, capture: str, line: str) -> None:
    assert line in real_lines(reference, capture)


def test_a_refused_ballot_names_the_newer_one() -> None:
    reply = PaxosPrepareReply(response=UUID("d3c1c0a4-e652-11f1-1015-d98a8a1f2b3c"))
    sayer = sayer_of(PaxosPrepareReply)
    assert sayer is not None
    assert sayer(reply, Words(SURROUNDINGS)).startswith("refused: promised to ballot ")


def test_a_digest_that_is_no_xxhash_is_shown_from_its_beginning() -> None:
    assert digest_text(bytes(range(1, 17))) == "digest 01020304"
