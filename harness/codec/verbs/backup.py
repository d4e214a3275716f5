"""Backups: the files of a snapshot go to object storage.

Source:
    Scylla, idl/snapshot_backup.idl.hh; master (August 2026).
"""

from harness.codec.verbs.common import Token
from harness.codec.verbs.line import Line
from harness.codec.verbs.registry import Mode, Payload, verb
from harness.codec.verbs.wire import Flag, Text, Uuid, Void, arguments


@arguments
class BackupRequest:
    """BACKUP_SNAPSHOT_SSTABLES."""

    table_id: Uuid
    tag: Text
    """Name of the snapshot."""
    endpoint: Text
    """Name of the object storage in the nodes' configuration."""
    bucket: Text
    prefix: Text
    """Begins the names of the objects."""
    first_token: Token
    last_token: Token
    """Both: what the sstables cover."""
    sstable_ids: tuple[Uuid, ...]
    use_move: Flag
    """Whether the files leave the node's disk."""


VERBS = (
    verb(
        93,
        "BACKUP_SNAPSHOT_SSTABLES",
        Mode.TWO_WAY,
        Payload(since=Line.HEAD, request=BackupRequest, reply=Void),
        since=Line.HEAD,
        purpose="a node is to copy files of a snapshot to object storage",
    ),
)
