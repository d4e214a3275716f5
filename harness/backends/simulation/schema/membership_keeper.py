"""Keeps in the journal who the members are, so that a node that starts again knows whom to ask.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc (update_tokens, remove_endpoint, set_bootstrap_state).
"""

from harness.backends.simulation.kept_identity import KeptIdentity
from harness.backends.simulation.node_context import NodeContext
from harness.backends.simulation.schema.system_content import PeerStates
from harness.codec.verbs.gossip import ApplicationState
from harness.topology import Node

_MEMBER, _GONE = "NORMAL", "LEFT"


class MembershipKeeper:
    """A ``MemberListener`` that writes down what it hears, and what this node says of itself.

    Args:
        context: the node.
        identity: what is kept.
        states: what nodes say.
    """

    def __init__(self, context: NodeContext, identity: KeptIdentity, states: PeerStates) -> None:
        self._context = context
        self._identity = identity
        context.members.subscribe(self)
        states.on_state_change(self._hear)

    def node_joined(self, node: Node) -> None:
        """It is a member from now on."""
        _ = node
        self._keep_peers()

    def node_left(self, node: Node) -> None:
        """It is none any more."""
        _ = node
        self._keep_peers()

    def node_up(self, node: Node) -> None:
        """It can be reached, which is not kept."""

    def node_down(self, node: Node) -> None:
        """It cannot be reached, which is not kept."""

    def _keep_peers(self) -> None:
        members = self._context.members
        self._identity.set_peers(node for node in members.topology.nodes if not members.is_own(node))

    def _hear(self, address: str, state: ApplicationState, value: str) -> None:
        if address != self._context.address or state is not ApplicationState.STATUS:
            return
        kind = value.partition(",")[0]
        if kind in {_MEMBER, _GONE}:
            self._identity.set_member(is_member=kind == _MEMBER)
