"""Metadata of results as Scylla writes it.

Source:
    Scylla (branch 4.2), transport/server.cc; measured on the results of captures.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.codec.cql.results import FLAG_HAS_MORE_PAGES, Column, Metadata, metadata_of


def named_metadata(columns: Sequence[Column], paging_state: bytes | None = None) -> Metadata:
    """Describe the columns of rows, each with its keyspace and table, though they are the same.

    Args:
        columns: all of them.
        paging_state: None if all rows are there.
    """
    flags = 0 if paging_state is None else FLAG_HAS_MORE_PAGES
    return replace(metadata_of(columns, paging_state=paging_state), flags=flags)
