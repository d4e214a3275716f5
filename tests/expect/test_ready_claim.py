"""What ready-made claims have in common."""

import pytest

from harness.errors import ExpectationError
from harness.expect.claim_language import CLAIMS, parse_claim
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE
from harness.expect.verdict import Outcome
from tests.expect.traces import MAP, TraceBuilder


@pytest.mark.parametrize("name", sorted(set(CLAIMS) - {"view_updates"}))
def test_claims_on_a_trace_without_their_messages_do_not_fail(name: str) -> None:
    """A claim about statements proves nothing without any; a monitor has nothing to complain of."""
    verdict = parse_claim(name).check(TraceBuilder().trace(), WHOLE_TRACE)
    is_monitor = name in {"monitors", "answered", "consistency", "paxos", "decoded"}
    assert verdict.outcome is (Outcome.PASS if is_monitor else Outcome.INCONCLUSIVE)


def test_tables_are_named_with_their_keyspace() -> None:
    assert name_of("ks.t") == "ks.t"
    assert name_of(MAP) == "ks.map"
    assert name_of(None) is None
    with pytest.raises(ExpectationError, match="lacks its keyspace"):
        name_of("t")
