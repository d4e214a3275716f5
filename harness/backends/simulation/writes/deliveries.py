"""What a coordinator brings to replicas, and as which message.

Source:
    Scylla (branch 4.2), service/storage_proxy.cc (mutation_holder: shared_mutation, hint_wrapper,
    per_destination_mutation, cas_mutation).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from harness.backends.simulation.messaging.connection_index import Tenant
from harness.backends.simulation.messaging.verb import Verb
from harness.backends.simulation.node_context import NodeContext
from harness.codec.verbs.common import TraceInfo
from harness.codec.verbs.mutation import Mutation
from harness.codec.verbs.paxos import PaxosLearnRequest, Proposal
from harness.codec.verbs.registry import encode_payload
from harness.codec.verbs.writes import HintMutationRequest, MutationRequest

SHARD = 0
"""Nodes have one."""

Apply = Callable[[Mutation], Awaitable[None] | None]
"""Applies a mutation to this node's storage, now or soon."""


class Delivery(Protocol):
    """A write on its way."""

    @property
    def mutation(self) -> Mutation:
        """What is written; where each replica gets something else, one of that."""

    @property
    def noun(self) -> str:
        """How events of traces call it."""

    @property
    def can_forward(self) -> bool:
        """Whether a replica may be asked to send it on."""

    @property
    def trace(self) -> TraceInfo | None:
        """Tells replicas to trace their part."""

    def is_for(self, address: str) -> bool:
        """Whether a replica lacks anything of it."""

    def send(self, address: str, forward: tuple[str, ...], response_id: int, timeout_ms: int) -> None:
        """Send it to a replica, which is to send it on to others."""

    def apply(self) -> Awaitable[None] | None:
        """Apply it to this node's storage."""

    def missed_by(self, address: str) -> Mutation:
        """What has to be kept for a replica that has not got it."""

    def acknowledged_by(self, address: str) -> None:
        """Hear that a replica has it."""


class SharedDelivery:
    """One mutation for all replicas: encoded once, as all of a datacenter get the same bytes.

    Args:
        context: of this node.
        mutation: what is written.
        apply: applies it here.
        tenant: on whose behalf.
        trace: tells replicas to trace their part.
        verb: MUTATION or HINT_MUTATION.
    """

    __slots__ = ("_apply", "_context", "_payload", "_tenant", "_verb", "mutation", "trace")

    can_forward = True

    def __init__(
        self,
        context: NodeContext,
        mutation: Mutation,
        apply: Apply,
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
        verb: Verb = Verb.MUTATION,
    ) -> None:
        self.mutation = mutation
        self._context = context
        self._apply = apply
        self._tenant = tenant
        self.trace = trace
        self._verb = verb
        self._payload: bytes | None = None

    @property
    def noun(self) -> str:
        """How events of traces call it."""
        return "mutation" if self._verb is Verb.MUTATION else "hint"

    def is_for(self, address: str) -> bool:  # noqa: ARG002  (all get the same)
        """Always."""
        return True

    def send(self, address: str, forward: tuple[str, ...], response_id: int, timeout_ms: int) -> None:
        """Send it to a replica, which is to send it on to others."""
        if forward:
            payload = self._encoded(forward, response_id)
        else:
            if self._payload is None:
                self._payload = self._encoded((), response_id)
            payload = self._payload
        self._context.messaging.send_payload(
            address, self._verb, payload, timeout_ms=timeout_ms, tenant=self._tenant
        )

    def apply(self) -> Awaitable[None] | None:
        """Apply it to this node's storage."""
        return self._apply(self.mutation)

    def missed_by(self, address: str) -> Mutation:  # noqa: ARG002  (all get the same)
        """The mutation."""
        return self.mutation

    def acknowledged_by(self, address: str) -> None:
        """Nobody else wants to know."""

    def _encoded(self, forward: tuple[str, ...], response_id: int) -> bytes:
        request = MutationRequest if self._verb is Verb.MUTATION else HintMutationRequest
        return encode_payload(
            request(
                mutation=self.mutation,
                forward=forward,
                reply_to=self._context.address,
                shard=SHARD,
                response_id=response_id,
                trace=self.trace,
            )
        )


