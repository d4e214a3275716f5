from harness.codec.cql.dialect import dialect_of, extensions_in


def test_versions_differ_in_layout() -> None:
    assert not dialect_of(3).has_partition_key_indexes
    assert dialect_of(4).has_partition_key_indexes
    assert not dialect_of(4).has_wide_flags
    assert dialect_of(5).has_wide_flags
    assert dialect_of(5).has_metadata_id
    assert dialect_of(5).has_failure_reasons


def test_extensions_of_startup_bring_parts_of_version_5() -> None:
    extensions = extensions_in(
        (("CQL_VERSION", "3.3.1"), ("SCYLLA_USE_METADATA_ID", ""), ("SCYLLA_FAILURE_REASON_MAP", ""))
    )
    dialect = dialect_of(4, extensions)
    assert dialect.has_metadata_id
    assert dialect.has_failure_reasons
    assert not dialect.has_wide_flags
