"""``harness conformance``: its exit status, what it writes, what it reads."""

import shutil
from pathlib import Path

import pytest

from harness.cli import run

OLD = "scylla-4.2/base"


def test_a_run_is_equal_to_itself(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = str(reference / OLD / "write_rf3.pcapng")
    assert run(["conformance", capture, capture]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("equal: ")


def test_versions_differ_in_what_newer_ones_added_and_the_page_says_so(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captures = [str(reference / line / "base/write_rf3.pcapng") for line in ("scylla-4.2", "scylla-2025.1")]
    page = tmp_path / "deep" / "page.html"
    assert run(["conformance", *captures, "--html", str(page)]) == 1
    assert "MUTATION: fence" in capsys.readouterr().out
    assert "MUTATION: fence" in page.read_text(encoding="utf-8")


def test_folders_of_runs_are_read(reference: Path, tmp_path: Path) -> None:
    source = reference / OLD / "write_rf3"
    for suffix in (".pcapng", ".json"):
        shutil.copyfile(source.with_suffix(suffix), tmp_path / f"capture{suffix}")
    assert run(["conformance", str(tmp_path), str(source.with_suffix(".pcapng"))]) == 0


def test_runs_without_a_statement_in_common_cannot_be_compared(reference: Path) -> None:
    captures = [str(reference / OLD / f"{name}.pcapng") for name in ("write_rf3", "index_read")]
    assert run(["conformance", *captures]) == 2


@pytest.mark.parametrize("name", ["missing.pcapng", "empty"])
def test_what_cannot_be_read_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    path = str(tmp_path / name)
    assert run(["conformance", path, path]) == 2
    assert path in capsys.readouterr().err
