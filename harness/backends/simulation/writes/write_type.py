"""What a write is, as errors name it.

Source:
    Scylla (branch 4.2), db/write_type.hh; native_protocol_v4.spec, "9. Error codes" (writeType).
"""

from enum import Enum


class WriteType(Enum):
    """Why something is written; the values are CQL's names."""

    SIMPLE = "SIMPLE"
    BATCH = "BATCH"
    """Of a logged batch, behind its log."""
    UNLOGGED_BATCH = "UNLOGGED_BATCH"
    COUNTER = "COUNTER"
    BATCH_LOG = "BATCH_LOG"
    """The log of a batch."""
    CAS = "CAS"
    """What a lightweight transaction decided."""
    VIEW = "VIEW"
    """What a write to a table changes in one of its views."""
