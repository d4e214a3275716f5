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
from harness.codec.verbs.wire import ABSENT, declared_fields, is_declared

EVIDENCE_MESSAGES_MAX = 1000
"""How many messages of a capture are asked for its line before it is left open."""
_ELEMENTS_MAX = 4
_RELEASES = (Line.V4_2, Line.V5_0, Line.V5_4, Line.V6_2, Line.V2025_1, Line.V2026_3)
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
    if negotiated.assumed:
        return None
    if negotiated.has_duration:
        # 6.2 and later negotiate alike; what differs between them are appended fields, which decode anyway.
        return Line.V2025_1
    if negotiated.cookie is None and not negotiated.is_stream:
        return Line.V4_2
    if negotiated.cookie is not None and negotiated.cookie not in _TENANT_SYSTEM_COOKIES:
        return Line.V5_4
    return None


class LineEvidence:
    """Tells the line of a capture that began in mid-stream by which appended fields its messages have.

    A field that is there proves a line at least as new as the field; one that is absent, an older one.
    """

    def __init__(self) -> None:
        self._at_least = Line.V4_0
        self._below: Line | None = None
        self.messages_left = EVIDENCE_MESSAGES_MAX
        """How many more messages are worth a look."""

    def take(self, body: object) -> None:
        """Take the body of a message; None and bodies without appended fields prove nothing."""
        self.messages_left -= 1
        self._take_value(body)

    def take_line_at_least(self, line: Line) -> None:
        """Take a proof from elsewhere, such as a reply header that only newer lines write."""
        self._at_least = max(self._at_least, line, key=lambda known: known.rank)

    @property
    def line(self) -> Line | None:
        """The line as far as it is proved; None while nothing is.

        Of several that are left it is the newest, for what is not told apart is alike; but 4.2 and not 5.0,
        which appends fields to what its nodes say every second.
        """
        candidates = self._candidates
        if self._below is None and len(candidates) > 1:
            if self._at_least <= Line.V4_2:
                return None
            candidates = [line for line in candidates if line <= Line.V2025_1] or candidates[:1]
        return (
            Line.V4_2
            if Line.V4_2 in candidates
            else max(candidates, key=lambda line: line.rank, default=None)
        )

    @property
    def is_final(self) -> bool:
        """Whether more messages cannot change the line."""
        return len(self._candidates) <= 1 or self.messages_left <= 0

    @property
    def _candidates(self) -> list[Line]:
        return [
            line
            for line in _RELEASES
            if line >= self._at_least and (self._below is None or line < self._below)
        ]

    def _take_value(self, value: object) -> None:
        if isinstance(value, tuple):
            for item in value[:_ELEMENTS_MAX]:
                self._take_value(item)
            return
        if not is_declared(value):
            return
        for spec in declared_fields(type(value)):
            item = getattr(value, spec.name)
            if spec.since is not None:
                if item is not ABSENT:
                    self.take_line_at_least(spec.since)
                elif self._below is None or spec.since < self._below:
                    self._below = spec.since
            self._take_value(item)
