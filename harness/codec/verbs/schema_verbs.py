"""Schema: pushed, pulled, compared.

Source:
    Scylla, idl/frozen_schema.idl.hh, idl/migration_manager.idl.hh, service/migration_manager.cc,
    message/messaging_service.cc, branches 4.2 to master (August 2026).
"""

from typing import Annotated

from harness.codec.verbs.line import Line
from harness.codec.verbs.mutation import CanonicalMutation, FrozenMutation
from harness.codec.verbs.registry import Mode, Payload, Verb, verb
from harness.codec.verbs.wire import (
    ABSENT,
    IN_BLOB,
    U32,
    Absent,
    Flag,
    Since,
    Uuid,
    Void,
    arguments,
    sized,
)


@sized
class SchemaMutations:
    """The rows of the system_schema tables that define one table or view."""

    tables: CanonicalMutation
    """Of system_schema.tables, or system_schema.views if ``is_view``."""
    columns: CanonicalMutation
    is_view: Flag | Absent = ABSENT
    indexes: CanonicalMutation | Absent | None = ABSENT
    dropped_columns: CanonicalMutation | Absent | None = ABSENT
    scylla_tables: CanonicalMutation | Absent | None = ABSENT
    view_virtual_columns: CanonicalMutation | Absent | None = ABSENT
    computed_columns: CanonicalMutation | Absent | None = ABSENT


@sized
class FrozenSchemaFrame:
    """One version of one table's definition."""

    version: Uuid
    mutations: SchemaMutations


FrozenSchema = Annotated[FrozenSchemaFrame, IN_BLOB]


@arguments
class DefinitionsUpdate:
    """A change of the schema, said twice: receivers that can read canonical mutations use those."""

    mutations: tuple[FrozenMutation, ...]
    canonical_mutations: tuple[CanonicalMutation, ...] | Absent = ABSENT


@sized
class SchemaPullOptions:
    """What the asking node can read, and what it is after."""

    canonical_mutations: Flag
    group0_snapshot_transfer: Annotated[Flag | Absent, Since(Line.V5_0)] = ABSENT
    """The pull belongs to a Raft snapshot: history and tablets are wanted as well."""


@arguments
class MigrationRequest:
    """Give me your whole schema."""

    options: SchemaPullOptions | Absent = ABSENT


@arguments
class MigrationReply:
    """The whole schema; both lists empty where the nodes do not know each other well enough."""

    mutations: tuple[FrozenMutation, ...]
    """Empty if the asking node can read canonical mutations."""
    canonical_mutations: tuple[CanonicalMutation, ...] | Absent = ABSENT


@arguments
class GetSchemaVersionRequest:
    """Give me this version of a table's definition."""

    shard: U32
    """The shard that knows it."""
    version: Uuid


@arguments
class GetSchemaVersionReply:
    """The definition."""

    schema: FrozenSchema


@arguments
class SchemaCheckReply:
    """The version of the receiver's whole schema."""

    version: Uuid


@arguments
class FetchColumnMappingsRequest:
    """What do the column ids of this table mean, in versions that I do not know?"""

    table_id: Uuid
    known_versions: tuple[Uuid, ...]


@arguments
class FetchColumnMappingsReply:
    """The other versions, as rows of the table that keeps them."""

    mutation: FrozenMutation | None


VERBS: tuple[Verb, ...] = (
    verb(
        11,
        "DEFINITIONS_UPDATE",
        Mode.ONE_WAY,
        Payload(since=Line.V4_0, request=DefinitionsUpdate),
        renamed=((Line.V2026_3, "UNUSED__DEFINITIONS_UPDATE"),),
        retired=Line.V2026_3,
        evidence=(Line.V4_2,),
        purpose="push a change of the schema",
    ),
    verb(
        14,
        "MIGRATION_REQUEST",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=MigrationRequest, reply=MigrationReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="pull the whole schema",
    ),
    verb(
        21,
        "GET_SCHEMA_VERSION",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=GetSchemaVersionRequest, reply=GetSchemaVersionReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="fetch one version of one table's definition",
    ),
    verb(
        22,
        "SCHEMA_CHECK",
        Mode.TWO_WAY,
        Payload(since=Line.V4_0, request=Void, reply=SchemaCheckReply),
        evidence=(Line.V4_2, Line.V2025_1),
        purpose="ask for the version of the whole schema",
    ),
    verb(
        91,
        "FETCH_COLUMN_MAPPINGS",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=FetchColumnMappingsRequest, reply=FetchColumnMappingsReply),
        since=Line.V2026_3,
        purpose="column mappings of schema versions that the sender does not know",
    ),
)
