"""Tablets: what the topology coordinator asks of their replicas, and how big tables are.

Files of tablets travel by the verbs in ``streaming``.

Source:
    Scylla, idl/storage_service.idl.hh, idl/repair.idl.hh, idl/sstables_loader.idl.hh,
    idl/strong_consistency/groups_manager.idl.hh, locator/load_sketch.hh; branches 5.4 to master (August 2026).
"""

from typing import Annotated

from harness.codec.verbs.common import TokenRange
from harness.codec.verbs.line import Line
from harness.codec.verbs.outcome import SessionGuard
from harness.codec.verbs.raft import ServerId
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import (
    ABSENT,
    I64,
    U64,
    Absent,
    Blob,
    EmptyFrame,
    Flag,
    Since,
    Uuid,
    Void,
    arguments,
    final,
    sized,
)


@final
class GlobalTabletId:
    """One tablet."""

    table_id: Uuid
    tablet: U64
    """Its place in the order of the ring, from 0."""


# Steps of tablets.


@arguments
class TabletRequest:
    """What TABLET_STREAM_DATA, TABLET_CLEANUP and RESTORE_TABLET carry."""

    to_id: ServerId
    tablet: GlobalTabletId


@arguments
class TabletRepairRequest:
    """TABLET_REPAIR, sent to the replica that shall lead the repair of the tablet."""

    to_id: ServerId
    tablet: GlobalTabletId
    session: Annotated[SessionGuard | Absent, Since(Line.V2026_3)] = ABSENT


@sized
class TabletRepairResult:
    """What the coordinator keeps of a repair."""

    repair_time: U64
    """Seconds since 1970 of the repair's start: older tombstones of the tablet may go."""


@arguments
class TabletRepairReply:
    """Answer to TABLET_REPAIR, when the tablet is repaired."""

    result: TabletRepairResult


@arguments
class RestoreTabletReply:
    """Answer to RESTORE_TABLET."""

    result: EmptyFrame


@arguments
class WaitForGroupsRequest:
    """WAIT_FOR_RAFT_GROUPS_TO_START."""

    to_id: ServerId
    table_id: Uuid


# Sizes.


@arguments
class LoadStatsRequest:
    """What both forms of TABLE_LOAD_STATS carry."""

    to_id: ServerId


@final
class TableLoad:
    """What the asked node has of a table."""

    size_bytes: U64
    split_ready_sequence: I64
    """The last split of tablets that the node is ready for; INT64_MIN: no split is wanted."""


@arguments
class LoadStatsV1Reply:
    """Answer to verb 72: TABLE_LOAD_STATS of 6.2, TABLE_LOAD_STATS_V1 of later lines."""

    tables: tuple[tuple[Uuid, TableLoad], ...]
    """By table id."""


@final
class TabletSizes:
    """How big the tablets of one node are."""

    effective_capacity_bytes: U64
    tables: tuple[tuple[Uuid, tuple[tuple[TokenRange, U64], ...]], ...]
    """By table id: pairs of a tablet's range and its size in bytes."""


@sized
class LoadStats:
    """Sizes of tables and disks."""

    tables: tuple[tuple[Uuid, TableLoad], ...]
    """By table id; empty where no table has tablets."""
    capacity_bytes: tuple[tuple[Uuid, U64], ...]
    """By host id: size of the disk; on the wire only that of the asked node."""
    critical_disk_utilization: Annotated[tuple[tuple[Uuid, Flag], ...] | Absent, Since(Line.V2026_3)] = ABSENT
    """By host id: whether the disk is too full to take writes."""
    tablet_sizes: Annotated[tuple[tuple[Uuid, TabletSizes], ...] | Absent, Since(Line.V2026_3)] = ABSENT
    """By host id."""


@arguments
class LoadStatsReply:
    """Answer to verb 77, TABLE_LOAD_STATS."""

    stats: LoadStats


@arguments
class TableRequest:
    """What ESTIMATE_SSTABLE_VOLUME carries."""

    table_id: Uuid


@arguments
class VolumeReply:
    """Answer to ESTIMATE_SSTABLE_VOLUME."""

    size_bytes: U64


@arguments
class SampleRequest:
    """SAMPLE_SSTABLES: pieces of data from which a compression dictionary is trained."""

    table_id: Uuid
    chunk_size_bytes: U64
    chunk_count: U64


@arguments
class SampleReply:
    """Answer to SAMPLE_SSTABLES."""

    chunks: tuple[Blob, ...]


VERBS = (
    verb(
        66,
        "TABLET_STREAM_DATA",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=TabletRequest, reply=Void),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="the new replica of a tablet is to fetch its data",
    ),
    verb(
        67,
        "TABLET_CLEANUP",
        Mode.TWO_WAY,
        Payload(since=Line.V5_4, request=TabletRequest, reply=Void),
        since=Line.V5_4,
        evidence=[Line.V2025_1],
        purpose="the old replica of a tablet is to drop its data",
    ),
    verb(
        72,
        "TABLE_LOAD_STATS",
        Mode.TWO_WAY,
        Payload(since=Line.V6_2, request=LoadStatsRequest, reply=LoadStatsV1Reply),
        since=Line.V6_2,
        renamed=[(Line.V2025_1, "TABLE_LOAD_STATS_V1")],
        purpose="the topology coordinator asks how big a node's tables are, without the disk's size",
    ),
    verb(
        75,
        "TABLET_REPAIR",
        Mode.TWO_WAY,
        Payload(since=Line.V2025_1, request=TabletRepairRequest, reply=TabletRepairReply),
        since=Line.V2025_1,
        purpose="the topology coordinator lets a replica repair one tablet",
    ),
    verb(
        77,
        "TABLE_LOAD_STATS",
        Mode.TWO_WAY,
        Payload(since=Line.V2025_1, request=LoadStatsRequest, reply=LoadStatsReply),
        since=Line.V2025_1,
        evidence=[Line.V2025_1],
        purpose="the topology coordinator asks how big a node's tables and disk are",
    ),
    verb(
        78,
        "ESTIMATE_SSTABLE_VOLUME",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=TableRequest, reply=VolumeReply),
        since=Line.V2026_3,
        purpose="asks how much data a node has of a table",
    ),
    verb(
        79,
        "SAMPLE_SSTABLES",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=SampleRequest, reply=SampleReply),
        since=Line.V2026_3,
        purpose="fetches random pieces of a table's data to train a compression dictionary",
    ),
    verb(
        88,
        "RESTORE_TABLET",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=TabletRequest, reply=RestoreTabletReply),
        since=Line.V2026_3,
        purpose="a replica is to load one tablet from a backup",
    ),
    verb(
        89,
        "WAIT_FOR_RAFT_GROUPS_TO_START",
        Mode.TWO_WAY,
        Payload(since=Line.V2026_3, request=WaitForGroupsRequest, reply=Void),
        since=Line.V2026_3,
        purpose="asks a node to answer when the Raft groups of a strongly consistent table run there",
    ),
)
