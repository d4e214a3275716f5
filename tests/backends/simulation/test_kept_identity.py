from random import Random
from uuid import UUID

import pytest

from harness.backends.simulation.journal import RecordKind
from harness.backends.simulation.kept_identity import KeptIdentity
from harness.backends.simulation.node_config import NodeConfig
from harness.errors import DecodeError
from harness.topology import Node
from tests.backends.simulation.memory_journal import MemoryJournal

PEER = Node(
    name="n2", address="127.0.0.2", host_id=UUID(int=2), datacenter="dc1", rack="r1", tokens=(-(2**63) + 1, 5)
)


def config(**settings: object) -> NodeConfig:
    told = {"name": "n1", "listen_address": "127.0.0.1", "seeds": (), "data_folder": ""}
    return NodeConfig(**{**told, **settings})  # type: ignore[arg-type]  # (as the test says)


def started(journal: MemoryJournal, now_s: int, seed: int = 1) -> KeptIdentity:
    """The identity in a run that begins."""
    kept = KeptIdentity(config(), journal)
    for kind, data in journal.records():
        assert kind is RecordKind.NODE
        kept.restore(data)
    kept.begin(now_s=now_s, random=Random(seed))
    return kept


def test_a_node_is_the_same_in_all_its_runs() -> None:
    journal = MemoryJournal()
    first = started(journal, 1000, seed=1)
    assert not first.current.is_member
    assert len(set(first.current.tokens)) == 16
    first.set_member(is_member=True)
    first.set_peers([PEER])
    second = started(journal, 2000, seed=2).current
    assert second.host_id == first.current.host_id
    assert second.tokens == first.current.tokens
    assert second.is_member
    assert second.peers == (PEER,)


def test_the_generation_grows_even_when_the_clock_goes_back() -> None:
    journal = MemoryJournal()
    generations = [started(journal, now_s).current.generation for now_s in (1000, 900, 2000)]
    assert generations == [1000, 1001, 2000]


def test_settings_choose_tokens_and_host_id() -> None:
    settings = config(initial_token=(3, 1), host_id=str(UUID(int=5)))
    kept = KeptIdentity(settings, MemoryJournal())
    identity = kept.begin(now_s=1, random=Random(1))
    assert identity.tokens == (3, 1)
    assert identity.host_id == UUID(int=5)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"host_id": "x"}'])
def test_a_record_that_is_none_is_refused(data: bytes) -> None:
    kept = KeptIdentity(config(), MemoryJournal())
    with pytest.raises(DecodeError):
        kept.restore(data)
