"""Routing netlink, as far as networks of nodes need it: asks the kernel about links, addresses and routes, or for others.

Wire, in the machine's byte order: len u32, type u16, flags u16, sequence u32, port u32; a header by type; attributes, each
len u16, type u16, value, padded to 4 bytes. pyroute2, which knows all of it, takes 100 ms to load and a thread for each
socket.

Source:
    Linux man pages netlink(7), rtnetlink(7); linux/netlink.h, linux/rtnetlink.h, linux/if_link.h.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from enum import IntEnum, IntFlag
from struct import Struct
from threading import Lock
from typing import NamedTuple

_MESSAGE = Struct("=IHHII")
_ATTRIBUTE = Struct("=HH")
_LINK = Struct("=BxHiII")
_NUMBER = Struct("=I")
_ERROR = Struct("=i")
_ANSWER_BYTES_MAX = 1 << 16
_TYPE_MASK = 0x3FFF
"""Of an attribute's type, without its flags."""


class Request(IntEnum):
    """What is asked."""

    NEW_LINK = 16
    DELETE_LINK = 17
    GET_LINK = 18
    NEW_ADDRESS = 20
    GET_ADDRESS = 22
    GET_ROUTE = 26


class Flag(IntFlag):
    """How it is asked."""

    NONE = 0
    REQUEST = 0x1
    ACKNOWLEDGE = 0x4
    DUMP = 0x300
    EXCLUSIVE = 0x200
    CREATE = 0x400


class Answer(NamedTuple):
    """One thing that the kernel tells of."""

    header: bytes
    """And what follows it."""
    attributes: dict[int, bytes]


_NOTHING, _FAILED, _DONE = 1, 2, 3


class RouteSocket:
    """Speaks routing netlink; may be used from any thread.

    Args:
        netlink: a socket of the family AF_NETLINK, which belongs to the namespace in question; ``close`` closes it.
    """

    def __init__(self, netlink: socket.socket) -> None:
        self._netlink = netlink
        self._sequence = 0
        self._lock = Lock()

    def change(self, request: Request, body: bytes, flags: Flag = Flag.NONE) -> None:
        """Have something changed; returns when it is.

        Raises:
            OSError: the kernel refuses.
        """
        with self._lock:
            sequence = self._send(request, Flag.ACKNOWLEDGE | flags, body)
            for _ in self._answers(sequence, 0):
                pass

    def ask(self, request: Request, body: bytes, header_bytes: int) -> Answer:
        """Ask about one thing.

        Args:
            request: what about.
            body: header and attributes.
            header_bytes: how long the header of the answer is.

        Raises:
            OSError: the kernel refuses, or there is no such thing.
        """
        with self._lock:
            answers = list(self._answers(self._send(request, Flag.ACKNOWLEDGE, body), header_bytes))
        return answers[0]

    def all(self, request: Request, body: bytes, header_bytes: int) -> list[Answer]:
        """Ask about all things of a kind.

        Args:
            request: of which kind.
            body: header and attributes.
            header_bytes: how long the header of each answer is.

        Raises:
            OSError: the kernel refuses.
        """
        with self._lock:
            return list(self._answers(self._send(request, Flag.DUMP, body), header_bytes))

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def _send(self, request: Request, flags: Flag, body: bytes) -> int:
        self._sequence += 1
        length = _MESSAGE.size + len(body)
        self._netlink.send(_MESSAGE.pack(length, request, Flag.REQUEST | flags, self._sequence, 0) + body)
        return self._sequence

    def _answers(self, sequence: int, header_bytes: int) -> Iterator[Answer]:
        """What the kernel says to a message, up to its end."""
        while True:
            data = self._netlink.recv(_ANSWER_BYTES_MAX)
            offset = 0
            while offset + _MESSAGE.size <= len(data):
                length, kind, _, answered, _ = _MESSAGE.unpack_from(data, offset)
                body = data[offset + _MESSAGE.size : offset + length]
                offset += _padded(length)
                # What was not read of an earlier message, whose asker was interrupted.
                if answered != sequence or kind == _NOTHING:
                    continue
                if kind == _DONE:
                    return
                if kind == _FAILED:
                    (number,) = _ERROR.unpack_from(body)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    return
                yield Answer(body[:header_bytes], attributes_of(body[header_bytes:]))


def link_header(index: int = 0, *, flags: int = 0, changed_flags: int = 0) -> bytes:
    """The header of messages about links.

    Args:
        index: of the link; 0: the attributes say which.
        flags: that it is to have.
        changed_flags: which of them are meant.
    """
    return _LINK.pack(socket.AF_UNSPEC, 0, index, flags, changed_flags)


def index_and_flags_of(link: Answer) -> tuple[int, int]:
    """The index of a link, and its flags."""
    _, _, index, flags, _ = _LINK.unpack(link.header)
    return index, flags


LINK_HEADER_BYTES = _LINK.size


def attribute(kind: int, value: bytes | int | str | Sequence[bytes]) -> bytes:
    """Encode an attribute.

    Args:
        kind: its type.
        value: bytes; a number of 32 bits; text; or attributes within it.
    """
    if isinstance(value, int):
        value = _NUMBER.pack(value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    elif not isinstance(value, bytes):
        value = b"".join(value)
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_padded(length) - length)


def attributes_of(data: bytes) -> dict[int, bytes]:
    """Decode attributes, by type."""
    found = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += _padded(length)
    return found


def _padded(length: int) -> int:
    return (length + 3) & ~3
