"""What clients are told of transactions that may or may not have happened.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (paxos_response_handler, cas), exceptions/exceptions.cc (texts).
"""

from dataclasses import dataclass

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.reads.read_errors import read_failure, read_timeout
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.cql.errors import (
    ErrorCode,
    ReadFailure,
    ReadTimeout,
    WriteFailure,
    WriteTimeout,
)
from harness.codec.verbs.common import ConsistencyLevel
from harness.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class PaxosErrors:
    """Makes the errors of one transaction."""

    table: Table
    consistency: ConsistencyLevel
    """SERIAL or LOCAL_SERIAL."""
    required: int
    is_write: bool

    def timeout(self, received: int) -> RequestError:
        """Too few participants answered in time, or the others have been in the way for too long."""
        return self._timeout(self.consistency, received, self.required)

    def failure(self, received: int, failed: int) -> RequestError:
        """So many participants failed that too few are left."""
        return self._failure(self.consistency, received, failed, self.required)

    def translated(self, error: RequestError) -> RequestError:
        """An error of a read inside a write, or of a write inside a read, as one of the client's own kind."""
        match error.details:
            case ReadTimeout() | WriteTimeout() as details:
                level = ConsistencyLevel(details.consistency)
                return self._timeout(level, details.received, details.required)
            case ReadFailure() | WriteFailure() as details:
                level = ConsistencyLevel(details.consistency)
                return self._failure(level, details.received, details.failures_count, details.required)
            case _:
                return error

    def _timeout(self, level: ConsistencyLevel, received: int, required: int) -> RequestError:
        if not self.is_write:
            return read_timeout(self.table, level, received=received, required=required, has_data=False)
        return RequestError(
            ErrorCode.WRITE_TIMEOUT,
            f"Operation timed out for {self.table.full_name} - received only {received} responses from {required}"
            f" CL={level.name}.",
            WriteTimeout(
                consistency=level, received=received, required=required, write_type=WriteType.CAS.value
            ),
        )

    def _failure(self, level: ConsistencyLevel, received: int, failed: int, required: int) -> RequestError:
        if not self.is_write:
            return read_failure(
                self.table, level, received=received, failed=failed, required=required, has_data=False
            )
        return RequestError(
            ErrorCode.WRITE_FAILURE,
            f"Operation failed for {self.table.full_name} - received {received} responses and {failed} failures"
            f" from {required} CL={level.name}.",
            WriteFailure(
                consistency=level,
                received=received,
                required=required,
                failures_count=failed,
                write_type=WriteType.CAS.value,
            ),
        )
