"""The tables of keyspace system: what a node keeps for itself.

Source:
    Scylla (branch 4.2), db/system_keyspace.cc; columns as SELECT of system_schema.columns gave them.
"""

from harness.backends.simulation.schema.builtin_table import BuiltinTable

SYSTEM_TABLES = (
    BuiltinTable(
        "IndexInfo",
        ("table_name text",),
        clustering_key=("index_name text",),
        regular=("value empty",),
        gc_grace_seconds=0,
        flags=("dense",),
    ),
    BuiltinTable(
        "batchlog",
        ("id uuid",),
        regular=("data blob", "version int", "written_at timestamp"),
        version="e2a2e804-49e4-3597-9f16-39fd9475835c",
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "built_views", ("keyspace_name text",), clustering_key=("view_name text",), gc_grace_seconds=0
    ),
    BuiltinTable("cdc_local", ("key text",), regular=("streams_timestamp timestamp",), gc_grace_seconds=0),
    BuiltinTable(
        "clients",
        ("address inet",),
        clustering_key=("port int", "client_type text"),
        regular=(
            "connection_stage text",
            "driver_name text",
            "driver_version text",
            "hostname text",
            "protocol_version int",
            "shard_id int",
            "ssl_cipher_suite text",
            "ssl_enabled boolean",
            "ssl_protocol text",
            "username text",
        ),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "compaction_history",
        ("id uuid",),
        regular=(
            "bytes_in bigint",
            "bytes_out bigint",
            "columnfamily_name text",
            "compacted_at timestamp",
            "keyspace_name text",
            "rows_merged map<int, bigint>",
        ),
        default_time_to_live=604800,
    ),
    BuiltinTable(
        "compactions_in_progress",
        ("id uuid",),
        regular=("columnfamily_name text", "inputs set<int>", "keyspace_name text"),
    ),
    BuiltinTable(
        "hints",
        ("target_id uuid",),
        clustering_key=("hint_id timeuuid", "message_version int"),
        regular=("mutation blob",),
        gc_grace_seconds=0,
        flags=("compound", "dense"),
    ),
    BuiltinTable(
        "large_cells",
        ("keyspace_name text", "table_name text"),
        clustering_key=(
            "sstable_name text",
            "cell_size bigint DESC",
            "partition_key text",
            "clustering_key text",
            "column_name text",
        ),
        regular=("compaction_time timestamp",),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "large_partitions",
        ("keyspace_name text", "table_name text"),
        clustering_key=("sstable_name text", "partition_size bigint DESC", "partition_key text"),
        regular=("compaction_time timestamp",),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "large_rows",
        ("keyspace_name text", "table_name text"),
        clustering_key=(
            "sstable_name text",
            "row_size bigint DESC",
            "partition_key text",
            "clustering_key text",
        ),
        regular=("compaction_time timestamp",),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "local",
        ("key text",),
        regular=(
            "bootstrapped text",
            "broadcast_address inet",
            "cluster_name text",
            "cql_version text",
            "data_center text",
            "gossip_generation int",
            "host_id uuid",
            "listen_address inet",
            "native_protocol_version text",
            "partitioner text",
            "rack text",
            "release_version text",
            "rpc_address inet",
            "schema_version uuid",
            "supported_features text",
            "thrift_version text",
            "tokens set<text>",
            "truncated_at map<uuid, blob>",
        ),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "paxos",
        ("row_key blob",),
        clustering_key=("cf_id uuid",),
        regular=(
            "most_recent_commit blob",
            "most_recent_commit_at timeuuid",
            "promise timeuuid",
            "proposal blob",
            "proposal_ballot timeuuid",
        ),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "peer_events", ("peer inet",), regular=("hints_dropped map<uuid, int>",), gc_grace_seconds=0
    ),
    BuiltinTable(
        "peers",
        ("peer inet",),
        regular=(
            "data_center text",
            "host_id uuid",
            "preferred_ip inet",
            "rack text",
            "release_version text",
            "rpc_address inet",
            "schema_version uuid",
            "supported_features text",
            "tokens set<text>",
        ),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "range_xfers", ("token_bytes blob",), regular=("requested_at timestamp",), gc_grace_seconds=0
    ),
    BuiltinTable("scylla_local", ("key text",), regular=("value text",), gc_grace_seconds=0),
    BuiltinTable(
        "scylla_views_builds_in_progress",
        ("keyspace_name text",),
        clustering_key=("view_name text", "cpu_id int"),
        regular=("first_token text", "generation_number int", "next_token text"),
    ),
    BuiltinTable(
        "size_estimates",
        ("keyspace_name text",),
        clustering_key=("table_name text", "range_start text", "range_end text"),
        regular=("mean_partition_size bigint", "partitions_count bigint"),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "sstable_activity",
        ("keyspace_name text", "columnfamily_name text", "generation int"),
        regular=("rate_120m double", "rate_15m double"),
    ),
    BuiltinTable(
        "truncated",
        ("table_uuid uuid",),
        clustering_key=("shard int",),
        static=("truncated_at timestamp",),
        regular=("position int", "segment_id bigint"),
        gc_grace_seconds=0,
    ),
    BuiltinTable(
        "views_builds_in_progress",
        ("keyspace_name text",),
        clustering_key=("view_name text",),
        regular=("generation_number int", "last_token text"),
        gc_grace_seconds=0,
    ),
)
"""Ordered by name."""
