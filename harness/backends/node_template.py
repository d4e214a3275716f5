"""The loaded program of simulated nodes, which their processes are copies of, and what it is that it simulates."""

import os
import sys
from contextlib import suppress
from functools import cache

from harness.backends.network.template import Template, template_of
from harness.codec.verbs.line import Line
from harness.grammar import cache_folder

LINE = Line.V4_2
NODE_PROGRAM = "harness.backends.simulation.node_program"


def node_template() -> Template:
    """The template of nodes; who will need it soon may ask for it, so that it is loaded by then.

    Raises:
        OSError: there are too many processes or files.
    """
    return template_of(NODE_PROGRAM, environment=_environment())


def _environment() -> dict[str, str]:
    """Ours, but that the node finds the same modules, and its log comes as it is written."""
    environment = {**os.environ, "PYTHONPATH": _python_path(), "PYTHONUNBUFFERED": "1"}
    # pytest's, anew in each test; nodes of all tests have the same environment.
    environment.pop("PYTEST_CURRENT_TEST", None)
    if environment.pop("PYTHONDONTWRITEBYTECODE", "") and "PYTHONPYCACHEPREFIX" not in environment:
        # Who wants no compiled files beside the sources has them elsewhere: without them, nodes start half as fast.
        with suppress(RuntimeError):
            environment["PYTHONPYCACHEPREFIX"] = str(cache_folder() / "bytecode")
    return environment


@cache
def _python_path() -> str:
    """Where modules are found; the folders of tests, which pytest adds as it goes, have none that nodes need."""
    return os.pathsep.join(path for path in sys.path if path)
