"""Who takes part in a round: the replicas of a partition that are alive, and those that are about to become one.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (get_paxos_participants).
"""

from dataclasses import dataclass

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.members import Members
from harness.backends.simulation.writes.consistency import unavailable
from harness.codec.cql.errors import ErrorCode, Unavailable
from harness.codec.verbs.common import ConsistencyLevel
from harness.replication import LOCAL_STRATEGY, Replication
from harness.topology import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Participants:
    """The nodes of a round."""

    nodes: tuple[Node, ...]
    """Those that are alive, the nearest first."""
    required: int
    """How many have to promise, to accept, and to learn before what was learned is forgotten."""
    has_dead: bool
    """Whether there are more, which are not alive."""


def participants_of(
    members: Members, replication: Replication, token: int, serial_consistency: ConsistencyLevel
) -> Participants:
    """Find the participants.

    Args:
        members: of the cluster.
        replication: of the keyspace.
        token: of the partition.
        serial_consistency: LOCAL_SERIAL: those of the own datacenter.

    Raises:
        RequestError: UNAVAILABLE: too few are alive, or the ring is changing in more than one place.
    """
    natural: tuple[Node, ...] = (members.own,)
    pending: tuple[Node, ...] = ()
    if replication.strategy != LOCAL_STRATEGY:
        natural, pending = members.replicas(replication, token), members.pending(replication, token)
    if serial_consistency is ConsistencyLevel.LOCAL_SERIAL:
        datacenter = members.own.datacenter
        natural = tuple(node for node in natural if node.datacenter == datacenter)
        pending = tuple(node for node in pending if node.datacenter == datacenter)
    needed = len(natural) // 2 + 1 + len(pending)
    alive = members.by_proximity(node for node in natural + pending if members.is_alive(node.address))
    if len(pending) > 1:
        raise RequestError(
            ErrorCode.UNAVAILABLE,
            f"Cannot perform LWT operation as there is more than one ({len(pending)}) pending range movement",
            Unavailable(consistency=serial_consistency, required=needed + 1, alive=len(alive)),
        )
    if len(alive) < needed:
        raise unavailable(serial_consistency, needed, len(alive))
    return Participants(
        nodes=tuple(alive), required=needed, has_dead=len(alive) < len(natural) + len(pending)
    )
