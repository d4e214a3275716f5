"""Every scenario as a function that can be run on any trace."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import scenarios
from harness.backends.contract import Needs
from harness.backends.replay.captures import captures_named
from harness.clusters import replayed
from harness.dissect.reading import read_trace
from harness.errors import HarnessError
from harness.events.trace import Trace
from harness.recording import Judged
from harness.run import Run

_NEEDS = tuple(field.name for field in fields(Needs))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioCase:
    """A scenario, with what its marker says."""

    name: str
    """Folder, file and function: ``lwt/contention: contended updates keep the order of paxos``."""
    function: Callable[..., None]
    capture: str
    needs: Needs
    because: str

    def __str__(self) -> str:
        return self.name

    def captures(self, folder: Path) -> list[Path]:
        """The captures in a folder that it is about."""
        return [path for path in captures_named(folder, self.capture) if self.applies_to(path)]

    def applies_to(self, path: Path) -> bool:
        """Whether it is about the cluster of a capture."""
        trace = trace_of(path)
        cluster = replayed(trace, path.name).cluster
        needs = self.needs
        return (not needs.lines or cluster.line.value in needs.lines) and needs.tablets in {
            None,
            cluster.has_tablets,
        }

    def run(self, trace: Trace, name: str) -> Run:
        """Run it on a trace.

        Raises:
            HarnessError: the trace does not hold what the scenario does.
            Refused: a claim of its is not PASS.
        """
        run = Run(replayed(trace, name, self.needs), self.name, on_verdict=refuse)
        self.play(run)
        return run

    def play(self, run: Run) -> None:
        """Do what it says in a run, whatever the cluster is.

        Raises:
            HarnessError: it does not come to its end.
        """
        given = {"cluster": run.cluster, "session": run.session(), "wire": run.wire}
        wanted = inspect.signature(self.function).parameters
        self.function(**{name: given[name] for name in wanted})


class Refused(Exception):  # noqa: N818  (no error: a claim that does not hold)
    """A claim is not PASS."""

    def __init__(self, judged: Judged) -> None:
        super().__init__(f"{judged.name}: {judged.verdict.outcome} {judged.verdict.claim}")
        self.judged = judged


def refuse(judged: Judged) -> None:
    """End a scenario at the first claim that is not PASS.

    Raises:
        Refused: it is not.
    """
    if not judged.verdict:
        raise Refused(judged)


@cache
def scenario_cases() -> tuple[ScenarioCase, ...]:
    """All scenarios, by folder, file and place in it."""
    return tuple(_cases())


def _cases() -> Iterator[ScenarioCase]:
    for module_info in sorted(
        pkgutil.walk_packages(scenarios.__path__, "scenarios."), key=lambda info: info.name
    ):
        module = import_module(module_info.name)
        for name, function in vars(module).items():
            marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "cluster"]
            if not name.startswith("test_") or not marks:
                continue
            marked: dict[str, Any] = dict(marks[0].kwargs)
            place = module_info.name.removeprefix("scenarios.").replace(".test_", "/").replace("_", " ")
            yield ScenarioCase(
                name=f"{place}: {name.removeprefix('test_').replace('_', ' ')}",
                function=function,
                capture=marked["capture"],
                needs=Needs(**{key: value for key, value in marked.items() if key in _NEEDS}),
                because=marked.get("because", ""),
            )


@lru_cache(maxsize=8)
def trace_of(path: Path) -> Trace:
    """Read a capture; the next case is likely to want the same."""
    return read_trace(path)


def outcome_of(case: ScenarioCase, trace: Trace, name: str) -> tuple[str, str]:
    """What becomes of a scenario on a trace, in a word, and why."""
    try:
        case.run(trace, name).finish()
    except Refused as refused:
        verdict = refused.judged.verdict
        worst = [part for part in verdict.parts or (verdict,) if not part]
        why = "\n".join(f"{part.claim}\n{part.reasons}" for part in worst)
        return str(verdict.outcome), why
    except (HarnessError, AssertionError) as error:
        return "refused", str(error)
    return "PASS", ""
