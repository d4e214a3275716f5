"""Programs in sidecars of several nodes that record into one capture."""

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import RLock

from harness.backends.docker.container_stream import Sink, Words
from harness.backends.docker.sidecar import SidecarProcess
from harness.backends.docker.way_in import Steered
from harness.capture.dumpcap_output import failure_of
from harness.capture.merge import CaptureMerger
from harness.capture.sentinel import MARK_ID_BYTES, Sentinel, decode_sentinel, encode_sentinel
from harness.codec.pcapng import CaptureDecoder, Packet
from harness.errors import BackendError, CaptureError, DecodeError, EncodeError
from harness.waiting import wait_until

_LISTENS_TIMEOUT_S = 20.0
_ENDS_TIMEOUT_S = 5.0
_MARK_AGAIN_S = 0.4
_AT_ONCE_MAX = 8


class NodeRecording:
    """All of them as one; the contract of ``TapProcess``.

    Args:
        runs: whether a node runs.
        start: starts the sidecar of a node; takes where its capture and its words go to.
        stdout: file for the merged capture.
        stderr: file for what they said, written at the end.
        program: in errors.

    Raises:
        OSError: one of the files cannot be opened.
    """

    def __init__(
        self,
        runs: Callable[[Steered], bool],
        start: Callable[[Steered, Sink, Sink], SidecarProcess],
        *,
        stdout: Path,
        stderr: Path,
        program: str,
    ) -> None:
        self._runs = runs
        self._start = start
        self._program = program
        self._errors = stderr
        self._errors.write_bytes(b"")
        self._output = stdout.open("wb")
        self._lock = RLock()
        self._merger = CaptureMerger()
        self._members: list[_Member] = []
        self._is_ending = False
        self._exit_code: int | None = None

    def join(self, nodes: Iterable[Steered]) -> None:
        """Record more nodes; returns when their sidecars listen. Nothing happens if the recording has ended.

        Raises:
            BackendError: the engine cannot start a sidecar.
            CaptureError: one does not record.
        """
        if self._exit_code is not None:
            return
        with ThreadPoolExecutor(_AT_ONCE_MAX) as pool:
            members = list(pool.map(self._add, nodes))
        for member in members:
            self._wait_for_mark(member)

    def fetch(self, node: Steered) -> None:
        """Return when all that a node's sidecar has seen so far is here.

        Raises:
            CaptureError: it does not record.
        """
        for member in self._members_at(node):
            self._wait_for_mark(member)

    def leave(self, node: Steered) -> None:
        """End the sidecar of a node."""
        for member in self._members_at(node):
            member.is_wanted = False
            member.process.send_signal(signal.SIGINT)
            wait_until(lambda member=member: member.is_whole, timeout_s=_ENDS_TIMEOUT_S)  # type: ignore[misc]
            member.close_process()

    def send(self, frame: bytes) -> None:
        """Send a frame out of the interface of each node.

        Raises:
            OSError: no sidecar runs.
        """
        sent = [member.send(frame) for member in self._members]
        if not any(sent):
            raise OSError(0, "no sidecar records there")

    def send_signal(self, number: int) -> None:
        """Send all of them a signal; where that ends them, the capture ends with what the first to end has seen."""
        self._is_ending = True
        for member in self._members:
            member.is_wanted = False
            member.process.send_signal(number)

    def exit_code(self) -> int | None:
        """None while they run; else 0, or the code of one that has ended before it was to and before its node."""
        if self._exit_code is not None:
            return self._exit_code
        ended = [(member, code) for member in self._members if (code := member.exit_code()) is not None]
        failed = [
            (member, code) for member, code in ended if code and member.is_wanted and self._is_there(member)
        ]
        if failed:
            self._finish(failed[0][1], last=failed[0][0])
        elif len(ended) == len(self._members):
            self._finish(0)
        return self._exit_code

    def close(self) -> None:
        """Remove all sidecars; the capture stays as it is."""
        if self._exit_code is None:
            self._finish(-signal.SIGKILL)

    def _add(self, node: Steered) -> "_Member":
        with self._lock:
            member = _Member(node, tap=self._merger.add(node.name), take=self._take, end=self._end)
        try:
            member.process = self._start(node, member, member.words)
        except BaseException:
            member.close()
            raise
        with self._lock:
            self._members.append(member)
        return member

    def _wait_for_mark(self, member: "_Member") -> None:
        """Send a mark at a node and return when it is here."""
        mark_id = secrets.token_bytes(MARK_ID_BYTES)
        frame = encode_sentinel(Sentinel(mark_id, f"at {member.node.name}"))
        sent_s = 0.0

        def is_seen() -> bool:
            nonlocal sent_s
            if time.monotonic() - sent_s > _MARK_AGAIN_S:
                sent_s = time.monotonic()
                member.send(frame)
            return mark_id in member.marks or member.is_whole

        wait_until(is_seen, timeout_s=_LISTENS_TIMEOUT_S)
        if mark_id in member.marks:
            return
        code = member.exit_code()
        where = f"the network of {member.node.name}"
        if code is None:
            raise CaptureError(
                f"{self._program} in {where} does not see a mark within {_LISTENS_TIMEOUT_S:g} s"
            )
        if self._is_there(member):
            raise failure_of(
                member.words.text,
                program=self._program,
                interface=where,
                path=self._output.name,
                exit_code=code,
            )

    def _is_there(self, member: "_Member") -> bool:
        """Whether a node runs still, so that its sidecar has no reason to end."""
        try:
            return self._runs(member.node)
        except BackendError:
            return False

    def _members_at(self, node: Steered) -> "list[_Member]":
        return [
            member
            for member in self._members
            if member.node.container == node.container and not member.is_whole
        ]

    def _take(self, member: "_Member", data: bytes) -> None:
        events = member.decoder.feed(data)
        with self._lock:
            self._write(self._merger.feed(member.tap, events))
            behind = self._merger.behind(member.tap)
        packets = [event for event in events if isinstance(event, Packet)]
        marks = [mark for packet in packets if (mark := decode_sentinel(packet)) is not None]
        member.marks.update(mark.mark_id for mark in marks)
        if behind and len(marks) < len(packets):
            # Nodes have said something that is held up until idle taps are known to have seen nothing before it.
            frame = encode_sentinel(
                Sentinel(secrets.token_bytes(MARK_ID_BYTES), f"behind {member.node.name}")
            )
            for other in self._members:
                if other.tap in behind:
                    other.send(frame)

    def _end(self, member: "_Member") -> None:
        with self._lock:
            if not self._is_ending:
                self._write(self._merger.end(member.tap))

    def _write(self, data: bytes) -> None:
        if data and not self._output.closed:
            self._output.write(data)
            # Who waits for a mark reads the file.
            self._output.flush()

    def _finish(self, exit_code: int, *, last: "_Member | None" = None) -> None:
        self._is_ending = True
        with ThreadPoolExecutor(_AT_ONCE_MAX) as pool:
            # What one of them raises is raised when all are done.
            list(pool.map(_Member.close_process, self._members))
        ordered = sorted(self._members, key=lambda member: member is last)
        # Counters that cannot be written, as on a full disk, are missed by who reads them.
        with self._lock, contextlib.suppress(OSError):
            self._write(self._merger.close())
            self._errors.write_text("\n".join(member.words.text for member in ordered), encoding="utf-8")
        with contextlib.suppress(OSError):
            self._output.close()
        self._exit_code = exit_code


