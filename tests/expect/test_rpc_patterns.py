import pytest

from harness.errors import ExpectationError
from harness.expect.pattern import FieldClaim
from harness.expect.rpc_patterns import exception, negotiation, one_way, reply, request, stream_data
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_PREPARE, READ_DATA, STREAM_BLOB


def test_a_verb_is_claimed_in_its_own_mode() -> None:
    with pytest.raises(ExpectationError, match=r"one_way\(MUTATION\)"):
        request(MUTATION)
    with pytest.raises(ExpectationError, match=r"request\(READ_DATA\)"):
        one_way(READ_DATA)
    with pytest.raises(ExpectationError, match="nothing replies"):
        reply(MUTATION)
    with pytest.raises(ExpectationError, match="opens no stream"):
        stream_data(READ_DATA)


def test_only_acknowledgements_answer_one_way() -> None:
    write = one_way(MUTATION)
    assert one_way(MUTATION_DONE, to=write).to is write
    with pytest.raises(ExpectationError, match="nothing else is an answer"):
        one_way(MUTATION, to=write)


def test_fields_are_paths_and_keywords() -> None:
    pattern = request(PAXOS_PREPARE, body={"command.row_limit": 1}, key__components=b"k", only_digest=True)
    assert pattern.fields == (
        FieldClaim("command.row_limit", 1),
        FieldClaim("key.components", b"k"),
        FieldClaim("only_digest", wanted=True),
    )


def test_an_answer_has_the_verb_of_its_request() -> None:
    assert reply(to=request(READ_DATA)).verbs == exception(to=request(READ_DATA)).verbs == (READ_DATA,)
    assert reply().is_answer
    assert exception().is_answer
    assert one_way(MUTATION_DONE).is_answer
    assert one_way(MUTATION_DONE).is_acknowledgement
    assert not negotiation().is_answer
    assert not stream_data(STREAM_BLOB).is_answer
