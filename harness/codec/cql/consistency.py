"""The consistency levels as the CQL native protocol numbers them."""

from enum import IntEnum


class Consistency(IntEnum):
    """A consistency level.

    Source: native_protocol_v4.spec, "3. Notations", [consistency].
    """

    ANY = 0x0000
    ONE = 0x0001
    TWO = 0x0002
    THREE = 0x0003
    QUORUM = 0x0004
    ALL = 0x0005
    LOCAL_QUORUM = 0x0006
    EACH_QUORUM = 0x0007
    SERIAL = 0x0008
    LOCAL_SERIAL = 0x0009
    LOCAL_ONE = 0x000A


_NAMES = {int(level): level.name for level in Consistency}


def consistency_name(number: int) -> str:
    """``QUORUM`` for 4; ``CONSISTENCY_17`` for a number without a name."""
    return _NAMES.get(number) or f"CONSISTENCY_{number}"