class _Member:
    """The sidecar of one node; a ``Sink`` for its capture."""

    process: SidecarProcess

    def __init__(
        self,
        node: Steered,
        *,
        tap: int,
        take: "Callable[[_Member, bytes], None]",
        end: "Callable[[_Member], None]",
    ) -> None:
        self.node = node
        self.tap = tap
        self.decoder = CaptureDecoder()
        self.words = Words()
        self.marks: set[bytes] = set()
        """Ids of those that it has seen."""
        self.is_wanted = True
        """Whether it is to go on."""
        self.is_whole = False
        """Whether all that it has recorded is here."""
        self._take = take
        self._end = end

    def write(self, data: bytes, /) -> None:
        """Take more of its capture.

        Raises:
            OSError: it cannot be written, or is no capture.
        """
        try:
            self._take(self, data)
        except (DecodeError, EncodeError) as error:
            self.words.write(f"\nits capture cannot be read: {error}\n".encode())
            raise OSError(0, str(error)) from error

    def close(self) -> None:
        """Its capture is at its end."""
        try:
            self._end(self)
        finally:
            self.is_whole = True

    def send(self, frame: bytes) -> bool:
        """Send a frame out of its interface; return whether it could."""
        try:
            self.process.send_frame(frame)
        except OSError:
            return False
        return True

    def exit_code(self) -> int | None:
        return self.process.exit_code()

    def close_process(self) -> None:
        """End it, and remove the container."""
        self.is_wanted = False
        self.process.close()
