"""Errors of transactions, as clients of writes and of reads get them."""

import pytest

from harness.backends.simulation.cql.request_error import RequestError, invalid
from harness.codec.cql.errors import (
    ErrorCode,
    ErrorDetails,
    ReadFailure,
    ReadTimeout,
    WriteFailure,
    WriteTimeout,
)
from harness.codec.verbs.common import ConsistencyLevel
from tests.backends.simulation.paxos.rounds import errors

_QUORUM = ConsistencyLevel.QUORUM
_READ_TIMEOUT = ReadTimeout(consistency=_QUORUM, received=1, required=2, data_present=1)
_READ_FAILURE = ReadFailure(consistency=_QUORUM, received=1, required=2, failures_count=1, data_present=1)
_WRITE_TIMEOUT = WriteTimeout(consistency=_QUORUM, received=1, required=2, write_type="CAS")
_WRITE_FAILURE = WriteFailure(consistency=_QUORUM, received=1, required=2, failures_count=1, write_type="CAS")


@pytest.mark.parametrize(
    ("code", "details", "is_write", "expected"),
    [
        (ErrorCode.READ_TIMEOUT, _READ_TIMEOUT, True, _WRITE_TIMEOUT),
        (ErrorCode.READ_FAILURE, _READ_FAILURE, True, _WRITE_FAILURE),
        (
            ErrorCode.WRITE_TIMEOUT,
            _WRITE_TIMEOUT,
            False,
            ReadTimeout(consistency=_QUORUM, received=1, required=2, data_present=0),
        ),
        (
            ErrorCode.WRITE_FAILURE,
            _WRITE_FAILURE,
            False,
            ReadFailure(consistency=_QUORUM, received=1, required=2, failures_count=1, data_present=0),
        ),
    ],
)
def test_what_fails_inside_is_told_as_what_the_client_asked_for(
    code: ErrorCode, details: ErrorDetails, expected: ErrorDetails, *, is_write: bool
) -> None:
    assert errors(is_write=is_write).translated(RequestError(code, "", details)).details == expected


def test_other_errors_stay_as_they_are() -> None:
    error = invalid("no such list index")
    assert errors().translated(error) is error
