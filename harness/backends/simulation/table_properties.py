"""The properties of a table that are not in its columns: what WITH says of it.

Source:
    ScyllaDB docs, CQL reference, "Data Definition", "Table options"; Scylla, db/schema_tables.cc (the columns of
    system_schema.tables).
"""

from dataclasses import dataclass

Options = tuple[tuple[str, str], ...]
"""A map of an option, in the order in which it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProperties:
    """Named as in CQL and system_schema.tables; the defaults are those of branch 4.2."""

    bloom_filter_fp_chance: float = 0.01
    caching: Options = (("keys", "ALL"), ("rows_per_partition", "ALL"))
    comment: str = ""
    compaction: Options = (("class", "SizeTieredCompactionStrategy"),)
    compression: Options = (("sstable_compression", "org.apache.cassandra.io.compress.LZ4Compressor"),)
    crc_check_chance: float = 1.0
    dclocal_read_repair_chance: float = 0.0
    default_time_to_live: int = 0
    """Seconds; 0: values written without a TTL stay."""
    gc_grace_seconds: int = 864_000
    """How long deletions are kept."""
    max_index_interval: int = 2048
    memtable_flush_period_in_ms: int = 0
    min_index_interval: int = 128
    read_repair_chance: float = 0.0
    speculative_retry: str = "99.0PERCENTILE"


DEFAULT_PROPERTIES = TableProperties()
