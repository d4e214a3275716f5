import pytest

from harness.errors import ExpectationError, FilterError
from harness.expect.capture import Capture
from harness.expect.pattern import nodes_of, table_of, verbs_of
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, PAXOS_ACCEPT, READ_DATA, READ_DIGEST
from tests.expect.traces import MAP, NODES


def test_nodes_are_named_by_text_by_object_and_in_lists() -> None:
    assert nodes_of("n1") == nodes_of(NODES[0]) == ("n1",)
    assert nodes_of([NODES[0], "n2"]) == ("n1", "n2")
    assert nodes_of(None) is None
    with pytest.raises(ExpectationError, match="out of no nodes"):
        nodes_of([])


def test_a_table_is_named_with_its_keyspace() -> None:
    assert table_of(MAP) == table_of("ks.map") == "ks.map"
    with pytest.raises(ExpectationError, match=r"keyspace\.map"):
        table_of("map")


def test_a_verb_that_does_not_exist_is_refused_with_one_that_does() -> None:
    with pytest.raises(ExpectationError, match="did you mean PAXOS_ACCEPT"):
        verbs_of("PAXOS_ACEPT")


def test_a_filter_that_cannot_be_understood_is_refused_at_once() -> None:
    with pytest.raises(FilterError):
        one_way(MUTATION, where="no such field == 1")


def test_patterns_read_as_parts_of_a_sentence() -> None:
    pattern = request(
        PAXOS_ACCEPT, sender="n1", receiver=["n2", "n3"], proposal__ballot=Capture("ballot"), timeout_ms=500
    )
    assert (
        str(pattern) == "PAXOS_ACCEPT from n1 to n2 or n3 with proposal.ballot = ‹ballot›, timeout_ms = 500"
    )
    assert str(request((READ_DATA, READ_DIGEST), table="ks.t", key=(1, "a"))) == (
        "READ_DATA or READ_DIGEST of ks.t key 1, 'a'"
    )
    assert str(reply(PAXOS_ACCEPT, accepted=True, where="sender == n1")) == (
        "reply to PAXOS_ACCEPT with accepted = True where sender == n1"
    )
    assert str(reply(to=request(READ_DATA))) == "reply to READ_DATA answering [READ_DATA]"


def test_a_pattern_knows_its_captures() -> None:
    pattern = one_way(MUTATION, sender=Capture("a"), key=(Capture("b"), 1), shard=Capture("c"))
    assert [capture.name for capture in pattern.captures] == ["a", "b", "c"]
