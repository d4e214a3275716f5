"""The steps of which the work on a statement is made, and which of them has to await which.

Source:
    Scylla, service/storage_proxy.cc (mutate, query, paxos_response_handler, mutate_atomically,
    mutate_counters), db/view/view.cc (mutate_MV), db/batchlog_manager.cc.
"""

from enum import Enum


class StepKind(Enum):
    """What a group of messages does that one node sends for one purpose."""

    BATCHLOG = "write to the batchlog"
    COUNTER = "counter update for a leader"
    PREPARE = "prepare"
    READ = "read"
    RECONCILE = "read of mutations"
    REPAIR = "repair by a read"
    ACCEPT = "accept"
    LEARN = "learn"
    WRITE = "write"
    REPLICATE = "replication of a counter"
    VIEW = "view update"
    PRUNE = "prune"
    UNBATCH = "deletion from the batchlog"
    TRUNCATE = "truncation"
    ANNOUNCE = "announcement of a schema"
    HINT = "handing over of a hint"
    OTHER = "other message"


AWAITED: dict[StepKind, frozenset[StepKind]] = {
    StepKind.PREPARE: frozenset(),
    StepKind.ACCEPT: frozenset({StepKind.PREPARE}),
    StepKind.LEARN: frozenset({StepKind.ACCEPT}),
    StepKind.PRUNE: frozenset({StepKind.LEARN}),
    StepKind.RECONCILE: frozenset({StepKind.READ}),
    StepKind.REPAIR: frozenset({StepKind.RECONCILE}),
    StepKind.WRITE: frozenset({StepKind.BATCHLOG}),
    StepKind.UNBATCH: frozenset({StepKind.WRITE}),
}
"""By kind of step: whose answers its sender has to have before it begins; others do not wait for anything."""
FREE_IN_CHOICE = frozenset({StepKind.READ, StepKind.RECONCILE, StepKind.REPAIR})
"""Which replicas are asked is the coordinator's choice: by cache hit rates, by speculation."""
UNCOUNTED = frozenset({StepKind.VIEW, StepKind.HINT, StepKind.COUNTER, StepKind.REPLICATE})
"""How many of them are seen depends on the ring (a replica that is paired with itself sends nothing), on chance (who
leads a counter), or on how long the recording goes on."""
