"""Writes to views: each base replica sends what a write changes in a view to the view replica it is paired with.

The base replica coordinates that write by itself, in the background: its own acknowledgement does not wait.

Source:
    Scylla (branch 4.2), db/view/view.cc (mutate_MV, get_view_natural_endpoint).
"""

from collections.abc import Callable, Sequence

from harness.backends.simulation.cql.request_error import RequestError
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.table_layout import TableLayout
from harness.backends.simulation.writes.consistency import LOCAL_REPLICATION, is_by_datacenter
from harness.backends.simulation.writes.deliveries import SharedDelivery
from harness.backends.simulation.writes.pending_writes import PendingWrite, PendingWrites
from harness.backends.simulation.writes.tally import Tally
from harness.backends.simulation.writes.update_backlog import ViewBacklog
from harness.backends.simulation.writes.write_type import WriteType
from harness.codec.verbs.common import ConsistencyLevel
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.registry import encode_payload
from harness.partitioner import token_of
from harness.topology import Node

TIMEOUT_MS = 300_000
"""How long a view replica has: five minutes, for there is nobody to tell that it failed."""


class ViewWriter:
    """Sends updates of views to their replicas.

    Args:
        context: of this node.
        pending: keeps them until they are acknowledged.
        backlog: counts their bytes until then.
        apply: applies those for which this node is its own partner.
    """

    def __init__(
        self,
        context: NodeContext,
        pending: PendingWrites,
        backlog: ViewBacklog,
        apply: Callable[[Mutation], None],
    ) -> None:
        self._context = context
        self._pending = pending
        self._backlog = backlog
        self._apply = apply

    def write(self, base: TableLayout, base_token: int, updates: Sequence[Mutation]) -> list[PendingWrite]:
        """Send what a write to a table changes in its views; gives the writes that are under way."""
        begun = []
        for update in updates:
            write = self._begin(base, base_token, update)
            if write is not None:
                begun.append(write)
        return begun

    async def written(self, writes: Sequence[PendingWrite]) -> None:
        """Wait until updates are acknowledged, or kept as hints; one that is neither is logged."""
        for write in writes:
            try:
                await write.ready
            except RequestError as error:
                self._context.world.log(f"an update of a view is lost: {error}")

    def _begin(self, base: TableLayout, base_token: int, update: Mutation) -> PendingWrite | None:
        members, keyspace = self._context.members, self._context.catalog.keyspace(base.table.keyspace)
        replication = LOCAL_REPLICATION if keyspace is None else keyspace.replication
        view_token = token_of(update.key.components)
        pending = members.pending(replication, view_token)
        view_replicas = members.replicas(replication, view_token)
        partner = paired(
            members.own,
            members.replicas(replication, base_token),
            view_replicas,
            by_datacenter=is_by_datacenter(replication),
        )
        if self._context.has_fault("mispair_view_replicas"):
            partner = view_replicas[0]
        others = [node for node in pending if not members.is_own(node)]
        if len(others) < len(pending) or (partner is not None and members.is_own(partner)):
            self._apply(update)
        elif partner is not None:
            others.append(partner)
        if not others:
            return None
        alive = [node for node in others if members.is_alive(node.address)]
        write = self._pending.prepare(
            SharedDelivery(self._context, update, self._apply),
            consistency=ConsistencyLevel.ANY,
            write_type=WriteType.VIEW,
            tally=Tally.of_count(len(others), alive),
            alive=alive,
            dead=[node for node in others if not members.is_alive(node.address)],
        )
        size_bytes = len(encode_payload(update))
        self._backlog.add(size_bytes)
        write.ready.add_done_callback(lambda _: self._backlog.remove(size_bytes))
        self._pending.begin(write, TIMEOUT_MS)
        return write


def paired(
    own: Node, base_replicas: Sequence[Node], view_replicas: Sequence[Node], *, by_datacenter: bool
) -> Node | None:
    """The view replica that gets the updates of a base replica.

    Args:
        own: the base replica.
        base_replicas: of the base row, in the order of the ring.
        view_replicas: of the view row.
        by_datacenter: whether each datacenter has replicas of its own, which pair among themselves.

    Returns:
        None if the node is no base replica (a row that has just moved), or has no partner.
    """
    if by_datacenter:
        base_replicas = [node for node in base_replicas if node.datacenter == own.datacenter]
        view_replicas = [node for node in view_replicas if node.datacenter == own.datacenter]
    base_addresses = [node.address for node in base_replicas]
    if own.address not in base_addresses:
        return None
    view_addresses = {node.address for node in view_replicas}
    if own.address in view_addresses:
        return own
    place = [address for address in base_addresses if address not in view_addresses].index(own.address)
    others = [node for node in view_replicas if node.address not in base_addresses]
    return others[place] if place < len(others) else None
