from uuid import UUID

import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.results import Void
from harness.codec.verbs.common import MISSING_TIMESTAMP, Key, Tombstone
from harness.codec.verbs.mutation import (
    Column,
    DeletableRow,
    LiveCell,
    LiveMarker,
    Mutation,
    MutationPartition,
    Row,
)
from harness.codec.verbs.paxos import PaxosAcceptRequest, PaxosPruneRequest, Proposal
from harness.codec.verbs.wire import encode_struct
from harness.codec.verbs.writes import MutationRequest
from harness.events import causes as module
from harness.events.causes import Cause, Causes
from harness.events.message import Kind, Message
from harness.schema import Column as TableColumn
from harness.schema import Schema, Table
from tests.events.messages import MUTATION_DONE, TABLE, TABLE_ID, connection, cql, message, query

NONE = Tombstone(timestamp=MISSING_TIMESTAMP, deletion_time=0)
VIEW_ID = UUID(int=77)
VIEW = Table(
    keyspace="ks",
    name="t_by_a",
    id=VIEW_ID,
    partition_key=(TableColumn(name="a", type="text"),),
    clustering_key=(TableColumn(name="id", type="int"),),
    base="t",
)
SCHEMA = Schema((TABLE, VIEW))


def mutation(
    key: bytes, *values: bytes, table_id: UUID = TABLE_ID, row_key: tuple[bytes, ...] = ()
) -> Mutation:
    cells = tuple(Column(id=i, cell=LiveCell(timestamp=1, value=value)) for i, value in enumerate(values))
    row = DeletableRow(
        key=Key(components=row_key),
        marker=LiveMarker(created_at=1),
        deleted_at=NONE,
        cells=Row(columns=cells),
        shadowable_deleted_at=NONE,
    )
    return Mutation(
        table_id=table_id,
        schema_version=UUID(int=1),
        key=Key(components=(key,)),
        partition=MutationPartition(
            tombstone=NONE, static_row=Row(columns=()), range_tombstones=(), rows=(row,)
        ),
    )


def write(
    number: int,
    change: Mutation,
    *,
    sender: str = "n1",
    receiver: str = "n2",
    reply_to: str = "10.0.0.1",
    response_id: int = 1,
    at_s: float = 1.5,
) -> Message:
    body = MutationRequest(mutation=change, forward=(), reply_to=reply_to, shard=0, response_id=response_id)
    on = connection(number, client=sender, server=receiver)
    return message(payload=encode_struct(body), number=number, on=on, at_s=at_s)


def begin(causes: Causes, number: int, text: str, *, at_s: float = 1.0) -> Cause:
    return causes.begin(query(text, number=number, at_s=at_s), text)


def end(causes: Causes, request: int, *, at_s: float = 1.6) -> Cause | None:
    answer = cql(Kind.REPLY, CqlMessage(content=Void()), from_client=False, request=request, at_s=at_s)
    return causes.end(answer)


@pytest.fixture
def causes() -> Causes:
    return Causes(lambda: SCHEMA)


def int_key(value: int) -> bytes:
    return value.to_bytes(4, "big")


def test_with_one_statement_under_way_reads_and_writes_are_its_own(causes: Causes) -> None:
    assert causes.cause_of(message(number=1)) is None
    first = begin(causes, 2, "TRUNCATE other")
    assert causes.cause_of(message(number=3)) is first
    assert causes.cause_of(message(Kind.ONE_WAY, 6, b"", number=4)) is None


def test_an_acknowledgement_belongs_where_its_write_does(causes: Causes) -> None:
    first = begin(causes, 1, "INSERT INTO ks.t (id) VALUES (1)")
    causes.cause_of(message(number=2))
    assert end(causes, 1) is first
    begin(causes, 3, "INSERT INTO ks.t (id) VALUES (9)", at_s=1.7)
    done = message(Kind.ONE_WAY, 2, MUTATION_DONE, number=4, acknowledges=2, at_s=1.8)
    assert causes.cause_of(done) is first
    assert first.ended_ns is not None


