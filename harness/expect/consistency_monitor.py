"""Always on: no client hears of success before as many replicas have answered as its consistency level asks for.

A coordinator that is a replica counts itself, though no message shows it.
"""

from dataclasses import dataclass

from harness.events.statement_text import Action
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.expect.counter_claim import examine_counter_level
from harness.expect.inspection import Inspection
from harness.expect.paxos_rounds import ballot_order, paxos_rounds_of
from harness.expect.read_claim import examine_read_level, read_rounds
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict
from harness.expect.write_claim import examine_level, is_about, is_of_counters, requirement


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyReached:
    """The claim; made by ``consistency_reached``."""

    def __str__(self) -> str:
        return "the consistency level is reached before the client's reply"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against the statements of a trace, or of a scope, that succeeded."""
        inspection = Inspection(trace, scope)
        count = 0
        for statement in inspection.statements():
            if statement.error is None and statement.result is not None and is_about(statement, None):
                count += 1
                _examine(inspection, statement)
        inspection.show(0, f"{count} statements succeeded", note="looked at")
        return inspection.verdict(str(self))


def consistency_reached() -> ConsistencyReached:
    """Claim that clients hear of success only when their consistency level is reached."""
    return ConsistencyReached()


def _examine(inspection: Inspection, statement: ClientStatement) -> None:
    if statement.action is Action.SELECT and not statement.is_conditional:
        for one in read_rounds(inspection, statement):
            examine_read_level(inspection, statement, one)
        return
    if not statement.is_change:
        return
    is_counter = is_of_counters(statement, inspection.trace.schema)
    learns = _learns(inspection, statement) if statement.is_conditional else frozenset()
    for group in inspection.groups_of(statement):
        table = group.table
        if table is None or table.full_name not in statement.tables:
            continue
        if group.verb != "MUTATION" and group.first.number not in learns:
            continue
        what = f"{statement.name}: {table.full_name}({inspection.key_text(table, group.key)})"
        replicas = inspection.placement.replicas(table, group.key)
        if not replicas:
            continue
        wanted = requirement(inspection, statement, table, replicas, statement.consistency_level)
        if is_counter:
            examine_counter_level(inspection, statement, what, wanted, group)
        elif group.coordinator == statement.coordinator:
            examine_level(inspection, statement, what, wanted, group)


def _learns(inspection: Inspection, statement: ClientStatement) -> frozenset[int]:
    """Numbers of the messages by which a transaction has its own decision learned.

    One that decides on nothing waits for nobody to learn it; what others decided it may pass on in between.
    """
    scopes = inspection.scopes
    found = scopes.of(statement)
    own = [
        one
        for one in paxos_rounds_of(inspection.trace, found.messages)
        if one.coordinator == statement.coordinator and one.accepts and one.learns and not one.is_empty
        if not found.shared_with or scopes.owns_ballot(statement, one.ballot)
    ]
    if not own:
        return frozenset()
    last = max(own, key=lambda one: ballot_order(one.ballot))
    # Who lags behind gets the same decision once more, from whoever finds out.
    return frozenset({last.learns[0].number})
