import pytest

from harness.errors import ExpectationError
from harness.expect.cql_patterns import query, result
from harness.expect.expectation import (
    acknowledged,
    after,
    any_order,
    at_least,
    at_most,
    before,
    each,
    exactly,
    exchange,
    in_background,
    in_order,
    never,
    only_after_reply,
    optional,
    quorum,
    within,
)
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_LEARN, PAXOS_PRUNE, READ_DATA, TRUNCATE


def test_a_claim_reads_as_one() -> None:
    claim = in_order(
        query("INSERT"),
        each(["n2", "n3"], request(TRUNCATE, sender="n1"), in_background(reply())),
        quorum(1, acknowledged(one_way(MUTATION)), of=["n2", "n3"], rest_in_background=True),
        any_order(optional(one_way(PAXOS_PRUNE)), at_least(2, one_way(MUTATION))),
        within(0.5, request(READ_DATA), reply()),
        exactly(1, one_way(MUTATION)),
        never(one_way(MUTATION)),
        at_most(3, one_way(MUTATION)),
        before(one_way(MUTATION), one_way(MUTATION_DONE)),
        result(applied=True),
        only_after_reply(one_way(PAXOS_PRUNE)),
    )
    assert str(claim) == (
        "in order:\n"
        "  QUERY 'INSERT'\n"
        "  each of n2, n3, in order:\n"
        "    TRUNCATE from n1\n"
        "    in the background: reply\n"
        "  at least 1 of n2, n3, the rest in the background: MUTATION, answered by MUTATION_DONE\n"
        "  in any order:\n"
        "    optional: PAXOS_PRUNE\n"
        "    at least 2: MUTATION\n"
        "  within 0.5 s, in order:\n"
        "    READ_DATA\n"
        "    reply\n"
        "  exactly 1: MUTATION\n"
        "  never: MUTATION\n"
        "  at most 3: MUTATION\n"
        "  before each [MUTATION_DONE]: MUTATION\n"
        "  RESULT with applied = True\n"
        "  only after the reply: PAXOS_PRUNE"
    )


def test_a_claim_is_plain_data() -> None:
    assert in_order(query("x"), result()) == in_order(query("x"), result())
    assert after(result(), query()) == before(query(), result())
    assert hash(each("n1", never(query()))) == hash(each("n1", never(query())))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (in_order, "without steps"),
        (lambda: each([], query()), "out of no nodes"),
        (lambda: each(["n1", "n1"], query()), "names a node twice"),
        (lambda: quorum(3, query(), of=["n1", "n2"]), "a quorum of 3 out of 2 nodes"),
        (lambda: quorum(0, query(), of=["n1", "n2"]), "a quorum of 0"),
        (lambda: within(-1, query()), "nothing can come"),
        (lambda: exactly(-1, query()), "cannot be"),
        (lambda: exchange(request(READ_DATA), reply(TRUNCATE)), "cannot answer"),
        (lambda: exchange(one_way(MUTATION), reply()), "cannot answer"),
        (lambda: acknowledged(one_way(MUTATION_DONE)), "cannot answer"),
        (lambda: acknowledged(request(READ_DATA)), "cannot answer"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object, why: str) -> None:
    assert callable(wrong)
    with pytest.raises(ExpectationError, match=why):
        wrong()


def test_writes_that_are_acknowledged_are_those_that_scylla_acknowledges() -> None:
    assert acknowledged(one_way((MUTATION, PAXOS_LEARN))).answer.verbs == (MUTATION_DONE,)
