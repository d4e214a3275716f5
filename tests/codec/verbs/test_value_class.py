import copy
import dataclasses
import pickle

import pytest

from harness.codec.verbs.paxos import PaxosAcceptReply
from harness.codec.verbs.wire import Monostate, Void
from harness.codec.verbs.writes import MutationDone, TruncateRequest


def test_values_with_equal_fields_are_equal_and_hash_alike() -> None:
    one, same, other = (TruncateRequest(keyspace="ks", table=name) for name in ("t", "t", "u"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert Void() == Void()
    values: list[object] = [Void(), Monostate()]
    assert values[0] != values[1]


def test_a_value_cannot_be_changed() -> None:
    value = TruncateRequest(keyspace="ks", table="t")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.table = "u"  # type: ignore[misc]  # what is tested
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.table
    assert dataclasses.replace(value, table="u") == TruncateRequest(keyspace="ks", table="u")


def test_missing_and_unknown_fields_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="MutationDone lacks backlog"):
        MutationDone(shard=0, response_id=1)  # type: ignore[call-arg]  # what is tested
    with pytest.raises(TypeError, match="PaxosAcceptReply has no colour"):
        PaxosAcceptReply(accepted=True, colour="red")  # type: ignore[call-arg]  # what is tested


def test_copies_and_pickles_are_equal() -> None:
    value = TruncateRequest(keyspace="ks", table="t")
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_value_shows_its_fields() -> None:
    assert repr(TruncateRequest(keyspace="ks", table="t")) == "TruncateRequest(keyspace='ks', table='t')"
