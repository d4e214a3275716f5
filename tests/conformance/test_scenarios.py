"""Every scenario on every capture of real clusters that it is about."""

import ast
import inspect
from pathlib import Path

import pytest

from tests.conformance.scenario_cases import ScenarioCase, scenario_cases, trace_of

CASES = scenario_cases()
LINES_MAX = 33
"""Of a scenario's body, without its docstring: setup, action and expectation fit on a screen."""
MEAN_LINES_MAX = 18
FOLDERS = ("scylla-4.2", "scylla-2025.1")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scenario_holds_on_every_real_capture(reference: Path, case: ScenarioCase) -> None:
    captures = case.captures(reference)
    assert captures, f"no capture is called {case.capture}"
    for path in captures:
        run = case.run(trace_of(path), path.name)
        assert run.verdicts
        run.finish()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scenario_says_why_it_leaves_a_line_out(reference: Path, case: ScenarioCase) -> None:
    covered = {path.relative_to(reference).parts[0] for path in case.captures(reference)}
    assert covered == set(FOLDERS) or case.because


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scenario_states_claim_and_source_in_words(case: ScenarioCase) -> None:
    doc = inspect.getdoc(case.function) or ""
    assert "Source:" in doc
    # A report shows one scenario alone.
    assert "as above" not in doc
    assert doc.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_scenario_is_short_and_has_no_loop(case: ScenarioCase) -> None:
    (function,) = ast.parse(inspect.getsource(case.function)).body
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:]
    assert not [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    assert lines_of(body) <= LINES_MAX


def test_scenarios_are_short_as_a_rule() -> None:
    bodies = [ast.parse(inspect.getsource(case.function)).body[0] for case in CASES]
    lines = [lines_of(function.body[1:]) for function in bodies if isinstance(function, ast.FunctionDef)]
    assert sum(lines) / len(lines) <= MEAN_LINES_MAX


def lines_of(body: list[ast.stmt]) -> int:
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@pytest.mark.parametrize("path", sorted(Path("scenarios").rglob("*.py")), ids=str)
def test_scenario_imports_nothing_deep(path: Path) -> None:
    allowed = {"harness", "harness.expect", "pytest", "cassandra", "itertools"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported <= allowed
