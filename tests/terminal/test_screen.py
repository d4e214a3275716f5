import io
from pathlib import Path

import pytest

from harness.events.verb_family import Family
from harness.terminal.screen import OutputClosedError, Screen, note, progress_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_that_fits_is_left_alone() -> None:
    screen = Screen(20)
    assert screen.fit("x" * 15, "tail!") == "x" * 15 + "tail!"
    assert Screen(0).fit("x" * 1000) == "x" * 1000


def test_a_line_is_cut_before_its_tail() -> None:
    assert Screen(20).fit("x" * 30, " tail") == "x" * 14 + "… tail"
    assert Screen(20).fit("x" * 30, " a tail too long") == "x" * 19 + "…"


def test_width_is_the_terminals_and_none_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Screen().width == 0
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "77")
    assert Screen().width == 77


def test_colours_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Screen().paint_family("x", Family.WRITE) == "\x1b[32mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Screen().paint_family("x", Family.WRITE) == "x"


def test_every_family_has_a_colour() -> None:
    for family in Family:
        assert "x" in Screen().paint_family("x", family)


def test_output_that_nobody_reads_is_an_event_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(OutputClosedError):
        Screen().write(["x"])
    Screen().write([])


def test_notes_begin_with_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    note("something")
    assert capsys.readouterr().err == "harness: something\n"


def test_progress_is_shown_for_big_files_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.pcap"
    with path.open("wb") as file:
        file.truncate(32 << 20)
    with progress_of(str(path)) as told:
        assert told is None
    monkeypatch.setattr("sys.stderr", Terminal())
    with progress_of("-") as told:
        assert told is None
    with progress_of(str(path), is_shown=False) as told:
        assert told is None
    with progress_of(str(path)) as told:
        assert told is not None
        told(16 << 20)
