"""The tables of the keyspaces that nodes share without being asked: roles, traces, what views are built.

Source:
    Scylla (branch 4.2), auth/common.cc, tracing/trace_keyspace_helper.cc, db/system_distributed_keyspace.cc.
"""

from harness.backends.simulation.schema.builtin_table import BuiltinTable

AUTH_TABLES = (
    BuiltinTable("role_members", ("role text",), clustering_key=("member text",)),
    BuiltinTable(
        "roles",
        ("role text",),
        regular=("can_login boolean", "is_superuser boolean", "member_of set<text>", "salted_hash text"),
    ),
)
"""Of system_auth."""

DISTRIBUTED_TABLES = (
    BuiltinTable(
        "cdc_generations",
        ("time timestamp",),
        regular=(
            "description frozen<list<frozen<tuple<bigint, frozen<list<blob>>, tinyint>>>>",
            "expired timestamp",
        ),
    ),
    BuiltinTable(
        "cdc_streams", ("time timestamp",), regular=("expired timestamp", "streams frozen<set<blob>>")
    ),
    BuiltinTable(
        "view_build_status",
        ("keyspace_name text", "view_name text"),
        clustering_key=("host_id uuid",),
        regular=("status text",),
        version="e61ea49b-8dbc-3ff6-a69f-896f4d38b7bb",
    ),
)
"""Of system_distributed."""

TRACES_TABLES = (
    BuiltinTable(
        "events",
        ("session_id uuid",),
        clustering_key=("event_id timeuuid",),
        regular=(
            "activity text",
            "scylla_parent_id bigint",
            "scylla_span_id bigint",
            "source inet",
            "source_elapsed int",
            "thread text",
        ),
        default_time_to_live=86400,
    ),
    BuiltinTable(
        "node_slow_log",
        ("start_time timeuuid",),
        clustering_key=("node_ip inet", "shard int"),
        regular=(
            "command text",
            "date timestamp",
            "duration int",
            "parameters map<text, text>",
            "session_id uuid",
            "source_ip inet",
            "table_names set<text>",
            "username text",
        ),
        default_time_to_live=86400,
    ),
    BuiltinTable(
        "node_slow_log_time_idx",
        ("minute timestamp",),
        clustering_key=("started_at timestamp", "session_id uuid"),
        regular=("node_ip inet", "shard int", "start_time timeuuid"),
        default_time_to_live=86400,
    ),
    BuiltinTable(
        "sessions",
        ("session_id uuid",),
        regular=(
            "client inet",
            "command text",
            "coordinator inet",
            "duration int",
            "parameters map<text, text>",
            "request text",
            "request_size int",
            "response_size int",
            "started_at timestamp",
        ),
        default_time_to_live=86400,
    ),
    BuiltinTable(
        "sessions_time_idx",
        ("minute timestamp",),
        clustering_key=("started_at timestamp", "session_id uuid"),
        default_time_to_live=86400,
    ),
)
"""Of system_traces."""
