"""Makes of what nodes say by gossip who is a member, who is about to be one, and who leaves.

Source:
    Scylla (branch 4.2), service/storage_service.cc (on_change, handle_state_bootstrap, handle_state_normal,
    handle_state_leaving, handle_state_left).
"""

from uuid import UUID

from harness.backends.simulation.gossip.endpoint_states import EndpointStates, KnownEndpoint
from harness.backends.simulation.gossip.status import Status, StatusKind, tokens_of
from harness.backends.simulation.members import Members
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node


class RingNews:
    """Keeps the members as gossip tells.

    Args:
        members: who they are.
        states: what is known by gossip.
    """

    def __init__(self, members: Members, states: EndpointStates) -> None:
        self._members = members
        self._states = states

    def node_at(self, address: str) -> Node:
        """A node as it describes itself."""
        known = self._states.of(address)
        own = self._members.own
        if known is None:
            return own if address == own.address else Node(name=address, address=address)
        return Node(
            name=own.name if address == own.address else address,
            address=address,
            host_id=_uuid_of(known.value(ApplicationState.HOST_ID)),
            datacenter=known.value(ApplicationState.DC) or "",
            rack=known.value(ApplicationState.RACK) or "",
            shards=_number_of(known),
            tokens=tokens_of(known.value(ApplicationState.TOKENS)),
        )

    def changed(self, address: str) -> None:
        """A node says something else of itself."""
        known = self._states.of(address)
        if known is None:
            return
        node = self.node_at(address)
        match Status.of(known.value(ApplicationState.STATUS)).kind:
            case StatusKind.NORMAL | StatusKind.SHUTDOWN:
                self._join(node)
            case StatusKind.BOOT:
                if node.tokens:
                    self._members.begin_joining(node)
            case StatusKind.LEAVING:
                if not self._members.is_leaving(address):
                    self._join(node)
                self._members.begin_leaving(address)
            case StatusKind.LEFT:
                self._members.leave(address)
            case StatusKind.NONE:
                # A newcomer that has started again begins anew.
                self._members.stop_joining(address)
            case StatusKind.OTHER:
                pass

    def _join(self, node: Node) -> None:
        is_known = self._members.topology.node_at(node.address) == node
        if node.tokens and (not is_known or self._members.is_leaving(node.address)):
            self._members.join(node)


def _uuid_of(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _number_of(known: KnownEndpoint) -> int | None:
    text = known.value(ApplicationState.SHARD_COUNT)
    return int(text) if text is not None and text.isdecimal() else None
