"""Captures of a folder, which scenarios find by their names."""

from difflib import get_close_matches
from pathlib import Path

from harness.errors import BackendError

SUFFIXES = (".pcapng", ".pcap")
_NAMES_MAX = 40


def captures_named(folder: Path, name: str) -> tuple[Path, ...]:
    """The captures of a name in a folder and those below it, in the order of their paths.

    Raises:
        BackendError: the folder cannot be read, or holds none of that name.
    """
    if not folder.is_dir():
        raise BackendError(f"{folder} is no folder, and no file")
    captures = [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES]
    found = tuple(path for path in captures if path.stem == name)
    if found:
        return found
    names = sorted({path.stem for path in captures})
    if not names:
        raise BackendError(f"{folder} holds no captures ({' or '.join(SUFFIXES)})")
    near = get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    shown = ", ".join(names[:_NAMES_MAX]) + (", ..." if len(names) > _NAMES_MAX else "")
    raise BackendError(f"{folder} holds no capture named {name}{hint}\nit holds: {shown}")
