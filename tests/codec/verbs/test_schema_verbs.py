"""Captures named here are of Scylla 4.2.4 and 2025.1.15, the number is the packet's; the rest is composed by hand."""

import uuid

from harness.codec.verbs.schema_verbs import (
    DefinitionsUpdate,
    FetchColumnMappingsReply,
    FetchColumnMappingsRequest,
    GetSchemaVersionReply,
    GetSchemaVersionRequest,
    MigrationReply,
    MigrationRequest,
    SchemaCheckReply,
    SchemaPullOptions,
)
from harness.codec.verbs.wire import ABSENT
from tests.codec.verbs.hex_layout import (
    KEY_1,
    MUTATION,
    NOTHING_DELETED,
    SCHEMA_VERSION,
    TABLE_ID,
    blob,
    framed,
    text,
    vector,
)
from tests.codec.verbs.payload_checks import assert_payload

CANONICAL = blob(
    framed(
        TABLE_ID,
        SCHEMA_VERSION,
        KEY_1,
        framed(vector(framed(text("a"), text("Int32Type"))), "00000000"),
        framed(NOTHING_DELETED, "08000000 00000000 00000000 00000000"),
    )
)
SYSTEM_SCHEMA_KEYSPACES = uuid.UUID("abac5682-dea6-31c5-b535-b3d6cffd0fb6")


def test_change_of_the_schema_is_said_twice() -> None:
    # 4.2 base/schema, packet 19: CREATE KEYSPACE demo2
    body = assert_payload(
        DefinitionsUpdate,
        "010000004901000049010000c531a6de8256acabb60ffdcfd6b335b57d3f5665baa89ce78c9357cf207f5a9211000000"
        "010000000500000064656d6f321401000014000000000000000000008000000000000000000800000000000000000000"
        "0001000000ec000000080000000000000008000000030000001400000000000000000000800000000000000000b00000"
        "0002000000290000000000000021000000000000001900000000000000110000005192269fd960060001000000017f00"
        "00000100000077000000000000006f00000000000000670000005192269fd9600600570000000000000200000005636c"
        "6173730000002b6f72672e6170616368652e63617373616e6472612e6c6f6361746f722e53696d706c65537472617465"
        "6779000000127265706c69636174696f6e5f666163746f72000000013214000000000000000000008000000000000000"
        "00010000005702000057020000c531a6de8256acabb60ffdcfd6b335b57d3f5665baa89ce78c9357cf207f5a92110000"
        "00010000000500000064656d6f320e01000002000000450000000e00000064757261626c655f7772697465732b000000"
        "6f72672e6170616368652e63617373616e6472612e64622e6d61727368616c2e426f6f6c65616e54797065bd0000000b"
        "0000007265706c69636174696f6ea60000006f72672e6170616368652e63617373616e6472612e64622e6d6172736861"
        "6c2e46726f7a656e54797065286f72672e6170616368652e63617373616e6472612e64622e6d61727368616c2e4d6170"
        "54797065286f72672e6170616368652e63617373616e6472612e64622e6d61727368616c2e55544638547970652c6f72"
        "672e6170616368652e63617373616e6472612e64622e6d61727368616c2e555446385479706529290000000014010000"
        "140000000000000000000080000000000000000008000000000000000000000001000000ec0000000800000000000000"
        "08000000030000001400000000000000000000800000000000000000b000000002000000290000000000000021000000"
        "000000001900000000000000110000005192269fd960060001000000017f0000000100000077000000000000006f0000"
        "0000000000670000005192269fd9600600570000000000000200000005636c6173730000002b6f72672e617061636865"
        "2e63617373616e6472612e6c6f6361746f722e53696d706c655374726174656779000000127265706c69636174696f6e"
        "5f666163746f7200000001321400000000000000000000800000000000000000",
    )
    (frozen,) = body.mutations
    assert frozen.table_id == SYSTEM_SCHEMA_KEYSPACES
    assert frozen.key.components == (b"demo2",)
    assert isinstance(body.canonical_mutations, tuple)
    (canonical,) = body.canonical_mutations
    assert canonical.partition == frozen.partition
    assert [entry.name for entry in canonical.mapping.columns] == [b"durable_writes", b"replication"]


def test_pull_says_what_it_can_read() -> None:
    # 4.2 base/boot, packet 83; 2025.1 base/boot, packet 90
    old = assert_payload(MigrationRequest, "05000000 01")
    assert old.options == SchemaPullOptions(canonical_mutations=True)
    modern = assert_payload(MigrationRequest, "06000000 01 01")
    assert modern.options == SchemaPullOptions(canonical_mutations=True, group0_snapshot_transfer=True)
    assert assert_payload(MigrationRequest, "").options is ABSENT


def test_pull_between_strangers_gives_nothing() -> None:
    # 4.2 base/boot, packet 927
    body = assert_payload(MigrationReply, "00000000 00000000")
    assert (body.mutations, body.canonical_mutations) == ((), ())


def test_pull_gives_canonical_mutations() -> None:
    body = assert_payload(MigrationReply, f"00000000 {vector(CANONICAL, CANONICAL)}")
    assert isinstance(body.canonical_mutations, tuple)
    assert len(body.canonical_mutations) == 2
    both = assert_payload(MigrationReply, f"{vector(blob(MUTATION))} {vector(CANONICAL)}")
    assert len(both.mutations) == 1


def test_version_of_a_table_is_asked_of_a_shard() -> None:
    # 4.2 errors/alter_under_load, packet 879
    body = assert_payload(GetSchemaVersionRequest, "00000000 6d34427fc658a2ac 991414c87f82949e")
    assert body.version == uuid.UUID("aca258c6-7f42-346d-9e94-827fc8141499")


def test_definition_of_a_table_is_a_handful_of_mutations() -> None:
    whole = framed(CANONICAL, CANONICAL, "00", f"01 {CANONICAL}", "00", f"01 {CANONICAL}", "00", "00")
    body = assert_payload(GetSchemaVersionReply, blob(framed(SCHEMA_VERSION, whole)))
    assert body.schema.version == uuid.UUID("11112222-3333-4444-5555-666677778888")
    mutations = body.schema.mutations
    assert (mutations.is_view, mutations.dropped_columns, mutations.computed_columns) == (False, None, None)
    assert mutations.indexes == mutations.scylla_tables == mutations.tables
    oldest = assert_payload(GetSchemaVersionReply, blob(framed(SCHEMA_VERSION, framed(CANONICAL, CANONICAL))))
    assert oldest.schema.mutations.is_view is ABSENT


def test_schema_is_compared_by_one_id() -> None:
    # 4.2 faults/repair, packet 323
    body = assert_payload(SchemaCheckReply, "9c3a5c6c85d31e50 240820ae958dc190")
    assert body.version == uuid.UUID("501ed385-6c5c-3a9c-90c1-8d95ae200824")


def test_column_mappings_come_as_a_mutation_or_not_at_all() -> None:
    request = assert_payload(FetchColumnMappingsRequest, f"{TABLE_ID} {vector(SCHEMA_VERSION)}")
    assert request.known_versions == (uuid.UUID("11112222-3333-4444-5555-666677778888"),)
    assert assert_payload(FetchColumnMappingsReply, "00").mutation is None
    found = assert_payload(FetchColumnMappingsReply, f"01 {blob(MUTATION)}")
    assert found.mutation is not None
