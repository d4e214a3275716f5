"""Which of the connections to a peer a verb travels on.

Of 4.2: 0 gossip; 1 streaming, repair and hints; then two for each tenant, statements and acknowledgements.

Source:
    Scylla (branch 4.2), message/messaging_service.cc (do_get_rpc_client_idx, get_rpc_client_idx, scheduling_info).
"""

from enum import Enum

from harness.backends.simulation.messaging.verb import Verb

GOSSIP, STREAMING = 0, 1


class Tenant(Enum):
    """On whose behalf a node works; the receiver goes on in the same name."""

    USER = 2
    """Clients; also views, batchlog, tracing and all else that is no tenant's."""
    SYSTEM = 4
    """Gossip, the schema, roles."""


_GOSSIP_VERBS = frozenset(
    {
        Verb.GOSSIP_DIGEST_SYN,
        Verb.GOSSIP_DIGEST_ACK2,
        Verb.GOSSIP_ECHO,
        Verb.GOSSIP_SHUTDOWN,
        Verb.GET_SCHEMA_VERSION,
    }
)
_STREAMING_VERBS = frozenset(
    {
        Verb.PREPARE_MESSAGE,
        Verb.PREPARE_DONE_MESSAGE,
        Verb.STREAM_MUTATION_DONE,
        Verb.STREAM_MUTATION_FRAGMENTS,
        Verb.COMPLETE_MESSAGE,
        Verb.HINT_MUTATION,
        Verb.REPLICATION_FINISHED,
        *(verb for verb in Verb if verb.name.startswith("REPAIR_")),
    }
)
_ACKNOWLEDGEMENTS = frozenset({Verb.MUTATION_DONE, Verb.MUTATION_FAILED})
_COOKIES = {4: "statement:$system", 5: "statement-ack:$system"}


def connection_index(verb: Verb, tenant: Tenant) -> int:
    """The number of the connection."""
    if verb in _GOSSIP_VERBS:
        return GOSSIP
    if verb in _STREAMING_VERBS:
        return STREAMING
    return tenant.value + (verb in _ACKNOWLEDGEMENTS)


def cookie_of(index: int) -> str | None:
    """What the connection says, when it is opened, of the tenant; None: nothing."""
    return _COOKIES.get(index)


def tenant_of(cookie: str | None) -> Tenant:
    """The tenant that a connection said it is for."""
    return Tenant.SYSTEM if cookie in _COOKIES.values() else Tenant.USER
