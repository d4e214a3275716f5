"""Tables that Scylla brings along: their ids follow from their names, their keys are known.

Source:
    Scylla, db/system_keyspace.cc, db/schema_tables.cc, db/system_distributed_keyspace.cc,
    tracing/trace_keyspace_helper.cc, auth/ (system_auth and the roles in system); schema/schema.cc
    (generate_legacy_id).
"""

import hashlib
from uuid import UUID


def system_table_id(keyspace: str, table: str) -> UUID:
    """Compute the id of a built-in table: a version 3 UUID of both names, one behind the other."""
    digest = hashlib.md5((keyspace + table).encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest, version=3)
