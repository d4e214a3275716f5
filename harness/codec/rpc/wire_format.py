"""The forms that the bytes of a connection can have, and which of them are possible for what was seen of it."""

from typing import NamedTuple

from harness.codec.rpc.frame_reader import MSG_ID_MAX, FrameReader, plain_reader
from harness.codec.rpc.negotiation import Negotiated, Negotiation
from harness.codec.rpc.wrapped_reader import DictionaryNotes, WrappedReader
from harness.codec.rpc.wrapper import LZ4, LZ4_FRAGMENTED, SCYLLA_V3


class WireFormat(NamedTuple):
    """All that decides where frames begin and how long they are."""

    compression: str | None
    is_stream: bool
    has_timeout: bool
    has_duration: bool


def format_of(negotiated: Negotiated) -> WireFormat:
    """Return the form of a connection on which that is in force."""
    return WireFormat(
        negotiated.compression, negotiated.is_stream, negotiated.has_timeout, negotiated.has_duration
    )


def reader_of(
    wire_format: WireFormat,
    dictionaries: DictionaryNotes,
    *,
    from_client: bool,
    msg_id_max: int = MSG_ID_MAX,
) -> FrameReader:
    """Return the reader of one direction; msg_id_max is that of replies."""
    plain = plain_reader(
        from_client=from_client,
        has_timeout=wire_format.has_timeout,
        has_duration=wire_format.has_duration,
        is_stream=wire_format.is_stream,
        msg_id_max=msg_id_max,
    )
    if wire_format.compression is None:
        return plain
    return WrappedReader(wire_format.compression, plain, dictionaries, from_client=from_client)


def possible_formats(
    client: Negotiation | None, server: Negotiation | None, assumed: Negotiated | None
) -> tuple[WireFormat, ...]:
    """Return the forms that fit what was seen of the negotiation, the most likely first.

    Requests have timeouts wherever nothing says otherwise: ScyllaDB negotiates them on every connection but
    those of rpc streams.

    Args:
        client: what the client sent, None if it was not seen.
        server: what the server sent, None if it was not seen.
        assumed: what other connections of the capture negotiated.
    """
    if server is not None:
        # The server echoes TIMEOUT, which a client asks for unless the connection carries an rpc stream.
        compressions: tuple[str | None, ...] = server.compressions or (None,)
        return tuple(
            WireFormat(compression, not server.has_timeout, server.has_timeout, server.has_duration)
            for compression in compressions
        )
    if client is not None:
        compressions = (*client.compressions, None)
        stream_forms: tuple[bool, ...] = (client.stream_parent is not None,)
        durations: tuple[bool, ...] = (True, False) if client.has_duration else (False,)
        has_timeout = client.has_timeout
    else:
        compressions = (None, LZ4_FRAGMENTED, LZ4, SCYLLA_V3)
        stream_forms = (False, True)
        durations = (True, False)
        has_timeout = True
    if assumed is not None:
        durations = tuple(sorted(durations, key=lambda has_duration: has_duration != assumed.has_duration))
        compressions = tuple(sorted(compressions, key=lambda name: name != assumed.compression))
    return tuple(
        WireFormat(compression, is_stream, has_timeout and not is_stream, has_duration)
        for is_stream in stream_forms
        for compression in compressions
        for has_duration in (durations if not is_stream else (False,))
    )
