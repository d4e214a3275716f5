from harness.expect.capture import Capture
from harness.expect.expectation import before, exactly, exchange, in_order, never
from harness.expect.plan import captures_of, captures_of_rule
from harness.expect.planner import plan_of
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, PAXOS_ACCEPT

BALLOT, SHARD = Capture("ballot"), Capture("shard")


def test_steps_and_counts_know_their_captures() -> None:
    accept = request(PAXOS_ACCEPT, proposal__ballot=BALLOT, sender=SHARD)
    plan = plan_of(in_order(accept, exactly(2, exchange(accept, reply()))))
    assert [captures_of(variable) for variable in plan.variables] == [("shard", "ballot")] * 2


def test_rules_know_their_captures() -> None:
    done = one_way(MUTATION_DONE, shard=SHARD)
    plan = plan_of(in_order(never(done), before(one_way(MUTATION, response_id=BALLOT), done)))
    assert [captures_of_rule(rule) for rule in plan.rules] == [("shard",), ("ballot", "shard")]
