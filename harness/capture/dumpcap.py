"""Recording with dumpcap, from a mark that has been seen in the file to another one.

dumpcap writes to standard output, which is the file itself: for a file that it opened by name it would hold packets
back for up to 750 ms, as measured; this way it is 250 ms, after which the kernel hands over a block that is not full.
"""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from harness.capture.capture_file import CaptureFile
from harness.capture.capture_tail import CaptureTail
from harness.capture.dumpcap_output import (
    Counters,
    counters_of,
    disk_full,
    failure_of,
    program_forbidden,
    program_missing,
)
from harness.capture.sentinel import ETHERTYPE, MARK_ID_BYTES, Sentinel, decode_sentinel, encode_sentinel
from harness.capture.tap import Tap, TapProcess
from harness.codec.pcapng import InterfaceStatistics, Packet
from harness.errors import CaptureError
from harness.waiting import wait_until

RPC_PORT = 7000
CQL_PORT = 9042

BUFFER_MIB = 32
"""Of the kernel, for packets that dumpcap has not fetched yet; they are dropped when it is full."""

TIMEOUT_S = 20.0
"""How long a mark may take to appear, and dumpcap to end."""

_MARK_AGAIN_S = 0.4
_LAST_WORDS_TIMEOUT_S = 2.0
_OUTPUT_CHARACTERS_MAX = 65_536


class Mark(NamedTuple):
    """A point in a capture that has been seen in the file: what came before it stands before it."""

    mark_id: bytes
    label: str
    packet_number: int
    """Its own, from 1."""
    time_ns: int


