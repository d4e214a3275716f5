"""What a node has to know when it starts again, as records in one file.

A record is handed to the kernel before ``append`` returns, so that a process which is killed has lost nothing that it
acknowledged. A record cut short by the end of the machine is dropped when the file is read.

Wire, little endian, per record: length u32 of what follows, kind u8, data.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from harness.errors import BackendError

_HEAD = struct.Struct("<IB")


class RecordKind(IntEnum):
    """Whose record it is."""

    MUTATION = 1
    """Of storage: a frozen mutation."""
    TRUNCATION = 2
    """Of storage: a table's id."""
    PAXOS = 3
    HINT = 4
    """One more hint, or one that is done with."""
    NODE = 5
    """Tokens, host id, generation and whether it is a member."""
    SCHEMA = 6
    """Mutations of schema tables."""
    FORGOTTEN = 7
    """Of storage: a range that was handed over."""
    BATCH = 8


_KINDS = frozenset(RecordKind)


class Journal(Protocol):
    """Keeps records."""

    def append(self, kind: RecordKind, data: bytes) -> None:
        """Keep a record."""

    def records(self) -> Iterator[tuple[RecordKind, bytes]]:
        """All records of earlier runs, in order."""


class NoJournal:
    """Keeps nothing: for nodes that never start again."""

    def append(self, kind: RecordKind, data: bytes) -> None:
        """Drop a record."""

    def records(self) -> Iterator[tuple[RecordKind, bytes]]:
        """None."""
        return iter(())


class FileJournal:
    """Keeps records in a file.

    Args:
        path: of the file, which need not be there.

    Raises:
        BackendError: it holds something else.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._earlier = _whole_records(path)
        self._file: BinaryIO = path.open("ab", buffering=0)
        # What was cut short must not stand in the middle of what comes.
        self._file.truncate(sum(_HEAD.size + len(data) for _, data in self._earlier))

    def append(self, kind: RecordKind, data: bytes) -> None:
        """Keep a record."""
        self._file.write(_HEAD.pack(len(data) + 1, kind) + data)

    def records(self) -> Iterator[tuple[RecordKind, bytes]]:
        """All records of earlier runs, in order; only once, for they are not kept in memory longer."""
        earlier, self._earlier = self._earlier, []
        return iter(earlier)

    @property
    def size_bytes(self) -> int:
        """How long the file is."""
        return self._file.tell()

    def rewrite(self, records: Iterable[tuple[RecordKind, bytes]]) -> None:
        """Put other records in place of all that there are: all of them, or if that cannot be done, none.

        Raises:
            OSError: they cannot be written.
        """
        shorter = self._path.with_suffix(".new")
        with shorter.open("wb") as file:
            for kind, data in records:
                file.write(_HEAD.pack(len(data) + 1, kind) + data)
            file.flush()
            os.fsync(file.fileno())
        shorter.replace(self._path)
        self._file.close()
        self._file = self._path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _whole_records(path: Path) -> list[tuple[RecordKind, bytes]]:
    data = path.read_bytes() if path.exists() else b""
    records, position = [], 0
    while position + _HEAD.size <= len(data):
        length, kind = _HEAD.unpack_from(data, position)
        end = position + 4 + length
        if end > len(data):
            break
        if not length or kind not in _KINDS:
            raise BackendError(f"{path} is no journal of a node: what stands at byte {position} is no record")
        records.append((RecordKind(kind), data[position + _HEAD.size : end]))
        position = end
    return records
