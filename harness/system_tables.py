"""Tables that Scylla brings along: their ids follow from their names, and their columns are known.

Source:
    Scylla, db/system_keyspace.cc, db/schema_tables.cc, db/system_distributed_keyspace.cc,
    tracing/trace_keyspace_helper.cc, auth/ (system_auth, and the roles in system);
    schema/schema_builder.cc (generate_legacy_id). Columns as in MIGRATION_REQUEST replies and canonical
    mutations of 4.2 and 2025.1.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple
from uuid import UUID

from harness.table import Column, ColumnKind, Table


def system_table_id(keyspace: str, table: str) -> UUID:
    """Compute the id of a built-in table: a version 3 UUID of both names, one behind the other."""
    digest = hashlib.md5((keyspace + table).encode(), usedforsecurity=False).digest()
    return UUID(bytes=digest, version=3)


class _Known(NamedTuple):
    """What is known of a table; a column is its name and type, with DESC behind for descending order."""

    name: str
    partition_key: tuple[str, ...] = ()
    clustering_key: tuple[str, ...] = ()
    regular: tuple[str, ...] | None = None
    """None: not told here; the mutations that carry such tables between nodes name their columns."""


_ROLE_TABLES = (
    _Known(
        "roles",
        ("role text",),
        (),
        ("can_login boolean", "is_superuser boolean", "member_of set<text>", "salted_hash text"),
    ),
    _Known("role_members", ("role text",), ("member text",), ()),
    _Known("role_attributes", ("role text",), ("name text",), ("value text",)),
    _Known("role_permissions", ("role text",), ("resource text",), ("permissions set<text>",)),
)

_KNOWN: dict[str, tuple[_Known, ...]] = {
    "system": (
        _Known("batchlog", ("id uuid",), (), ("data blob", "version int", "written_at timestamp")),
        _Known("batchlog_v2"),
        _Known("cdc_generations_v3", ("key text",), ("id timeuuid", "range_end bigint")),
        _Known("group0_history", ("key text",), ("state_id timeuuid DESC",), ("description text",)),
        _Known("local", ("key text",)),
        _Known("paxos", ("row_key blob",), ("cf_id uuid",)),
        _Known("peers", ("peer inet",)),
        _Known("scylla_local", ("key text",), (), ("value text",)),
        _Known("service_levels_v2", ("service_level text",)),
        _Known("tablets", ("table_id uuid",), ("last_token bigint",)),
        _Known("topology", ("key text",), ("host_id uuid",)),
        _Known("topology_requests", ("id timeuuid",)),
        _Known(
            "view_build_status_v2",
            ("keyspace_name text", "view_name text"),
            ("host_id uuid",),
            ("status text",),
        ),
        *_ROLE_TABLES,
    ),
    "system_auth": _ROLE_TABLES,
    "system_distributed": (
        _Known("cdc_generation_timestamps", ("key text",), ("time timestamp DESC",), ("expired timestamp",)),
        _Known(
            "cdc_generations",
            ("time timestamp",),
            (),
            (
                "description frozen<list<frozen<tuple<bigint, frozen<list<blob>>, tinyint>>>>",
                "expired timestamp",
            ),
        ),
        _Known("cdc_streams", ("time timestamp",), (), ("expired timestamp", "streams frozen<set<blob>>")),
        _Known(
            "cdc_streams_descriptions_v2",
            ("time timestamp",),
            ("range_end bigint",),
            ("streams frozen<set<blob>>",),
        ),
        _Known("service_levels", ("service_level text",)),
        _Known(
            "view_build_status",
            ("keyspace_name text", "view_name text"),
            ("host_id uuid",),
            ("status text",),
        ),
    ),
    "system_distributed_everywhere": (
        _Known("cdc_generation_descriptions_v2", ("id uuid",), ("range_end bigint",)),
    ),
    "system_schema": (
        _Known(
            "aggregates",
            ("keyspace_name text",),
            ("aggregate_name text", "argument_types frozen<list<text>>"),
        ),
        _Known("columns", ("keyspace_name text",), ("table_name text", "column_name text")),
        _Known("computed_columns", ("keyspace_name text",), ("table_name text", "column_name text")),
        _Known("dropped_columns", ("keyspace_name text",), ("table_name text", "column_name text")),
        _Known(
            "functions", ("keyspace_name text",), ("function_name text", "argument_types frozen<list<text>>")
        ),
        _Known("indexes", ("keyspace_name text",), ("table_name text", "index_name text")),
        _Known("keyspaces", ("keyspace_name text",)),
        _Known(
            "scylla_aggregates",
            ("keyspace_name text",),
            ("aggregate_name text", "argument_types frozen<list<text>>"),
        ),
        _Known("scylla_keyspaces", ("keyspace_name text",)),
        _Known("scylla_tables", ("keyspace_name text",), ("table_name text",)),
        _Known("tables", ("keyspace_name text",), ("table_name text",)),
        _Known("triggers", ("keyspace_name text",), ("table_name text", "trigger_name text")),
        _Known("types", ("keyspace_name text",), ("type_name text",)),
        _Known("view_virtual_columns", ("keyspace_name text",), ("view_name text", "column_name text")),
        _Known("views", ("keyspace_name text",), ("view_name text",)),
    ),
    "system_traces": (
        _Known(
            "events",
            ("session_id uuid",),
            ("event_id timeuuid",),
            (
                "activity text",
                "scylla_parent_id bigint",
                "scylla_span_id bigint",
                "source inet",
                "source_elapsed int",
                "thread text",
            ),
        ),
        _Known(
            "node_slow_log",
            ("start_time timeuuid",),
            ("node_ip inet", "shard int"),
            (
                "command text",
                "date timestamp",
                "duration int",
                "parameters map<text, text>",
                "session_id uuid",
                "source_ip inet",
                "table_names set<text>",
                "username text",
            ),
        ),
        _Known(
            "node_slow_log_time_idx",
            ("minute timestamp",),
            ("started_at timestamp", "session_id uuid"),
            ("node_ip inet", "shard int", "start_time timeuuid"),
        ),
        _Known(
            "sessions",
            ("session_id uuid",),
            (),
            # 4.2 has no username yet; being the last one, it does not shift the others.
            (
                "client inet",
                "command text",
                "coordinator inet",
                "duration int",
                "parameters map<text, text>",
                "request text",
                "request_size int",
                "response_size int",
                "started_at timestamp",
                "username text",
            ),
        ),
        _Known("sessions_time_idx", ("minute timestamp",), ("started_at timestamp", "session_id uuid"), ()),
    ),
}


@cache
def system_tables() -> tuple[Table, ...]:
    """List the built-in tables; of some, only the key is known."""
    return tuple(
        Table(
            keyspace=keyspace,
            name=known.name,
            id=system_table_id(keyspace, known.name),
            partition_key=tuple(_columns(known.partition_key, ColumnKind.PARTITION_KEY)),
            clustering_key=tuple(_columns(known.clustering_key, ColumnKind.CLUSTERING)),
            regular_columns=tuple(_columns(known.regular or (), ColumnKind.REGULAR)),
            has_all_columns=known.regular is not None,
        )
        for keyspace, tables in _KNOWN.items()
        for known in tables
    )


@cache
def system_tables_by_id() -> dict[UUID, Table]:
    """Give the built-in tables by id."""
    return {table.id: table for table in system_tables() if table.id is not None}


@cache
def system_tables_by_name() -> dict[tuple[str, str], Table]:
    """Give the built-in tables by keyspace and name."""
    return {(table.keyspace, table.name): table for table in system_tables()}


def _columns(texts: tuple[str, ...], kind: ColumnKind) -> Iterator[Column]:
    for position, text in enumerate(texts):
        name, _, type_text = text.partition(" ")
        yield Column(
            name=name,
            type=type_text.removesuffix(" DESC"),
            kind=kind,
            position=0 if kind is ColumnKind.REGULAR else position,
            is_reversed=text.endswith(" DESC"),
        )