class DifferingDelivery:
    """What each replica lacks: those that lack nothing count as if they had acknowledged it.

    Args:
        context: of this node.
        differences: by address; None: nothing.
        apply: applies what this node lacks.
        trace: tells replicas to trace their part.
    """

    __slots__ = ("_apply", "_context", "_differences", "_tenant", "mutation", "trace")

    can_forward = False
    noun = "mutation"

    def __init__(
        self,
        context: NodeContext,
        differences: Mapping[str, Mutation | None],
        apply: Apply,
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        self._context = context
        self._differences = {
            address: mutation for address, mutation in differences.items() if mutation is not None
        }
        self._apply = apply
        self._tenant = tenant
        self.trace = trace
        self.mutation = next(iter(self._differences.values()))

    def is_for(self, address: str) -> bool:
        """Whether a replica lacks anything."""
        return address in self._differences

    def send(self, address: str, forward: tuple[str, ...], response_id: int, timeout_ms: int) -> None:
        """Send a replica what it lacks."""
        request = MutationRequest(
            mutation=self._differences[address],
            forward=forward,
            reply_to=self._context.address,
            shard=SHARD,
            response_id=response_id,
            trace=self.trace,
        )
        self._context.messaging.send(
            address, Verb.MUTATION, request, timeout_ms=timeout_ms, tenant=self._tenant
        )

    def apply(self) -> Awaitable[None] | None:
        """Apply what this node lacks."""
        return self._apply(self._differences[self._context.address])

    def missed_by(self, address: str) -> Mutation:
        """What the replica lacks."""
        return self._differences[address]

    def acknowledged_by(self, address: str) -> None:
        """Nobody else wants to know."""


class DecisionDelivery:
    """What a lightweight transaction decided, as PAXOS_LEARN.

    Args:
        context: of this node.
        decision: ballot and mutation.
        apply: learns it here.
        acknowledged_by: hears which replicas have learned it, this node included.
        tenant: on whose behalf.
        trace: tells replicas to trace their part.
    """

    __slots__ = ("_apply", "_context", "_decision", "_tenant", "acknowledged_by", "trace")

    can_forward = True
    noun = "learn"

    def __init__(
        self,
        context: NodeContext,
        decision: Proposal,
        apply: Callable[[Proposal], Awaitable[None] | None],
        acknowledged_by: Callable[[str], None],
        *,
        tenant: Tenant = Tenant.USER,
        trace: TraceInfo | None = None,
    ) -> None:
        self._context = context
        self._decision = decision
        self._apply = apply
        self.acknowledged_by = acknowledged_by
        self._tenant = tenant
        self.trace = trace

    @property
    def mutation(self) -> Mutation:
        """What was decided to be written."""
        return self._decision.update

    def is_for(self, address: str) -> bool:  # noqa: ARG002  (all learn the same)
        """Always."""
        return True

    def send(self, address: str, forward: tuple[str, ...], response_id: int, timeout_ms: int) -> None:
        """Send it to a replica, which is to send it on to others."""
        request = PaxosLearnRequest(
            decision=self._decision,
            forward=forward,
            reply_to=self._context.address,
            shard=SHARD,
            response_id=response_id,
            trace=self.trace,
        )
        self._context.messaging.send(
            address, Verb.PAXOS_LEARN, request, timeout_ms=timeout_ms, tenant=self._tenant
        )

    def apply(self) -> Awaitable[None] | None:
        """Learn it here."""
        return self._apply(self._decision)

    def missed_by(self, address: str) -> Mutation:  # noqa: ARG002  (all learn the same)
        """The mutation; but nobody keeps hints of decisions."""
        return self._decision.update
