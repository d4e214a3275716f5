"""All scenarios on the simulated cluster, run once, and what to hold them against: captures of real clusters."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.backends.replay.cluster import ReplayCluster
from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from harness.golden.comparison import Comparison, compare_flows
from harness.golden.flows import StatementFlow, statement_flows
from tests.conformance.scenario_cases import ScenarioCase, scenario_cases, trace_of

OLD = "scylla-4.2"
LINE = "4.2"
PROCESSES = 3
"""Scenarios wait more than they compute."""
TIMEOUT_S = 900


@dataclass(frozen=True)
class SimulatedRuns:
    """The reports of one run of all scenarios on the simulated cluster."""

    folder: Path
    output: str
    """What pytest wrote."""

    @classmethod
    def of_all_scenarios(cls, folder: Path) -> "SimulatedRuns":
        """Run them; one that fails leaves its report all the same."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "scenarios",
            "--cluster=simulated",
            "-q",
            "-n",
            str(PROCESSES),
        ]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "--report-dir", str(folder)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return cls(folder, done.stdout + done.stderr)

    def capture(self, case: ScenarioCase) -> Path | None:
        """The packets of a scenario; None: it was not run."""
        name = case.function.__name__.removeprefix("test_")
        return next(iter(sorted(self.folder.glob(f"*.{name}/*/capture.pcapng"))), None)

    @cached_property
    def captures(self) -> tuple[Path, ...]:
        """The packets of all scenarios."""
        return tuple(sorted(self.folder.glob("*/*/capture.pcapng")))


def cases_of_the_line() -> Iterator[ScenarioCase]:
    """The scenarios that simulated nodes can run and the captures of their line show."""
    for case in scenario_cases():
        needs = case.needs
        if (not needs.lines or LINE in needs.lines) and not needs.tablets:
            yield case


def real_capture(case: ScenarioCase, reference: Path) -> Path:
    """The capture of a real cluster that a scenario is replayed from."""
    return case.captures(reference / OLD)[0]


def real_flows(case: ScenarioCase, path: Path) -> tuple[StatementFlow, ...]:
    """The statements of a capture that are the scenario's own."""
    trace = trace_of(path)
    cluster = case.run(trace, path.name).opened.cluster
    assert isinstance(cluster, ReplayCluster)
    return statement_flows(trace, cluster.conversation.taken)


def simulated_trace(path: Path) -> Trace:
    """The trace of a simulated run, with the context beside it."""
    return read_trace(path)


def compared(case: ScenarioCase, reference: Path, simulated: Path) -> Comparison:
    """The scenario on real nodes against the scenario on simulated ones."""
    real = real_flows(case, real_capture(case, reference))
    return compare_flows(real, statement_flows(simulated_trace(simulated)))