class RunningCapture:
    """A capture that is being recorded; made by ``start``, ended by ``stop``, or by ``close`` without marks.

    Who has something to do meanwhile makes it by ``launch``, and calls ``begin`` and ``wait_until_it_records``.
    """

    def __init__(self, tap: Tap, path: Path, *, process: TapProcess, program: str, timeout_s: float) -> None:
        self.path = path
        self._tap = tap
        self._process = process
        self._program = program
        self._timeout_s = timeout_s
        self._output_path = _output_path(path)
        self._tail = CaptureTail(path)
        self._marks: dict[bytes, Mark] = {}
        self._mark_count = 0
        self._packet_count = 0
        self._interface_dropped: int | None = None
        self._first = Sentinel(_mark_id(), "begin")
        self._begin: Mark | None = None
        self._finished: CaptureFile | None = None

    @classmethod
    def start(
        cls,
        tap: Tap,
        path: Path,
        *,
        ports: tuple[int, ...] = (RPC_PORT, CQL_PORT),
        program: str = "dumpcap",
        buffer_mib: int = BUFFER_MIB,
        timeout_s: float = TIMEOUT_S,
    ) -> Self:
        """Start to record; when it returns, every packet that is sent from now on comes into the file.

        Takes the same as ``launch``.

        Raises:
            CaptureError: dumpcap is missing or cannot capture there, or the file cannot be written.
            HarnessError: what holds the tap is gone.
        """
        capture = cls.launch(
            tap, path, ports=ports, program=program, buffer_mib=buffer_mib, timeout_s=timeout_s
        )
        capture.begin()
        capture.wait_until_it_records()
        return capture

    @classmethod
    def launch(
        cls,
        tap: Tap,
        path: Path,
        *,
        ports: tuple[int, ...] = (RPC_PORT, CQL_PORT),
        program: str = "dumpcap",
        buffer_mib: int = BUFFER_MIB,
        timeout_s: float = TIMEOUT_S,
    ) -> Self:
        """Start dumpcap; what is sent before ``wait_until_it_records`` has returned may be missing.

        Args:
            tap: where.
            path: the file; its folder is made, and an older file overwritten.
            ports: TCP ports of the nodes.
            program: dumpcap's name or path.
            buffer_mib: size of the kernel's buffer.
            timeout_s: how long each mark may take to appear.

        Raises:
            CaptureError: dumpcap is missing or cannot capture there, or the file cannot be written.
            HarnessError: what holds the tap is gone.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        except OSError as error:
            raise CaptureError(f"cannot write the capture {path}: {error.strerror}") from error
        capture_filter = " or ".join(
            [*(f"tcp port {port}" for port in ports), f"ether proto 0x{ETHERTYPE:04x}"]
        )
        command = [program, "-q", "-i", tap.interface, "-f", capture_filter, "-B", str(buffer_mib), "-w", "-"]
        try:
            process = tap.start(command, stdout=path, stderr=_output_path(path))
        except FileNotFoundError as error:
            raise program_missing(program) from error
        except PermissionError as error:
            raise program_forbidden(program) from error
        except OSError as error:
            raise CaptureError(f"{program} cannot be started: {error.strerror}") from error
        return cls(tap, path, process=process, program=program, timeout_s=timeout_s)

    def begin(self) -> None:
        """Send the first mark, as soon as dumpcap listens; if that fails, it is closed.

        Raises:
            CaptureError: dumpcap cannot capture there.
            HarnessError: what holds the tap is gone.
        """

        def has_header() -> bool:
            self._read()
            return bool(self._tail.read_bytes) or self._ended() is not None

        with self._closed_on_errors():
            # A version that holds back its header gets marks all the same, a little later.
            wait_until(has_header, timeout_s=min(1.0, self._timeout_s))
            self._send(self._first)

    def wait_until_it_records(self) -> None:
        """Return when the first mark stands in the file: every packet that is sent from now on comes into it.

        If that fails, it is closed.

        Raises:
            CaptureError: dumpcap cannot capture there, or the mark did not appear in time.
            HarnessError: what holds the tap is gone.
        """
        with self._closed_on_errors():
            self._begin = self._wait_for_repeated(self._first, _MARK_AGAIN_S)

    @property
    def packet_count(self) -> int:
        """How many packets were seen in the file so far, marks included."""
        return self._packet_count

    def mark(self, label: str = "") -> Mark:
        """Put a mark into the capture and return when it stands in the file; takes about 250 ms.

        Sent again now and then, since it may be among the packets that are lost.

        Raises:
            CaptureError: it did not appear in time, or dumpcap has ended.
        """
        self._mark_count += 1
        sentinel = Sentinel(_mark_id(), label or f"mark {self._mark_count}")
        self._send(sentinel)
        return self._wait_for_repeated(sentinel, _MARK_AGAIN_S)

    def stop(self, *, behind: Mark | None = None) -> CaptureFile:
        """End the recording behind all that has been sent so far; the second call returns the same.

        Args:
            behind: a mark that stands behind all of that already; None: there is none, another one is sent.

        Raises:
            CaptureError: the mark for the end did not appear in time, or dumpcap ended before.
        """
        if self._finished is not None:
            return self._finished
        assert self._begin is not None
        try:
            end = behind or self.mark("end")
            self._process.send_signal(signal.SIGINT)
            exit_code = wait_until(self._ended, timeout_s=self._timeout_s)
            if exit_code is None:
                self._process.send_signal(signal.SIGKILL)
            elif exit_code[0] != 0:
                raise self._failure(exit_code[0])
            self._read()
            dropped = _dropped(counters_of(self._output()), self._interface_dropped)
            self._finished = CaptureFile(
                path=self.path,
                packet_count=self._packet_count,
                dropped_packets=dropped,
                started_at_ns=self._begin.time_ns,
                ended_at_ns=end.time_ns,
            )
        finally:
            self.close()
        return self._finished

    def close(self) -> None:
        """End dumpcap if it still runs, and leave the file as it is."""
        if self._ended() is None:
            self._process.send_signal(signal.SIGKILL)
            wait_until(self._ended, timeout_s=self._timeout_s)
        self._tail.close()
        self._output_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _closed_on_errors(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _wait_for_repeated(self, sentinel: Sentinel, interval_s: float) -> Mark:
        """Return a mark that has been sent when it is seen."""
        sent_s = time.monotonic()

        def seen_or_sent_again() -> Mark | None:
            nonlocal sent_s
            mark = self._seen(sentinel.mark_id)
            if mark is None and time.monotonic() - sent_s > interval_s:
                if _is_full(self.path):
                    raise disk_full(self.path)
                self._send(sentinel)
                sent_s = time.monotonic()
            return mark

        mark = wait_until(seen_or_sent_again, timeout_s=self._timeout_s)
        if mark is None:
            raise self._mark_missing()
        return mark

    def _send(self, sentinel: Sentinel) -> None:
        try:
            self._tap.send(encode_sentinel(sentinel))
        except OSError as error:
            # dumpcap knows better why, if it has noticed as well.
            ended = wait_until(self._ended, timeout_s=1.0)
            if ended is not None:
                raise self._failure(ended[0]) from error
            raise CaptureError(
                f"a mark cannot be sent on {self._tap.interface}: {error.strerror}; "
                "is the interface still there and up?"
            ) from error

    def _seen(self, mark_id: bytes) -> Mark | None:
        ended = self._ended()
        self._read()
        mark = self._marks.get(mark_id)
        if mark is None and ended is not None:
            raise self._failure(ended[0])
        return mark

    def _read(self) -> None:
        for event in self._tail.events():
            if isinstance(event, Packet):
                self._packet_count = event.number
                sentinel = decode_sentinel(event)
                if sentinel is not None and sentinel.mark_id not in self._marks:
                    self._marks[sentinel.mark_id] = Mark(
                        sentinel.mark_id, sentinel.label, event.number, event.time_ns
                    )
            elif isinstance(event, InterfaceStatistics):
                counts = [count for count in (event.dropped, event.os_dropped) if count is not None]
                if counts:
                    self._interface_dropped = (self._interface_dropped or 0) + sum(counts)

    def _ended(self) -> tuple[int] | None:
        """The exit code in a tuple, which counts as true even if the code is 0; None while dumpcap runs."""
        exit_code = self._process.exit_code()
        return None if exit_code is None else (exit_code,)

    def _failure(self, exit_code: int) -> CaptureError:
        return failure_of(
            self._output(),
            program=self._program,
            interface=self._tap.interface,
            path=self.path,
            exit_code=exit_code,
        )

    def _mark_missing(self) -> CaptureError:
        """The error for a mark that did not appear; dumpcap is asked to end, for then it may say why."""
        self._process.send_signal(signal.SIGINT)
        ended = wait_until(self._ended, timeout_s=_LAST_WORDS_TIMEOUT_S)
        if ended is not None and ended[0] != 0:
            return self._failure(ended[0])
        return CaptureError(
            f"a mark sent on {self._tap.interface} did not appear in {self.path} within {self._timeout_s:g} s, "
            f"of which {self._tail.read_bytes} bytes were read; is something else holding {self._program} up?"
        )

    def _output(self) -> str:
        try:
            data = self._output_path.read_bytes()
        except OSError:
            return ""
        return data[-_OUTPUT_CHARACTERS_MAX:].decode(errors="replace")


def _output_path(path: Path) -> Path:
    return path.with_name(path.name + ".dumpcap.log")


def _is_full(path: Path) -> bool:
    """Whether there is no room for another packet where a file stands."""
    try:
        status = os.statvfs(path)
    except OSError:
        return False
    blocks = status.f_bfree if os.geteuid() == 0 else status.f_bavail
    return blocks == 0


def _mark_id() -> bytes:
    # Chance is no part of what a run is about here: any id will do that nobody else sends.
    return secrets.token_bytes(MARK_ID_BYTES)


def _dropped(counters: Counters | None, interface_dropped: int | None) -> int | None:
    """The higher of the two counts, None if there is none."""
    counts = [] if counters is None else [counters.dropped]
    if interface_dropped is not None:
        counts.append(interface_dropped)
    return max(counts, default=None)
