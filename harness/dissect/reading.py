"""Captures from files and standard input: messages one by one, or a whole trace."""

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from harness.codec.verbs.line import Line
from harness.context import Context, context_from_json
from harness.dissect.native import CQL_PORTS, RPC_PORTS, NativeDissector
from harness.dissect.told_ring import with_names, with_told_ring
from harness.errors import CaptureError, ContextError, DecodeError
from harness.events.message import Message
from harness.events.trace import Trace

CHUNK_BYTES = 1 << 18
"""How much is read at a time; what is made of more no longer fits in the processor's cache."""
STANDARD_INPUT = "-"

Progress = Callable[[int], None]
"""Told how many bytes of the file were read, now and then."""


def context_beside(path: str | Path) -> Path | None:
    """The context file NAME.json of a capture NAME.pcapng, where it exists."""
    if str(path) == STANDARD_INPUT:
        return None
    beside = Path(path).with_suffix(".json")
    return beside if beside.is_file() and beside != Path(path) else None


def read_context(path: str | Path) -> Context:
    """Read a context file.

    Raises:
        ContextError: it cannot be read, or is no context.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ContextError(f"cannot read the context {path}: {error}") from error
    try:
        return context_from_json(text)
    except ContextError as error:
        raise ContextError(f"{path}: {error}") from error


def dissector_of(
    path: str | Path,
    *,
    context: Context | None = None,
    line: Line | None = None,
    rpc_ports: Iterable[int] = RPC_PORTS,
    cql_ports: Iterable[int] = CQL_PORTS,
) -> NativeDissector:
    """Make a dissector for a capture, with the context that stands beside it unless one is given.

    Raises:
        ContextError: the context beside the capture cannot be read.
    """
    if context is None:
        beside = context_beside(path)
        if beside is not None:
            context = read_context(beside)
    return NativeDissector(context=context, line=line, rpc_ports=rpc_ports, cql_ports=cql_ports)


def messages_of(
    path: str | Path, dissector: NativeDissector, *, progress: Progress | None = None
) -> Iterator[list[Message]]:
    """Read a capture, ``-`` for standard input, and give its messages in lists, as they complete.

    Raises:
        CaptureError: the file cannot be opened or read, or is no capture; what is good before the place where
            it breaks is given first.
    """
    name = "standard input" if str(path) == STANDARD_INPUT else str(path)
    done = 0
    try:
        with _opened(path) as file:
            while chunk := _read_some(file):
                yield dissector.feed(chunk)
                done += len(chunk)
                if progress is not None:
                    progress(done)
        yield dissector.close()
    except OSError as error:
        raise CaptureError(f"cannot read {name}: {error.strerror or error}") from error
    except DecodeError as error:
        raise CaptureError(f"{name} is no capture that can be read: {error}") from error


def read_trace(
    path: str | Path,
    *,
    context: Context | None = None,
    line: Line | None = None,
    rpc_ports: Iterable[int] = RPC_PORTS,
    cql_ports: Iterable[int] = CQL_PORTS,
) -> Trace:
    """Read a whole capture into a trace, with the context that stands beside it unless one is given.

    Raises:
        CaptureError: the file cannot be opened or read, or is no capture.
        ContextError: the context beside the capture cannot be read.
    """
    dissector = dissector_of(path, context=context, line=line, rpc_ports=rpc_ports, cql_ports=cql_ports)
    messages: list[Message] = []
    with without_cycle_collection():
        for some in messages_of(path, dissector):
            messages += some
    topology = dissector.topology
    if not topology.ring:
        topology = with_told_ring(topology, messages)
        if topology.ring:
            messages = list(with_names(topology, messages))
    return Trace(
        tuple(messages),
        dissector.missing,
        topology,
        dissector.schema,
        dissector.first_time_ns,
        dissector.last_time_ns,
    )


@contextmanager
def without_cycle_collection() -> Iterator[None]:
    """Spare Python the search for reference cycles while only values are made, which have none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _opened(path: str | Path) -> Iterator[BinaryIO]:
    if str(path) == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with Path(path).open("rb", buffering=0) as file:
        yield file


def _read_some(file: BinaryIO) -> bytes:
    """Read what is there, at most a chunk: a live capture is shown as it comes."""
    return os.read(file.fileno(), CHUNK_BYTES)
