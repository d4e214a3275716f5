"""The flows of a whole trace: each statement of a client in normal form."""

from collections.abc import Iterable
from typing import NamedTuple

from harness.events.statement_scope import StatementScopes
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.golden.normal_form import Flow
from harness.golden.normalise import flow_of


class StatementFlow(NamedTuple):
    """A statement with its normal form."""

    statement: ClientStatement
    flow: Flow


def statement_flows(trace: Trace, requests: Iterable[int] | None = None) -> tuple[StatementFlow, ...]:
    """The statements of a trace, but for what drivers ask of the system's tables on their own.

    Args:
        trace: all messages.
        requests: numbers of the messages that asked for the wanted ones, in the order in which they are to be given;
            None: all statements in their order.
    """
    scopes = StatementScopes(trace)
    by_request = {
        statement.request: statement for statement in scopes.statements if not statement.is_of_system
    }
    wanted = by_request if requests is None else dict.fromkeys(requests)
    return tuple(
        StatementFlow(by_request[number], flow_of(scopes.of(by_request[number]), trace))
        for number in wanted
        if number in by_request
    )
