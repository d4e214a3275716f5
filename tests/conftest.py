"""Options and fixtures of all tests."""

import logging
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's business, not a claim of the test.
settings.register_profile("harness", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("harness")

# The stock driver logs lost connections with tracebacks, from threads of its own. Until 3.12, Python cannot format a
# traceback in one thread while another one parses (gh-106905: "AST constructor recursion depth mismatch").
logging.getLogger("cassandra").setLevel(logging.CRITICAL)

# What a script starts in the background ignores interrupts, and so would all that tests start, and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--reference",
        default=os.environ.get("HARNESS_REFERENCE"),
        help="folder with captures of real clusters; default: the environment variable HARNESS_REFERENCE",
    )
    parser.addoption(
        "--workload-s",
        type=float,
        default=6.0,
        help="how long reads and writes go on while nodes are killed; default: 6",
    )
    parser.addoption(
        "--workload-seed", type=int, help="decides what is written and who is killed; default: by chance"
    )


@pytest.fixture(scope="session")
def reference(pytestconfig: pytest.Config) -> Path:
    """The folder with captures of real clusters; skips where there is none."""
    folder = pytestconfig.getoption("--reference")
    if not folder:
        pytest.skip("no captures of real clusters: set HARNESS_REFERENCE or give --reference FOLDER")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"HARNESS_REFERENCE or --reference names {path}, which is not a folder")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests of running clusters have a second try: a machine under load can make any of them late."""
    for item in items:
        if any(item.get_closest_marker(name) is not None for name in ("namespaces", "docker")):
            item.add_marker(pytest.mark.flaky(reruns=1))
