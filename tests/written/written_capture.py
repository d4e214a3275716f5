"""A small capture as a file and as a trace, that every machine has."""

from pathlib import Path

from harness.context import context_to_json
from harness.dissect.reading import read_trace
from harness.events.trace import Trace
from tests.written.lwt_insert_twice import INSERT, NAME, capture, context

__all__ = ["INSERT", "NAME", "demo_trace", "write_demo"]


def write_demo(folder: Path, name: str = NAME) -> Path:
    """Write the capture and its context into a folder; give the capture's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.pcapng"
    path.write_bytes(capture())
    path.with_suffix(".json").write_text(context_to_json(context()), encoding="utf-8")
    return path


def demo_trace(folder: Path) -> Trace:
    """Its messages."""
    return read_trace(write_demo(folder))
