"""What a protocol version, and the extensions that STARTUP asks for, change in the layout of messages.

Source: native_protocol_v4.spec, native_protocol_v5.spec (Apache Cassandra 4.0), "10. Changes"; ScyllaDB
docs/dev/protocol-extensions.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The layout of messages on one connection."""

    version: int
    has_wide_flags: bool
    """The flags of QUERY, EXECUTE and BATCH are four bytes, not one; PREPARE has flags at all."""

    has_partition_key_indexes: bool
    """PREPARED says which bound values make up the partition key."""

    has_metadata_id: bool
    """PREPARED and EXECUTE carry an id of the result's metadata."""

    has_failure_reasons: bool
    """READ_FAILURE and WRITE_FAILURE name each failed replica with a reason, instead of only counting them."""

    has_contentions: bool
    """WRITE_TIMEOUT of a conditional write counts the contentions."""


@lru_cache(maxsize=64)
def dialect_of(version: int, extensions: frozenset[str] = frozenset()) -> Dialect:
    """Return the layout of a protocol version.

    Args:
        version: 3, 4 or 5; what is unknown is taken for the nearest of them.
        extensions: names of the options in STARTUP; what is not an extension among them does not matter.
    """
    is_5 = version >= 5
    return Dialect(
        version=version,
        has_wide_flags=is_5,
        has_partition_key_indexes=version >= 4,
        has_metadata_id=is_5 or "SCYLLA_USE_METADATA_ID" in extensions,
        has_failure_reasons=is_5 or "SCYLLA_FAILURE_REASON_MAP" in extensions,
        has_contentions=is_5,
    )


def extensions_in(options: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Return the extensions among the options of a STARTUP, for ``dialect_of``."""
    return frozenset(name for name, _ in options) & {"SCYLLA_USE_METADATA_ID", "SCYLLA_FAILURE_REASON_MAP"}
