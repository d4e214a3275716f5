"""What messages say, in a line each: one module for each family of verbs, and one for CQL.

The modules register their words when they are imported, so all of them are, here.
"""

from harness.events.wording import (
    forwarded_cql,
    gossip,
    membership,
    moving_data,
    raft,
    reads,
    writes,
)

WORDED = (forwarded_cql, gossip, membership, moving_data, raft, reads, writes)
"""The modules that have words for payloads."""
