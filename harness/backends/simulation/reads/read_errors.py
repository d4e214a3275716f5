"""What clients are told of reads that failed.

Source:
    Scylla (branch 4.2), exceptions/exceptions.cc (texts), service/storage_proxy.cc (abstract_read_resolver).
"""

from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.codec.cql.errors import ErrorCode, ReadFailure, ReadTimeout
from harness.codec.verbs.common import ConsistencyLevel
from harness.table import Table


def read_timeout(
    table: Table, consistency: ConsistencyLevel, *, received: int, required: int, has_data: bool
) -> RequestError:
    """READ_TIMEOUT: too few replicas answered in time."""
    return RequestError(
        ErrorCode.READ_TIMEOUT,
        f"Operation timed out for {table.full_name} - received only {received} responses from {required}"
        f" CL={consistency.name}.",
        ReadTimeout(
            consistency=consistency, received=received, required=required, data_present=int(has_data)
        ),
    )


def read_failure(
    table: Table,
    consistency: ConsistencyLevel,
    *,
    received: int,
    failed: int,
    required: int,
    has_data: bool,
) -> RequestError:
    """READ_FAILURE: so many replicas failed that too few are left."""
    return RequestError(
        ErrorCode.READ_FAILURE,
        f"Operation failed for {table.full_name} - received {received} responses and {failed} failures from"
        f" {required} CL={consistency.name}.",
        ReadFailure(
            consistency=consistency,
            received=received,
            required=required,
            failures_count=failed,
            data_present=int(has_data),
        ),
    )


def assure_readable(consistency: ConsistencyLevel) -> None:
    """Refuse levels that only writes know.

    Raises:
        RequestError: INVALID.
    """
    if consistency in {ConsistencyLevel.ANY, ConsistencyLevel.EACH_QUORUM}:
        raise invalid(f"{consistency.name} ConsistencyLevel is only supported for writes")
