import pytest

from harness.errors import ExpectationError
from harness.expect.cql_patterns import event, query
from harness.expect.rpc_patterns import exception, one_way, reply, request
from harness.expect.verbs import MUTATION, PAXOS_ACCEPT, READ_DATA, TRUNCATE


def test_a_field_that_no_payload_of_the_verb_has_is_refused_with_what_there_is() -> None:
    with pytest.raises(ExpectationError, match="did you mean proposal"):
        request(PAXOS_ACCEPT, propsal=1)
    with pytest.raises(ExpectationError, match=r"proposal of PAXOS_ACCEPT has no field 'balot'"):
        request(PAXOS_ACCEPT, proposal__balot=1)
    with pytest.raises(ExpectationError, match="it has none"):
        reply(TRUNCATE, anything=1)
    with pytest.raises(ExpectationError, match="did you mean parameters"):
        query(paramters__page_size_rows=1)


def test_fields_of_newer_lines_properties_and_fields_in_lists_exist() -> None:
    found = [
        one_way(MUTATION, reply_to_host_id=1, mutation__partition__rows__marker=1),
        request(READ_DATA, command__row_limit=1, command__partition_slice__partition_row_limit=1),
        query(parameters__page_size_rows=100),
        event(event_type="STATUS_CHANGE"),
    ]
    assert [len(pattern.fields) for pattern in found] == [2, 2, 1, 1]


def test_a_reply_of_a_verb_to_come_may_have_any_field_that_there_is() -> None:
    reply(accepted=True)
    with pytest.raises(ExpectationError, match="did you mean accepted"):
        reply(acepted=True)
    assert exception(TRUNCATE).fields == ()
