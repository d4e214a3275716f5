"""A stand-in that takes Scylla's command line and scylla.yaml: a program of its own, as a user's scylla is."""

import sys
from pathlib import Path

import pytest

from tests.backends.network.networks import skip_without_dumpcap, skip_without_namespaces

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def scylla(tmp_path: Path) -> Path:
    """Its path."""
    skip_without_namespaces(tmp_path)
    skip_without_dumpcap()
    path = tmp_path / "scylla"
    path.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={PROJECT}\nexec {sys.executable} -m harness.backends.simulation.scylla_program "$@"\n'
    )
    path.chmod(0o755)
    return path
