"""Bugs that a simulated node has on purpose, so that it can be seen which scenarios find them.

The environment variable HARNESS_SIMULATED_FAULTS names those of the nodes of a run, separated by commas:

    HARNESS_SIMULATED_FAULTS=lose_hint pytest scenarios -k hints
"""

import os
from collections.abc import Iterable, Mapping

from harness.errors import BackendError

VARIABLE = "HARNESS_SIMULATED_FAULTS"
FAULTS: Mapping[str, str] = {
    "answer_before_consistency": "the client hears of a write before anybody has acknowledged it",
    "drop_forward": "what is to be sent on within a remote datacenter is not",
    "skip_view_update": "a base replica leaves its views as they are",
    "double_view_update": "a base replica sends each update of a view twice",
    "mispair_view_replicas": "all base replicas send their updates of a view to the same replica",
    "lose_hint": "what a dead replica misses is forgotten",
    "hint_twice": "each hint is handed over twice",
    "learn_before_accept": "what is proposed is learned before anybody has accepted it",
    "skip_empty_round": "a transaction whose condition is not met ends after the promises",
    "ignore_digests": "a read gives its data though the digests of other replicas differ",
    "skip_read_repair": "replicas that turn out to lack something are not written it",
}
"""Name, and what the node does wrong."""


def known(names: Iterable[str]) -> tuple[str, ...]:
    """The same names, if there are such bugs.

    Raises:
        BackendError: there is one that no node can have.
    """
    wanted = tuple(names)
    unknown = sorted(set(wanted) - set(FAULTS))
    if unknown:
        raise BackendError(f"no fault is called {', '.join(unknown)}; there are: {', '.join(FAULTS)}")
    return wanted


def chosen() -> tuple[str, ...]:
    """The bugs that the environment names.

    Raises:
        BackendError: there is one that no node can have.
    """
    return known(name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip())
