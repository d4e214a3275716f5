"""What a node of 4.2 says of itself from its start on, in the order in which it says it.

Source:
    Scylla (branch 4.2), service/storage_service.cc (prepare_to_join, gossip_snitch_info, gossip_sharder),
    gms/feature_service.cc, locator/gossiping_property_file_snitch.cc (gossiper_starting); values as in captures of
    4.2.4.
"""

from collections.abc import Iterator, Mapping

from harness.backends.simulation.gossip.identity import NodeIdentity
from harness.backends.simulation.node_config import NodeConfig
from harness.codec.verbs.gossip import ApplicationState

Said = list[tuple[ApplicationState, str]]
"""States with their values."""

FEATURES = (
    "COMPUTED_COLUMNS",
    "CORRECT_COUNTER_ORDER",
    "CORRECT_NON_COMPOUND_RANGE_TOMBSTONES",
    "CORRECT_STATIC_COMPACT_IN_MC",
    "COUNTERS",
    "DIGEST_FOR_NULL_VALUES",
    "DIGEST_INSENSITIVE_TO_EXPIRY",
    "DIGEST_MULTIPARTITION_READ",
    "HINTED_HANDOFF_SEPARATE_CONNECTION",
    "INDEXES",
    "LARGE_PARTITIONS",
    "LA_SSTABLE_FORMAT",
    "LWT",
    "MATERIALIZED_VIEWS",
    "MC_SSTABLE_FORMAT",
    "NONFROZEN_UDTS",
    "PER_TABLE_CACHING",
    "PER_TABLE_PARTITIONERS",
    "RANGE_TOMBSTONES",
    "ROLES",
    "ROW_LEVEL_REPAIR",
    "SCHEMA_TABLES_V3",
    "STREAM_WITH_RPC_STREAM",
    "TRUNCATION_TABLE",
    "UNBOUNDED_RANGE_TOMBSTONES",
    "VIEW_VIRTUAL_COLUMNS",
    "WRITE_FAILURE_REPLY",
    "XXHASH",
)
RELEASE_VERSION = "3.0.8"
"""The version of Cassandra that Scylla is like."""
_NET_VERSION, _SCHEMA_TABLES_VERSION = "0", "3"
_SHARD_COUNT, _IGNORE_MSB_BITS = "1", "12"
_SNITCH_WITH_INTERNAL_ADDRESS = "GossipingPropertyFileSnitch"


def first_states(
    config: NodeConfig, identity: NodeIdentity, told: Mapping[ApplicationState, str]
) -> Iterator[Said]:
    """Give what is said at the start; the first lot before gossip begins, the others while it does.

    Args:
        config: settings.
        identity: who the node is.
        told: values of other parts of the node, such as the version of the schema; they come first in their place.
    """
    state = ApplicationState
    first = {
        state.NET_VERSION: _NET_VERSION,
        state.HOST_ID: str(identity.host_id),
        state.RPC_ADDRESS: config.listen_address,
        state.RELEASE_VERSION: RELEASE_VERSION,
        state.SUPPORTED_FEATURES: ",".join(FEATURES),
        state.CACHE_HITRATES: "",
        state.SCHEMA_TABLES_VERSION: _SCHEMA_TABLES_VERSION,
        state.RPC_READY: "0",
        state.VIEW_BACKLOG: "",
    }
    yield list({**first, **told}.items())
    if config.snitch == _SNITCH_WITH_INTERNAL_ADDRESS:
        yield [(state.INTERNAL_IP, config.listen_address)]
    yield [(state.DC, config.datacenter), (state.RACK, config.rack)]
    yield [(state.SHARD_COUNT, _SHARD_COUNT), (state.IGNORE_MSB_BITS, _IGNORE_MSB_BITS)]
    yield [(state.SUPPORTED_FEATURES, ",".join(FEATURES))]
