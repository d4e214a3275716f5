"""What any trace has to pass."""

from pathlib import Path

import pytest

from harness.expect.monitors import monitors
from harness.expect.verdict import Outcome
from tests.expect.captured import captured

EXCEPTIONS = {
    "scylla-4.2/errors/paxos_replica_exception": Outcome.FAIL,
    "scylla-2025.1/errors/paxos_replica_exception": Outcome.FAIL,
    "scylla-4.2/errors/alter_under_load": Outcome.INCONCLUSIVE,
}
"""A replica that rightly answers nothing, and a capture of which more than a megabyte is lost."""
_LARGE = ("bulk_quorum", "whole_", "boot")


def test_every_capture_passes_but_for_those_that_show_a_fault(reference: Path) -> None:
    names = sorted(
        str(path.relative_to(reference).with_suffix(""))
        for path in reference.glob("scylla-*/*/*.pcapng")
        if not path.name.startswith(_LARGE)
    )
    assert len(names) > 70
    claim = monitors()
    found = {}
    for name in names:
        verdict = claim.check(captured(reference, name))
        if verdict.outcome is not Outcome.PASS:
            found[name] = verdict.outcome
    assert found == {name: outcome for name, outcome in EXCEPTIONS.items() if name in names}


@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("scylla-4.2/base/whole_base", "scylla-4.2/base/materialized_view"),
        ("scylla-2025.1/compression/whole_compression_v3", "scylla-2025.1/compression/scylla_v3"),
    ],
)
def test_captures_from_the_first_packet_on_pass(reference: Path, name: str, context: str) -> None:
    verdict = monitors().check(captured(reference, name, context))
    assert verdict.outcome is Outcome.PASS
    assert [part.claim.split(",")[0].split(":")[0] for part in verdict.parts] == [
        "every request is answered and every write acknowledged",
        "the consistency level is reached before the client's reply",
        "Paxos",
        "every verb is known",
    ]


def test_claim_names_its_parts() -> None:
    assert str(monitors()).startswith("monitors: every request is answered")
