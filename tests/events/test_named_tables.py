from uuid import UUID

from harness.codec.verbs.common import TokenRange
from harness.codec.verbs.streaming import StreamFiles, TabletStreamFilesRequest
from harness.codec.verbs.writes import SnapshotWithTabletsRequest, TruncateRequest
from harness.events.message import Kind
from harness.events.named_tables import table_name, tables_in
from harness.schema import Schema
from tests.events.messages import MUTATION_DONE, TABLE, TABLE_ID, message

SCHEMA = Schema((TABLE,))


def test_tables_are_found_by_id_and_by_name_wherever_they_stand() -> None:
    assert tables_in(message().body, SCHEMA) == ("ks.t",)
    assert tables_in(TruncateRequest(keyspace="a", table="b"), SCHEMA) == ("a.b",)
    files = StreamFiles(
        operation_id=UUID(int=1),
        keyspace="ks",
        table="t",
        table_id=TABLE_ID,
        range=TokenRange(start=None, end=None, singular=False),
        targets=(),
        session=UUID(int=2),
    )
    assert tables_in(TabletStreamFilesRequest(request=files), SCHEMA) == ("ks.t",)


def test_several_ids_are_several_tables() -> None:
    body = SnapshotWithTabletsRequest(
        table_ids=(TABLE_ID, UUID(int=9)),
        tag="x",
        created_at=0,
        skip_flush=False,
        expiry=None,
        session=UUID(int=2),
    )
    assert tables_in(body, SCHEMA) == ("ks.t", str(UUID(int=9)))
    assert table_name(UUID(int=9), SCHEMA) == str(UUID(int=9))


def test_payloads_without_tables_name_none() -> None:
    assert tables_in(message(Kind.ONE_WAY, 2, MUTATION_DONE).body, SCHEMA) == ()
    assert tables_in(None, SCHEMA) == ()
