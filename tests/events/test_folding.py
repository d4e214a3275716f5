import pytest

from harness.codec.cql.messages import Message as CqlMessage
from harness.codec.cql.messages import Ready
from harness.codec.cql.requests import Options, Startup
from harness.codec.cql.results import Void
from harness.codec.verbs.line import Line
from harness.codec.verbs.raft import (
    AppendAccepted,
    AppendEntries,
    AppendEntriesReplyRequest,
    AppendEntriesRequest,
    AppendResult,
    LogEntry,
)
from harness.codec.verbs.wire import EmptyFrame, encode_struct
from harness.events.folding import Fold, Noise, NoiseFilter
from harness.events.message import Kind, Message
from tests.events.messages import NODES, connection, cql, message, query

LEADER, FOLLOWER = NODES[0].host_id, NODES[1].host_id


def append(*entries: LogEntry) -> Message:
    assert LEADER is not None
    assert FOLLOWER is not None
    body = AppendEntriesRequest(
        group_id=LEADER,
        from_id=LEADER,
        to_id=FOLLOWER,
        append=AppendEntries(
            current_term=1, previous_index=1, previous_term=1, leader_commit=1, entries=entries
        ),
    )
    return message(Kind.ONE_WAY, 47, encode_struct(body), on=connection(line=Line.V2025_1))


def appended() -> Message:
    assert LEADER is not None
    assert FOLLOWER is not None
    result = AppendResult(current_term=1, commit_index=1, result=AppendAccepted(last_new_index=1))
    body = AppendEntriesReplyRequest(group_id=LEADER, from_id=FOLLOWER, to_id=LEADER, reply=result)
    on = connection(1, client="n2", server="n1", line=Line.V2025_1)
    return message(Kind.ONE_WAY, 48, encode_struct(body), on=on)


@pytest.mark.parametrize(
    ("one", "noise"),
    [
        (message(Kind.ONE_WAY, 6, b""), (Noise.GOSSIP, "SYN")),
        (message(Kind.ONE_WAY, 8, b""), (Noise.GOSSIP, "ACK2")),
        (message(Kind.REPLY, 9, b"", from_client=False), (Noise.GOSSIP, "ECHO")),
        (message(Kind.REQUEST, 63, b""), (Noise.PING, "")),
        (message(Kind.ONE_WAY, 52, b""), (Noise.RAFT, "")),
        (message(Kind.ONE_WAY, 0, b""), (Noise.CONNECTION, "")),
        (message(Kind.NEGOTIATION, None, b""), (Noise.CONNECTION, "")),
        (cql(Kind.REQUEST, CqlMessage(content=Options())), (Noise.DRIVER, "")),
        (query("SELECT * FROM system.local WHERE key='local'"), (Noise.DRIVER, "")),
        (query("SELECT * FROM system_schema.tables"), (Noise.DRIVER, "")),
        (query("SELECT * FROM system_auth.roles"), None),
        (query("SELECT * FROM ks.t"), None),
        (message(), None),
        (message(Kind.ONE_WAY, 10, b""), None),
        (message(Kind.EXCEPTION, 9, b"", from_client=False), None),
        (message(Kind.UNDECODED, None, b"x"), None),
        (message(Kind.REPLY, None, b"x", from_client=False), None),
    ],
)
def test_what_is_noise(one: Message, noise: tuple[Noise, str] | None) -> None:
    assert NoiseFilter().noise(one) == noise


def test_raft_messages_are_noise_as_long_as_they_carry_no_entries() -> None:
    noise = NoiseFilter()
    entry = LogEntry(term=1, index=2, data=EmptyFrame())
    assert noise.noise(append()) is not None
    assert noise.noise(appended()) is not None
    assert noise.noise(append(entry)) is None
    assert noise.noise(appended()) is None
    assert noise.noise(append()) is not None


def test_answers_to_the_driver_are_noise_too() -> None:
    noise = NoiseFilter()
    assert noise.noise(cql(Kind.REQUEST, CqlMessage(content=Startup(options=())), number=3)) is not None
    ready = cql(Kind.REPLY, CqlMessage(content=Ready()), from_client=False, number=4, request=3)
    assert noise.noise(ready) is not None
    void = cql(Kind.REPLY, CqlMessage(content=Void()), from_client=False, number=6, request=5)
    assert noise.noise(void) is None


def test_a_fold_counts_by_name() -> None:
    fold = Fold()
    assert fold.first is None
    for _ in range(4):
        for name in ("SYN", "ACK", "ACK2"):
            fold.add(message(), Noise.GOSSIP, name)
    assert fold.text() == "… 12 gossip messages folded (SYN 4, ACK 4, ACK2 4)"
    fold.add(message(), Noise.PING, "")
    fold.add(message(), Noise.RAFT, "")
    fold.add(message(), Noise.RAFT, "")
    assert fold.text() == "… 12 gossip messages folded (SYN 4, ACK 4, ACK2 4), 1 ping, 2 raft heartbeats"
