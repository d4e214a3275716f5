"""Parsers made from grammars, kept in the user's cache folder: to make one takes a quarter of a second.

A file there holds the SHA-256 of the rest, and the parser as lark saves it; its name says what it was made from, so
that another grammar, lark or Python makes another file. Whoever writes one puts it in place whole.

Source:
    lark docs, "Lark class" (save, load); XDG Base Directory Specification (XDG_CACHE_HOME).
"""

import os
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_FOLDER = "scylla-wire-harness"
_DIGEST_BYTES = 32


def parser_of(package: str, name: str, *, maybe_placeholders: bool) -> "Lark":
    """The LALR parser of a grammar file.

    Args:
        package: where the file is.
        name: of the file.
        maybe_placeholders: whether what is optional and absent is None in the tree.
    """
    from lark import Lark  # noqa: PLC0415  (the folder is wanted by some that need no parser)

    grammar = files(package).joinpath(name).read_text("utf-8")
    path = _path_of(name, f"{grammar}\0{maybe_placeholders}")
    kept = None if path is None else _kept(path)
    if kept is not None:
        parser: Lark = Lark.load(BytesIO(kept))
        return parser
    parser = Lark(grammar, parser="lalr", maybe_placeholders=maybe_placeholders)
    if path is not None:
        # Without a place to keep it, it is made anew each time.
        with suppress(OSError):
            _keep(path, parser)
    return parser


def cache_folder() -> Path:
    """Where this user's runs keep what they could make again.

    Raises:
        RuntimeError: the user has no home.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / _FOLDER


def _path_of(name: str, made_from: str) -> Path | None:
    """Where a parser is kept; None for users without a home."""
    import lark  # noqa: PLC0415  (the same)

    try:
        folder = cache_folder()
    except RuntimeError:
        return None
    key = sha256(f"{made_from}\x00{lark.__version__}\x00{sys.version}".encode()).hexdigest()
    return folder / f"{Path(name).stem}-{key[:16]}"


def _kept(path: Path) -> bytes | None:
    """What is kept; None if that is nothing, not whole, or somebody else's."""
    try:
        with path.open("rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            data = file.read()
    except OSError:
        return None
    kept = data[_DIGEST_BYTES:]
    return kept if owner == os.geteuid() and sha256(kept).digest() == data[:_DIGEST_BYTES] else None


def _keep(path: Path, parser: "Lark") -> None:
    saved = BytesIO()
    parser.save(saved)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Several processes may be at it.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(sha256(saved.getvalue()).digest() + saved.getvalue())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
