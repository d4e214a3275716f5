"""The opcodes of the CQL native protocol: which message a frame carries, and who sends it."""

from enum import IntEnum


class Opcode(IntEnum):
    """What a frame carries.

    Source: native_protocol_v4.spec, "2.4. opcode"; CREDENTIALS: native_protocol_v1.spec, "4.1.2. CREDENTIALS".
    """

    ERROR = 0x00
    STARTUP = 0x01
    READY = 0x02
    AUTHENTICATE = 0x03
    CREDENTIALS = 0x04
    OPTIONS = 0x05
    SUPPORTED = 0x06
    QUERY = 0x07
    RESULT = 0x08
    PREPARE = 0x09
    EXECUTE = 0x0A
    REGISTER = 0x0B
    EVENT = 0x0C
    BATCH = 0x0D
    AUTH_CHALLENGE = 0x0E
    AUTH_RESPONSE = 0x0F
    AUTH_SUCCESS = 0x10


REQUEST_OPCODES = frozenset(
    {
        Opcode.STARTUP,
        Opcode.CREDENTIALS,
        Opcode.OPTIONS,
        Opcode.QUERY,
        Opcode.PREPARE,
        Opcode.EXECUTE,
        Opcode.REGISTER,
        Opcode.BATCH,
        Opcode.AUTH_RESPONSE,
    }
)
"""What a client sends."""

RESPONSE_OPCODES = frozenset(Opcode) - REQUEST_OPCODES
"""What a node sends; EVENT alone answers nothing."""

_NAMES = {int(opcode): opcode.name for opcode in Opcode}


def opcode_name(opcode: int) -> str:
    """``QUERY`` for 7; ``OPCODE_17`` for a number without a name."""
    return _NAMES.get(opcode) or f"OPCODE_{opcode}"
