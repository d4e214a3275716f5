import os
from pathlib import Path

import pytest

from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces
from tests.conformance.simulated_runs import SimulatedRuns


@pytest.fixture(scope="session")
def simulated_runs(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> SimulatedRuns:
    """All scenarios on the simulated cluster, run once for all tests; skips where nothing can be recorded.

    If HARNESS_SIMULATED_RUNS names the folder of reports of such a run, that is taken.
    """
    folder = os.environ.get("HARNESS_SIMULATED_RUNS")
    if folder:
        return SimulatedRuns(Path(folder), "reports made before")
    skip_without_dumpcap()
    skip_without_namespaces(tmp_path_factory.mktemp("namespaces"))
    return SimulatedRuns.of_all_scenarios(tmp_path_factory.mktemp("simulated"))
