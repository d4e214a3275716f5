"""Composed by hand, but ``NoFailure``, which every reply of 2025.1 carries."""

import pytest

from harness.codec.verbs.outcome import (
    AbortRequested,
    CriticalDiskUtilization,
    ExceptionVariant,
    FencingToken,
    LargeData,
    NoFailure,
    RateLimited,
    StaleTopology,
    UnknownFailure,
)
from harness.codec.verbs.wire import decode_struct
from harness.errors import DecodeError
from tests.codec.verbs.hex_layout import framed, text
from tests.codec.verbs.payload_checks import assert_payload


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ("00 04000000", UnknownFailure()),
        ("01 04000000", NoFailure()),
        ("02 04000000", RateLimited()),
        (
            "03 14000000 0300000000000000 0400000000000000",
            StaleTopology(caller_version=3, fence_version=4),
        ),
        ("04 04000000", AbortRequested()),
        ("05 0d000000 05000000 7772697465", CriticalDiskUtilization(action="write")),
        (
            "06 " + framed(text("ks"), text("t"), text("too large")),
            LargeData(keyspace="ks", table="t", message="too large"),
        ),
    ],
)
def test_every_reason(variant: str, reason: object) -> None:
    body = assert_payload(ExceptionVariant, framed(variant))
    assert body.reason == reason
    assert body.is_failure is (not isinstance(reason, NoFailure))


def test_no_failure_is_nine_bytes() -> None:
    assert assert_payload(ExceptionVariant, "09000000 01 04000000").reason == NoFailure()


def test_reason_of_a_newer_line_is_refused() -> None:
    with pytest.raises(DecodeError, match="variant index 7"):
        decode_struct(ExceptionVariant, bytes.fromhex("09000000 07 04000000"))


def test_fence_is_a_topology_version() -> None:
    body = assert_payload(FencingToken, "0c000000 0700000000000000")
    assert body == FencingToken(topology_version=7)
