from harness.expect.capture import Capture
from harness.expect.cql_patterns import event, query
from harness.expect.filled import answering, filled
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, READ_DATA


def test_what_is_sent_to_a_node_gets_it_as_receiver_and_what_it_says_as_sender() -> None:
    assert filled(one_way(MUTATION), ("n2",)).receiver == ("n2",)
    assert filled(query(), ("n2",)).receiver == ("n2",)
    assert filled(one_way(MUTATION_DONE), ("n2",)).sender == ("n2",)
    assert filled(event(), ("n2",)).sender == ("n2",)
    assert filled(reply(READ_DATA), ("n2",)).sender == ("n2",)
    assert filled(one_way(MUTATION), ("n2",), has_sides=False) == one_way(MUTATION)


def test_captures_of_one_node_get_names_of_their_own_wherever_they_stand() -> None:
    own = Capture("x", per_node=True)
    pattern = one_way(
        MUTATION, sender=own, key=(own, 1), timeout_ms=own, shard=own, response_id=Capture("all")
    )
    names = [capture.name for capture in filled(pattern, ("n2", "n1")).captures]
    assert names == ["x of n2", "x of n2", "x of n2", "x of n2", "all"]


def test_an_acknowledgement_goes_where_the_write_says_not_always_back() -> None:
    write = one_way(MUTATION, sender="n1", receiver="n2")
    assert answering(one_way(MUTATION_DONE), write).sender == ("n2",)
    assert answering(one_way(MUTATION_DONE), write).receiver is None
    back = answering(reply(), request(READ_DATA, sender=Capture("who"), receiver="n2"))
    assert (back.sender, back.receiver) == (("n2",), Capture("who"))
