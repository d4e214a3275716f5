from harness.expect.capture import Capture
from harness.expect.domain import Domains
from harness.expect.expectation import acknowledged, exchange
from harness.expect.message_index import MessageIndex
from harness.expect.rpc_patterns import one_way, reply, request
from harness.expect.verbs import MUTATION, MUTATION_DONE, TRUNCATE
from tests.expect.traces import TraceBuilder, garbled


def test_messages_are_sorted_into_those_that_match_and_those_that_cannot_be_told() -> None:
    builder = TraceBuilder()
    for shard in (0, 1, 0):
        builder.done(None, sender="n1", receiver="n2", shard=shard)
    domains = Domains(MessageIndex(garbled(builder.trace(), [2])))
    domain = domains.of(one_way(MUTATION_DONE, shard=0))
    assert (domain.positions, domain.unknown) == ([0], [2])
    assert domains.has_unknown
    assert domains.of(one_way(MUTATION_DONE, shard=0)) is domain, "found once"


def test_captured_values_are_indexed() -> None:
    builder = TraceBuilder()
    for shard in (0, 1, 0):
        builder.done(None, sender="n1", receiver="n2", shard=shard)
    domain = Domains(MessageIndex(builder.trace())).of(one_way(MUTATION_DONE, shard=Capture("shard")))
    assert domain.indexes_by_value == {"shard": {0: [0, 2], 1: [1]}}


def test_a_pattern_with_values_that_cannot_be_hashed_is_found_once_too() -> None:
    builder = TraceBuilder()
    builder.mutation("n1", "n2")
    domains = Domains(MessageIndex(builder.trace()))
    pattern = one_way(MUTATION, forward=[])
    assert domains.of(pattern) is domains.of(one_way(MUTATION, forward=[]))
    assert domains.of(pattern).positions == [0]


def test_exchanges_are_counted_by_their_answers() -> None:
    builder = TraceBuilder()
    first = builder.truncate("n1", "n2")
    second = builder.truncate("n1", "n3")
    builder.reply(second)
    builder.truncate("n1", "n4")
    builder.reply(first)
    write = builder.mutation("n1", "n2")
    builder.done(write)
    builder.done(write)
    domains = Domains(MessageIndex(builder.trace()))
    truncates = domains.items(exchange(request(TRUNCATE), reply(TRUNCATE)))
    assert [item.members for item in truncates.known] == [(0, 4), (1, 2)]
    assert [item.members for item in domains.items(acknowledged(one_way(MUTATION))).known] == [(5, 6), (5, 7)]


def test_an_exchange_of_which_a_half_cannot_be_told_is_unknown() -> None:
    builder = TraceBuilder()
    builder.accepted(builder.accept("n1", "n2"))
    domains = Domains(MessageIndex(garbled(builder.trace(), [1])))
    accept = request("PAXOS_ACCEPT")
    items = domains.items(exchange(accept, reply("PAXOS_ACCEPT", accepted=True)))
    assert (items.known, [item.members for item in items.unknown]) == ((), [(0, 1)])
