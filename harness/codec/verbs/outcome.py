"""What requests and replies carry beside their data: failures as values, rate limits, fences, sessions.

Source:
    Scylla, idl/replica_exception.idl.hh, idl/per_partition_rate_limit_info.idl.hh, idl/storage_service.idl.hh
    (fencing_token, session_id); replica/exceptions.hh; branches 5.4 to master (August 2026).
"""

from typing import Annotated

from harness.codec.verbs.wire import I64, PLAIN, U32, FramedUuid, Monostate, Text, sized


@sized
class UnknownFailure:
    """A failure of a kind that the replica's version could not name."""


@sized
class NoFailure:
    """Nothing failed; as a whole variant ``09000000 01 04000000``."""


@sized
class RateLimited:
    """The partition takes more operations a second than its table allows."""


@sized
class StaleTopology:
    """The request was made with an older topology than the replica has fenced off."""

    caller_version: I64
    """Topology version of the request."""
    fence_version: I64
    """The lowest topology version that the replica still serves."""


@sized
class AbortRequested:
    """The replica was shutting down."""


@sized
class CriticalDiskUtilization:
    """The replica's disk is too full to take writes (2026.3 and later)."""

    action: Text
    """What was refused."""


@sized
class LargeData:
    """The write was refused because of its size (2026.3 and later)."""

    keyspace: Text
    table: Text
    message: Text


Failure = Annotated[
    UnknownFailure
    | NoFailure
    | RateLimited
    | StaleTopology
    | AbortRequested
    | CriticalDiskUtilization
    | LargeData,
    PLAIN,
]


@sized
class ExceptionVariant:
    """How an operation ended at a replica, as a value in an ordinary reply."""

    reason: Failure

    @property
    def is_failure(self) -> bool:
        """Whether the replica reports a failure of a kind that has a name."""
        return not isinstance(self.reason, NoFailure)


@sized
class AccountOnly:
    """Count the operation against the partition's rate limit, do not refuse it."""


@sized
class AccountAndEnforce:
    """Count the operation, and refuse it where the rate limit is exceeded."""

    random_variable: U32
    """Drawn by the coordinator, so that all replicas decide alike."""


RateLimitInfo = Annotated[Monostate | AccountOnly | AccountAndEnforce, PLAIN]
"""``Monostate`` (one byte, 00) unless the table has a per-partition rate limit."""


@sized
class FencingToken:
    """The topology version with which the sender chose its replicas."""

    topology_version: I64
    """0: not checked, as for tables with local replication."""


SessionGuard = FramedUuid
"""The topology session on whose behalf a request is made; a frozen_topology_guard is the same."""