def test_among_several_the_one_with_table_and_key_is_the_cause(causes: Causes) -> None:
    one = begin(causes, 1, "INSERT INTO ks.t (id, a) VALUES (1, 'x')")
    two = begin(causes, 2, "INSERT INTO t (id, a) VALUES (12, 'x')")
    assert (one.is_crowded, two.is_crowded) == (True, True)
    assert causes.cause_of(write(3, mutation(int_key(1), b"x"), response_id=1)) is one
    assert causes.cause_of(write(4, mutation(int_key(12), b"x"), response_id=2)) is two
    assert causes.cause_of(write(5, mutation(int_key(2), b"x"), response_id=3)) is None
    other = write(6, mutation(int_key(1), b"x"), sender="n3", reply_to="10.0.0.3", response_id=4)
    assert causes.cause_of(other) is None


def test_values_decide_where_keys_do_not(causes: Causes) -> None:
    one = begin(causes, 1, "UPDATE ks.t SET a = 'x' WHERE id = 1 IF b = 'c'")
    begin(causes, 2, "UPDATE ks.t SET a = 'y' WHERE id = 1 IF b = 'c'")
    ballot = UUID("d3c1c0a4-e652-11f1-1015-d98a8a1f2b3c")
    accept = PaxosAcceptRequest(proposal=Proposal(ballot=ballot, update=mutation(int_key(1), b"x")))
    prune = PaxosPruneRequest(schema_version=UUID(int=1), key=Key(components=(int_key(1),)), ballot=ballot)
    assert causes.cause_of(message(Kind.ONE_WAY, 43, encode_struct(prune), number=3)) is None
    assert causes.cause_of(message(Kind.REQUEST, 40, encode_struct(accept), number=4)) is one
    assert causes.cause_of(message(Kind.ONE_WAY, 43, encode_struct(prune), number=5)) is one


def test_a_forwarded_write_belongs_where_the_forwarders_does(causes: Causes) -> None:
    first = begin(causes, 1, "INSERT INTO ks.t (id) VALUES (1)")
    causes.cause_of(write(2, mutation(int_key(1)), receiver="n4", response_id=5))
    end(causes, 1)
    begin(causes, 3, "INSERT INTO ks.t (id) VALUES (1)", at_s=1.7)
    forwarded = write(4, mutation(int_key(1)), sender="n4", receiver="n3", response_id=5, at_s=1.75)
    assert causes.cause_of(forwarded) is first


def test_a_view_write_belongs_to_the_statement_on_the_base_table(causes: Causes) -> None:
    begin(causes, 1, "INSERT INTO ks.t (id, a) VALUES (8, 'v')")
    two = begin(causes, 2, "INSERT INTO ks.t (id, a) VALUES (9, 'w')")
    change = mutation(b"w", table_id=VIEW_ID, row_key=(int_key(9),))
    view_write = write(3, change, sender="n2", receiver="n4", reply_to="10.0.0.2")
    assert causes.cause_of(view_write) is two


def test_statements_are_looked_for_a_second_after_their_result(causes: Causes) -> None:
    first = begin(causes, 1, "INSERT INTO ks.t (id) VALUES (1)")
    end(causes, 1, at_s=2.0)
    assert causes.cause_of(write(2, mutation(int_key(1)), response_id=1, at_s=2.9)) is first
    assert causes.cause_of(write(3, mutation(int_key(1)), response_id=2, at_s=3.1)) is None


def test_what_is_remembered_is_bounded(causes: Causes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_MAX", 2)
    monkeypatch.setattr(module, "OPEN_MAX", 2)
    begin(causes, 1, "INSERT INTO ks.t (id) VALUES (1)")
    for number in (2, 3, 4):
        causes.cause_of(write(number, mutation(int_key(1)), response_id=number))
    late = message(Kind.ONE_WAY, 2, MUTATION_DONE, number=5, acknowledges=2)
    assert causes.cause_of(late) is None
    for number in (6, 7, 8):
        begin(causes, number, "Q")
    assert causes.under_way == 2
    assert end(causes, 1) is None


def test_an_answer_to_nothing_ends_nothing(causes: Causes) -> None:
    assert causes.end(cql(Kind.REPLY, CqlMessage(content=Void()), from_client=False)) is None
