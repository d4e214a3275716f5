from pathlib import Path

import pytest
from lark import Lark

from harness.grammar import parser_of

PACKAGE, NAME = "harness", "ddl.lark"
STATEMENT = "CREATE TABLE ks.t (k int PRIMARY KEY, v map<text, frozen<list<int>>>)"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "scylla-wire-harness"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grammars that a parser was made of, not read."""
    grammars: list[str] = []

    class Making(Lark):
        def __init__(self, text: str, **options: object) -> None:
            grammars.append(text)
            super().__init__(text, **options)

    monkeypatch.setattr("lark.Lark", Making)
    return grammars


def parse(text: str = STATEMENT) -> object:
    return parser_of(PACKAGE, NAME, maybe_placeholders=False).parse(text)


def test_a_parser_is_made_once_and_reads_the_same_later(cache: Path, made: list[str]) -> None:
    first = parse()
    (path,) = cache.iterdir()
    assert path.name.startswith("ddl-")
    assert parse() == first
    assert len(made) == 1


def test_another_option_makes_another_parser(cache: Path) -> None:
    parse()
    parser_of(PACKAGE, NAME, maybe_placeholders=True)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:0], lambda data: data + b"x"])
def test_what_is_not_whole_is_made_anew(cache: Path, made: list[str], damage: object) -> None:
    first = parse()
    (path,) = cache.iterdir()
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    assert parse() == first
    assert parse() == first
    assert len(made) == 2


def test_without_a_place_to_keep_it_a_parser_is_made_all_the_same(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.joinpath("file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parent / "file"))
    assert parse()
    monkeypatch.delenv("XDG_CACHE_HOME")

    def nowhere() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", nowhere)
    assert parse()
