"""The place at which a page of a SELECT ended, as the client sends it back for the next one.

Source:
    Scylla (branch 4.2), idl/paging_state.idl.hh, service/pager/paging_state.cc; the four zero bytes in front, and the
    whole layout, as in the captured conversations.
"""

from harness.backends.simulation.cql.request_error import RequestError
from harness.codec.cql.errors import ErrorCode
from harness.codec.verbs.common import Key, TokenRange
from harness.codec.verbs.wire import ABSENT, U8, U32, Absent, Uuid, decode_struct, encode_struct, sized
from harness.errors import DecodeError

_HEAD = bytes(4)


@sized
class PagingState:
    """Where to go on."""

    partition_key: Key
    """The last partition; no components: of none."""
    clustering_key: Key | None
    """The last row in it; None: it has none, or shows its static row alone."""
    remaining: U32
    """How many rows are still wanted."""
    query_id: Uuid
    """The same for all pages."""
    last_replicas: tuple[tuple[TokenRange, tuple[Uuid, ...]], ...]
    """Which nodes answered for which part of the ring: they are asked again."""
    read_repair_decision: U8 | None
    rows_fetched_for_last_partition: U32 | Absent = ABSENT
    """With a limit for each partition: how many rows of the last one were given."""


def paging_state_bytes(state: PagingState) -> bytes:
    """Write a state for the client."""
    return _HEAD + encode_struct(state)


def paging_state_of(data: bytes) -> PagingState:
    """Read what a client sent back.

    Raises:
        RequestError: PROTOCOL_ERROR: these are no bytes that a node gave.
    """
    if data[:4] != _HEAD:
        raise _invalid_state()
    try:
        state, _ = decode_struct(PagingState, data[4:])
    except DecodeError as error:
        raise _invalid_state() from error
    return state


def _invalid_state() -> RequestError:
    return RequestError(ErrorCode.PROTOCOL_ERROR, "Invalid value for the paging state")
