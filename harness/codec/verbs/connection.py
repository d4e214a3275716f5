"""The verb that introduces the sender of a connection.

Source:
    Scylla, message/messaging_service.cc (CLIENT_ID handler, and the sender next to it), branches 4.0 to
    master (August 2026).
"""

from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import ABSENT, I32, U32, U64, Absent, Inet, Since, Uuid, arguments


@arguments
class ClientId:
    """First request on every connection that is no stream."""

    broadcast_address: Inet
    """The sender's address, by which its acknowledgements are known."""
    shard: U32
    """The sender's shard."""
    max_result_size_bytes: U64
    """What the sender takes in one unpaged result."""
    host_id: Annotated[Uuid | Absent, Since(Line.V5_4)] = ABSENT
    """The sender's."""
    destination_host_id: Annotated[Uuid | Absent | None, Since(Line.V2025_1)] = ABSENT
    """Whom the connection was opened for; None: an address, whoever answers there."""
    generation: Annotated[I32 | Absent, Since(Line.V2026_3)] = ABSENT
    """The sender's gossip generation."""


VERBS: tuple[Verb, ...] = (
    verb(
        0,
        "CLIENT_ID",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=ClientId),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="introduces the sender on a new connection",
    ),
)
