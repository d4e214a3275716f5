"""What both ends of a connection agree on before the first request.

Source: seastar doc/rpc.md, "Connection negotiation", "Feature negotiation"; src/rpc/rpc.cc, of the lines that
ScyllaDB 4.0 to 2026.3 are built with.
"""

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from harness.codec.byte_reader import ByteReader
from harness.codec.byte_writer import ByteWriter
from harness.codec.rpc.headers import LAYER, MAGIC, NEGOTIATION_HEADER
from harness.errors import DecodeError, EncodeError

NEGOTIATION_BYTES_MAX = 1 << 16
"""Longer records are refused; those of ScyllaDB have some dozen bytes."""


class Feature(enum.IntEnum):
    """Ids of the records that are known."""

    COMPRESS = 0
    TIMEOUT = 1
    CONNECTION_ID = 2
    STREAM_PARENT = 3
    ISOLATION = 4
    HANDLER_DURATION = 5


@dataclass(frozen=True, slots=True)
class Negotiation:
    """The records of one side, in the order of the wire, unknown ones too."""

    features: tuple[tuple[int, bytes], ...]
    """Feature id (of ``Feature``, or unknown) and data of each record."""

    def data_of(self, feature: int) -> bytes | None:
        """Return the data of a record, None if the side did not send it."""
        for feature_id, data in self.features:
            if feature_id == feature:
                return data
        return None

    @property
    def compressions(self) -> tuple[str, ...]:
        """Names of the algorithms in COMPRESS, preferred first."""
        data = self.data_of(Feature.COMPRESS)
        return tuple(_text(name) for name in data.split(b",")) if data else ()

    @property
    def has_timeout(self) -> bool:
        """Whether TIMEOUT is among the records."""
        return self.data_of(Feature.TIMEOUT) is not None

    @property
    def has_duration(self) -> bool:
        """Whether HANDLER_DURATION is among the records."""
        return self.data_of(Feature.HANDLER_DURATION) is not None

    @property
    def connection_id(self) -> int | None:
        """The server's number of this connection: a counter of the shard << 16, and the shard."""
        return _u64(self.data_of(Feature.CONNECTION_ID))

    @property
    def stream_parent(self) -> int | None:
        """The connection_id of the connection whose request uses this rpc stream."""
        return _u64(self.data_of(Feature.STREAM_PARENT))

    @property
    def cookie(self) -> str | None:
        """What names the purpose of the connection, as ``statement:$user``."""
        data = self.data_of(Feature.ISOLATION)
        return None if data is None else _text(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What is in force on a connection."""

    has_timeout: bool
    """Requests begin with their timeout."""

    has_duration: bool
    """Replies tell how long the handler took."""

    compression: str | None
    """The name of the algorithm every frame is wrapped with."""

    is_stream: bool
    """The connection carries an rpc stream and neither requests nor replies."""

    stream_parent: int | None = None
    connection_id: int | None = None
    cookie: str | None = None

    assumed: bool = False
    """True if a side's negotiation was not seen and its part had to be inferred."""


def decode_negotiation(body: bytes) -> Negotiation:
    """Decode what follows the magic and the length.

    Wire, little endian, until the body ends: feature_id u32, data_len u32, data.

    Raises:
        DecodeError: a record ends after the body, or one of a known form has another size.

    Source:
        seastar doc/rpc.md, "Connection negotiation".
    """
    reader = ByteReader(body, layer=LAYER)
    features: list[tuple[int, bytes]] = []
    while reader.remaining:
        offset_bytes = reader.position
        feature = reader.u32()
        data = reader.take(reader.u32(), f"negotiation record {feature}")
        if feature in (Feature.CONNECTION_ID, Feature.STREAM_PARENT) and len(data) != 8:
            raise DecodeError(
                f"negotiation record {feature} has {len(data)} bytes", layer=LAYER, offset_bytes=offset_bytes
            )
        features.append((feature, data))
    return Negotiation(tuple(features))


def encode_negotiation(negotiation: Negotiation) -> bytes:
    """Return the whole frame: magic, length and records.

    Raises:
        EncodeError: a feature id is no u32.
    """
    writer = ByteWriter()
    for feature, data in negotiation.features:
        writer.number("u32", feature)
        writer.number("u32", len(data))
        writer.put(data)
    return NEGOTIATION_HEADER.pack(MAGIC, len(writer)) + writer.getvalue()


def offer(
    *,
    has_timeout: bool = True,
    has_duration: bool = False,
    compressions: Sequence[str] = (),
    stream_parent: int | None = None,
    cookie: str | None = None,
) -> Negotiation:
    """Return what a client opens a connection with.

    Raises:
        EncodeError: stream_parent is no u64.
    """
    features: list[tuple[int, bytes]] = []
    if compressions:
        features.append((Feature.COMPRESS, ",".join(compressions).encode()))
    if has_timeout and stream_parent is None:
        features.append((Feature.TIMEOUT, b""))
    if stream_parent is not None:
        features.append((Feature.STREAM_PARENT, _u64_bytes(stream_parent)))
    if cookie is not None:
        features.append((Feature.ISOLATION, cookie.encode()))
    if has_duration:
        features.append((Feature.HANDLER_DURATION, b""))
    return Negotiation(tuple(features))


def answer(
    client: Negotiation,
    *,
    connection_id: int,
    compressions: Sequence[str] = (),
    has_duration: bool = False,
    answers_whole_list: bool = False,
) -> Negotiation:
    """Return what a server answers to the client's offer.

    Args:
        client: the offer.
        connection_id: the server's number of this connection.
        compressions: the algorithms that the server has.
        has_duration: whether its line knows HANDLER_DURATION (6.2 and later).
        answers_whole_list: True for a 4.x server, which names all its algorithms instead of the chosen one.

    Raises:
        EncodeError: connection_id is no u64.
    """
    features: list[tuple[int, bytes]] = []
    common = [name for name in client.compressions if name in compressions]
    if common:
        names = compressions if answers_whole_list else common[:1]
        features.append((Feature.COMPRESS, ",".join(names).encode()))
    if client.has_timeout:
        features.append((Feature.TIMEOUT, b""))
    features.append((Feature.CONNECTION_ID, _u64_bytes(connection_id)))
    cookie = client.data_of(Feature.ISOLATION)
    if cookie is not None:
        features.append((Feature.ISOLATION, cookie))
    if has_duration and client.has_duration:
        features.append((Feature.HANDLER_DURATION, b""))
    return Negotiation(tuple(features))


def agree(client: Negotiation, server: Negotiation) -> Negotiated:
    """Return what is in force after both sides have spoken.

    A feature is in force if both sides sent it; the algorithm is the first of the client's list that the
    server names, be it a single name (5.0 and later) or its whole list (4.x).
    """
    answered = server.compressions
    return Negotiated(
        has_timeout=client.has_timeout and server.has_timeout,
        has_duration=client.has_duration and server.has_duration,
        compression=next((name for name in client.compressions if name in answered), None),
        is_stream=client.stream_parent is not None,
        stream_parent=client.stream_parent,
        connection_id=server.connection_id,
        cookie=client.cookie,
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _u64(data: bytes | None) -> int | None:
    return None if data is None else int.from_bytes(data, "little")


def _u64_bytes(value: int) -> bytes:
    try:
        return struct.pack("<Q", value)
    except struct.error as error:
        raise EncodeError(f"{value} does not fit in u64") from error
