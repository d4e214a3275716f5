"""TCP: captured packets in, the bytes of each direction in order out; and segments back into packets."""

from harness.codec.tcp.reassembly import ByteRun, ByteStream, Gap
from harness.codec.tcp.segment import (
    Endpoint,
    Segment,
    decode_segment,
    encode_segment,
    endpoints_of,
    flow_key_of,
    reversed_flow,
    why_not_tcp,
)

__all__ = [
    "ByteRun",
    "ByteStream",
    "Endpoint",
    "Gap",
    "Segment",
    "decode_segment",
    "encode_segment",
    "endpoints_of",
    "flow_key_of",
    "reversed_flow",
    "why_not_tcp",
]
