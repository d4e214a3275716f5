"""The identity of a write, read from the bytes of a request without decoding them.

A write and its acknowledgements travel on different connections; what joins them is the coordinator's
address, its shard and a number counted there. A trace needs that for every write, its cells for few.

Source:
    Scylla, idl/storage_proxy.idl.hh (mutation, hint_mutation, paxos_learn, mutation_done, mutation_failed);
    message/messaging_service.cc, branch 4.2, the same verbs.
"""

import ipaddress
import struct

_U32 = struct.Struct("<I").unpack_from
_NO_FORWARDS = struct.Struct("<IIIQ").unpack_from
_SHARD_AND_ID = struct.Struct("<IQ").unpack_from
_pack_write_id = struct.Struct("<IQ").pack
_pack_no_forwards = struct.Struct("<II").pack
NO_FORWARDS_BYTES = 8
"""What ``no_forwards_from`` gives."""
WRITE_ID_BYTES = 12
"""Shard and response id; a MUTATION_DONE or MUTATION_FAILED begins with them."""
IPV6_MARK = 0xFFFFFFFF
"""Stands for an IPv4 address where an IPv6 address follows."""
_PAXOS_LEARN = 41
_MUTATION_FIRST = frozenset({1, 42})
"""MUTATION and HINT_MUTATION: a mutation stands in front, in a blob."""

AddressKey = int | bytes
"""An address as it stands on the wire: IPv4 as a number, IPv6 as 16 bytes in network order."""


def peek_write_identity(verb: int, payload: bytes) -> tuple[AddressKey, int, int] | None:
    """Give address, shard and response id that the acknowledgements of a write will name.

    Wire of MUTATION and HINT_MUTATION: u32 length, mutation; of PAXOS_LEARN: u32 size (itself included),
    proposal; then u32 count and forward addresses, reply_to address, u32 shard, u64 response_id.

    Returns:
        None for other verbs, and for bytes that end before the response id.
    """
    try:
        if verb in _MUTATION_FIRST:
            position = _U32(payload, 0)[0] + 4
        elif verb == _PAXOS_LEARN:
            position = _U32(payload, 0)[0]
            if position < 4:
                return None
        else:
            return None
        forward_count, reply_to, shard, response_id = _NO_FORWARDS(payload, position)
        if forward_count == 0 and reply_to != IPV6_MARK:
            return reply_to, shard, response_id
        return _identity_after_forwards(payload, position)
    except struct.error:
        return None


def write_id(shard: int, response_id: int) -> bytes:
    """What names a write among those of its coordinator, as it stands on the wire."""
    return _pack_write_id(shard, response_id)


def no_forwards_from(coordinator: AddressKey) -> bytes:
    """Give the eight bytes between the mutation and the write id of nearly every MUTATION and HINT_MUTATION.

    They say that the write is sent on to nobody, and acknowledged to this coordinator. Comparing them is the quick
    way to know whose write it is; where they differ, ``peek_write_identity`` tells.

    Returns:
        Nothing for an IPv6 address, which takes more bytes.
    """
    return _pack_no_forwards(0, coordinator) if isinstance(coordinator, int) else b""


def address_key(address: str) -> AddressKey:
    """Turn an address as text into the form in which ``peek_write_identity`` gives it.

    Raises:
        ValueError: the text is no address.
    """
    parsed = ipaddress.ip_address(address)
    return int(parsed) if parsed.version == 4 else parsed.packed


def _identity_after_forwards(payload: bytes, position: int) -> tuple[AddressKey, int, int]:
    (forward_count,) = _U32(payload, position)
    position += 4
    for _ in range(forward_count):
        # Ends with struct.error at the end of the bytes, however many addresses are announced.
        position += 20 if _U32(payload, position)[0] == IPV6_MARK else 4
    key: AddressKey = _U32(payload, position)[0]
    position += 4
    if key == IPV6_MARK:
        key = payload[position : position + 16]
        position += 16
    shard, response_id = _SHARD_AND_ID(payload, position)
    return key, shard, response_id
