"""The headers of frames, and what numbers in them mean.

Source: seastar doc/rpc.md, "Connection negotiation", "Request frame format", "Response frame format", "Stream frame
format", of the lines that ScyllaDB 4.0 to 2026.3 are built with.
"""

import struct

LAYER = "rpc"

FRAME_BYTES_MAX = 256 << 20
"""A frame that claims more is taken for a loss of synchronisation; ScyllaDB's largest are some MiB."""

DURATION_UNKNOWN = 0xFFFFFFFF
"""The duration_us of a reply whose handler was not timed."""

STREAM_END_LENGTH = 0xFFFFFFFF

REQUEST_HEADER = struct.Struct("<QQqI")
"""timeout_ms, verb, msg_id, length of the payload."""

REQUEST_HEADER_UNTIMED = struct.Struct("<QqI")
"""verb, msg_id, length of the payload: TIMEOUT was not negotiated."""

REPLY_HEADER = struct.Struct("<qI")
"""msg_id, length of the payload."""

REPLY_HEADER_TIMED = struct.Struct("<qII")
"""msg_id, length of the payload, duration_us: HANDLER_DURATION was negotiated."""

STREAM_HEADER = struct.Struct("<I")
"""Length of the data, or STREAM_END_LENGTH."""

MAGIC = b"SSTARRPC"
NEGOTIATION_HEADER = struct.Struct("<8sI")
