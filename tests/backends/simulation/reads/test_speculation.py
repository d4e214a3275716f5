"""The property speculative_retry, and the latencies that a percentile is taken of."""

from uuid import UUID

import pytest

from harness.backends.simulation.reads.speculation import (
    ReadLatencies,
    Speculation,
    SpeculationKind,
    speculation_of,
)

_TABLE = UUID(int=1)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("NONE", SpeculationKind.NONE, 0.0),
        ("always", SpeculationKind.ALWAYS, 0.0),
        ("99.0PERCENTILE", SpeculationKind.PERCENTILE, 99.0),
        ("95percentile", SpeculationKind.PERCENTILE, 95.0),
        ("50ms", SpeculationKind.CUSTOM, 50.0),
        ("2.5ms", SpeculationKind.CUSTOM, 2.5),
        ("sometimes", SpeculationKind.NONE, 0.0),
    ],
)
def test_the_property_is_read_as_scylla_writes_it(text: str, kind: SpeculationKind, value: float) -> None:
    assert speculation_of(text) == Speculation(kind, value)


def test_a_percentile_is_the_time_within_which_so_many_reads_were_done() -> None:
    latencies = ReadLatencies()
    for milliseconds in range(100, 0, -1):
        latencies.add(_TABLE, milliseconds / 1000)
    assert latencies.percentile_s(_TABLE, 90.0) == 0.091
    assert latencies.percentile_s(_TABLE, 100.0) == 0.1


def test_without_reads_there_is_no_percentile() -> None:
    assert ReadLatencies().percentile_s(_TABLE, 99.0) is None


def test_old_reads_are_forgotten() -> None:
    latencies = ReadLatencies()
    latencies.add(_TABLE, 9.0)
    for _ in range(1000):
        latencies.add(_TABLE, 0.001)
    assert latencies.percentile_s(_TABLE, 100.0) == 0.001
