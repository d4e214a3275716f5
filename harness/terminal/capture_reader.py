"""Captures as commands read them: with the context beside them, progress, and a word about what is missing."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from harness.codec.verbs.line import Line
from harness.context import Context
from harness.dissect.native import NativeDissector
from harness.dissect.reading import (
    STANDARD_INPUT,
    context_beside,
    messages_of,
    read_context,
    read_trace,
    without_cycle_collection,
)
from harness.errors import CaptureError, ContextError
from harness.events.message import Message
from harness.events.surroundings import Surroundings
from harness.events.trace import Missing, Trace
from harness.terminal.screen import note, progress_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How captures are to be read."""

    context: Context | None
    has_context: bool
    line: Line | None
    rpc_ports: tuple[int, ...]
    cql_ports: tuple[int, ...]

    def context_of(self, path: str) -> Context | None:
        """The context told for a capture, or the one beside it; None if there is none, or none is wanted."""
        if self.context is not None or not self.has_context:
            return self.context
        beside = context_beside(path)
        if beside is None:
            return None
        try:
            context = read_context(beside)
        except ContextError as error:
            note(f"{error}; names are left out, --no-context spares this line")
            return None
        note(f"names of nodes and tables are taken from {beside}; --no-context leaves them out")
        return context


class CaptureReader:
    """Reads one capture and keeps its surroundings up to date."""

    def __init__(self, path: str, options: Options) -> None:
        if path == STANDARD_INPUT and sys.stdin.isatty():
            raise CaptureError("standard input is a terminal; pipe a capture into it, or name a file")
        self._path = path
        self._options = options
        self._dissector = NativeDissector(
            context=options.context_of(path),
            line=options.line,
            rpc_ports=options.rpc_ports,
            cql_ports=options.cql_ports,
        )
        self.surroundings = Surroundings(schema=self._dissector.schema, topology=self._dissector.topology)

    def batches(self, *, is_progress_shown: bool) -> Iterator[list[Message]]:
        """Give messages as they come; at the end, say what was missing."""
        dissector, surroundings = self._dissector, self.surroundings
        has_messages = False
        with without_cycle_collection(), progress_of(self._path, is_shown=is_progress_shown) as progress:
            for messages in messages_of(self._path, dissector, progress=progress):
                surroundings.schema = dissector.schema
                surroundings.started_ns = dissector.first_time_ns
                has_messages = has_messages or bool(messages)
                yield messages
        _note_missing(self._path, dissector.missing, self._options, has_messages=has_messages)


def whole_trace(path: str, options: Options, context: Context) -> Trace:
    """Read a whole capture; say what was missing.

    Raises:
        CaptureError: the file cannot be opened or read, or is no capture.
    """
    trace = read_trace(
        path,
        context=context,
        line=options.line,
        rpc_ports=options.rpc_ports,
        cql_ports=options.cql_ports,
    )
    _note_missing(path, trace.missing, options, has_messages=bool(trace.messages))
    return trace


def _note_missing(path: str, missing: Missing, options: Options, *, has_messages: bool) -> None:
    name = "standard input" if path == STANDARD_INPUT else path
    if missing.truncated:
        note(f"{name} ends too early: {missing.truncated}; what is before it is shown")
    if missing.dropped_packets:
        note(f"{name}: the capturing interface dropped {missing.dropped_packets} packets")
    if missing.lost:
        first = missing.lost[0]
        note(f"{name}: bytes are missing in {len(missing.lost)} places, the first at packet {first.frame}")
    if missing.cut_packets:
        note(f"{name}: {missing.cut_packets} packets were captured in part; capture with -s 0")
    if has_messages:
        return
    if missing.unsupported:
        note(f"{name}: no message; a packet that holds no TCP: {missing.unsupported}")
    elif not missing.truncated:
        ports = ", ".join(map(str, options.rpc_ports + options.cql_ports))
        note(f"{name}: no message on the ports {ports}; --rpc-port and --cql-port name others")
