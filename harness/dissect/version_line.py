"""Which version line a connection speaks, from what it negotiated and from its CLIENT_ID.

======  =================================  =====================================================
line    negotiation                        CLIENT_ID payload
======  =================================  =====================================================
4.x     a cookie on ``$system`` only       16 bytes: address, shard, max_result_size
5.0     a cookie everywhere                16 bytes
5.4     a cookie everywhere                32 bytes: a host id more
6.2     HANDLER_DURATION                   32 bytes
2025.1  HANDLER_DURATION                   33 or 49: an optional destination host id more
2026.3  HANDLER_DURATION                   37 or 53: a generation more
======  =================================  =====================================================

An IPv6 address is 16 bytes longer.

Source:
    Scylla, message/messaging_service.cc (get_rpc_client, CLIENT_ID) and idl/messaging_service.idl.hh of the
    branches; seastar src/rpc/rpc.cc, feature negotiation.
"""

from harness.codec.rpc.negotiation import Negotiated
from harness.codec.verbs.line import Line

_IPV6_MARK = b"\xff\xff\xff\xff"
_TENANT_SYSTEM_COOKIES = frozenset({"statement:$system", "statement-ack:$system"})


def line_of_client_id(payload: bytes, negotiated: Negotiated | None) -> Line | None:
    """The line of a node that sent this CLIENT_ID on such a connection; None if no line sends it."""
    size_bytes = len(payload) - (16 if payload[:4] == _IPV6_MARK else 0)
    if size_bytes == 16:
        if negotiated is None or negotiated.assumed:
            return Line.V4_2
        return (
            Line.V5_0 if negotiated.cookie and negotiated.cookie not in _TENANT_SYSTEM_COOKIES else Line.V4_2
        )
    if size_bytes == 32:
        return Line.V6_2 if negotiated is not None and negotiated.has_duration else Line.V5_4
    if size_bytes in {33, 49}:
        return Line.V2025_1
    if size_bytes in {37, 53}:
        return Line.V2026_3
    return None


def line_of_negotiation(negotiated: Negotiated) -> Line | None:
    """What the negotiation alone tells; None if it tells nothing certain."""
    if negotiated.has_duration:
        # 6.2 and later negotiate alike; what differs between them are appended fields, which decode anyway.
        return Line.V2025_1
    if negotiated.assumed:
        return None
    if negotiated.cookie is None and not negotiated.is_stream:
        return Line.V4_2
    if negotiated.cookie is not None and negotiated.cookie not in _TENANT_SYSTEM_COOKIES:
        return Line.V5_4
    return None
