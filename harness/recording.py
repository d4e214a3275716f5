"""Recordings: what a part of a scenario put on the wire, and the claims about it.

``wire.statement()`` is what the statements executed inside it caused, and nothing else; how that was found (by trace
id, keys, response ids, times) is the ``basis``. ``wire.recording()`` is everything on the wire meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from typing import Protocol as Seam

from harness.errors import BackendError, ExpectationError
from harness.events.message import Kind, Message, Protocol
from harness.events.statement_scope import RECENT_NS, StatementScope, statement_scopes
from harness.events.statements import ClientStatement
from harness.events.trace import Trace
from harness.expect.checker import check
from harness.expect.expectation import Expectation
from harness.expect.matcher import Matcher
from harness.expect.message_index import MessageIndex
from harness.expect.pattern import ACKNOWLEDGEMENTS, Pattern
from harness.expect.ready_claim import ReadyClaim
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Verdict, all_of

UNTIL_TIMEOUT_S = 60.0


Claim = Expectation | ReadyClaim


class Span(NamedTuple):
    """A part of a run."""

    requests: tuple[int, ...]
    """Numbers of the messages by which statements were asked for in it, in order."""
    begin_ns: int | None
    """None: it reaches back to the beginning."""
    end_ns: int | None
    """None: it reaches to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Era:
    """A part of a run in which the same nodes were members."""

    trace: Trace
    """All messages, with the ring of that time."""
    scope: Scope
    """Those of that time."""


class Recorder(Seam):
    """Where the messages of a run come from."""

    def mark(self) -> int:
        """Give a point in the run."""

    def span(self, begin: int, end: int) -> Span:
        """What lies between two marks."""

    def trace(self) -> Trace:
        """All messages so far; returns when work is quiet."""

    def eras(self) -> tuple[Era, ...]:
        """The run, divided where nodes joined or left."""

    def settle(self) -> None:
        """Let the run go on until nothing is under way.

        Raises:
            BackendError: work is not quiet in time.
        """

    def wait_until(self, claim: Claim, scope: Callable[[], Scope], timeout_s: float) -> None:
        """Let the run go on until a claim holds.

        Raises:
            BackendError: it does not hold in time.
        """

    def wait_for_late(self, holds: Callable[[], bool]) -> None:
        """Let the run go on for a moment, as what is missing may only be late.

        Args:
            holds: whether it is there now; asked when something has come, and at the end.

        Raises:
            CaptureError: the capture cannot go on.
            BackendError: work is not quiet in time.
        """

    def end(self) -> None:
        """Record no more: the capture is whole then, and how much of it was lost is known.

        Raises:
            CaptureError: it could not be recorded to its end.
        """

    def close(self) -> None:
        """Give back what recording takes, ended or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim of a scenario with its verdict."""

    name: str
    """Of the recording, or of the check that every run has to pass."""
    verdict: Verdict
    claims: tuple[Claim, ...]
    """What was claimed, each for itself."""
    scope: Scope
    """What of the trace it was claimed of."""


class Recording:
    """A part of a run; made by ``Wire``."""

    def __init__(
        self,
        recorder: Recorder,
        name: str,
        *,
        is_statement: bool,
        judge: Callable[[Judged], None],
    ) -> None:
        self.name = name
        self.is_checked = False
        self._scope: Scope | None = None
        self._recorder = recorder
        self._is_statement = is_statement
        self._judge = judge
        self._begin = recorder.mark()
        self._end: int | None = None

    def end(self) -> None:
        """Record no more."""
        self._end = self._recorder.mark()
        self._scope = None

    @property
    def trace(self) -> Trace:
        """All messages of the run."""
        return self._recorder.trace()

    @cached_property
    def statements(self) -> tuple[ClientStatement, ...]:
        """The statements that were executed inside it, in the order in which the scenario asked.

        Raises:
            ExpectationError: it is not over yet.
        """
        by_request = {statement.request: statement for statement in statement_scopes(self.trace).statements}
        return tuple(by_request[number] for number in self._span.requests if number in by_request)

    @property
    def coordinator(self) -> str:
        """Name of the node that the statements were sent to.

        Raises:
            ExpectationError: there are none, or they were sent to several.
        """
        names = sorted({statement.coordinator for statement in self.statements})
        if len(names) != 1:
            raise ExpectationError(f"{self.name} has no one coordinator but {', '.join(names) or 'none'}")
        return names[0]

    @property
    def basis(self) -> str:
        """How it was found what belongs to it."""
        return self.scope.name

    @property
    def messages(self) -> Trace:
        """The messages that belong to it."""
        return self.trace.where(self.scope.holds)

    @property
    def scope(self) -> Scope:
        """What of the trace belongs to it.

        Raises:
            ExpectationError: it is not over yet; or no statement was executed inside a ``statement()``.
        """
        if self._scope is None:
            self._scope = self._found_scope()
        return self._scope

    @property
    def scope_so_far(self) -> Scope:
        """What of the trace belongs to it while it goes on: everything from its beginning."""
        begin_ns = self._recorder.span(self._begin, self._begin).begin_ns
        return Scope(name="everything since then", begin_ns=begin_ns)

    def _found_scope(self) -> Scope:
        if not self._is_statement:
            span = self._span
            return Scope(name="everything meanwhile", begin_ns=span.begin_ns, end_ns=span.end_ns)
        if not self.statements:
            raise ExpectationError(f"{self.name}: no statement was executed inside it")
        scopes = statement_scopes(self.trace)
        return _scope_of([scopes.of(statement) for statement in self.statements])

    def find(self, pattern: Pattern) -> tuple[Message, ...]:
        """The messages in it that a pattern means: to claim what follows from what a node was free to choose.

        Raises:
            ExpectationError: the pattern makes no sense.
        """
        index = MessageIndex(self.trace, self.scope)
        matcher = Matcher(pattern, index)
        messages = [index.messages[position] for position in matcher.candidates()]
        return tuple(message for message in messages if matcher.matches(message))

    def count(self, pattern: Pattern) -> int:
        """How many messages in it a pattern means.

        Raises:
            ExpectationError: the pattern makes no sense.
        """
        return len(self.find(pattern))

    def expect(self, *claims: Claim) -> Verdict:
        """Hold claims against what was recorded; each is for itself.

        One that does not hold is held against what comes within the next moments, too, before it is judged: nodes
        under load send updates of views when all else has long been quiet.

        Raises:
            ExpectationError: nothing is claimed, or something that makes no sense.
        """
        __tracebackhide__ = True
        if not claims:
            raise ExpectationError(f"{self.name}: expect() without a claim")
        self.is_checked = True
        verdict = self._verdict(claims)
        if not verdict:

            def holds() -> bool:
                nonlocal verdict
                self._scope = None
                verdict = self._verdict(claims)
                return bool(verdict)

            self._recorder.wait_for_late(holds)
        self._judge(Judged(name=self.name, verdict=verdict, claims=claims, scope=self.scope))
        return verdict

    def _verdict(self, claims: tuple[Claim, ...]) -> Verdict:
        trace, scope = self.trace, self.scope
        verdicts = [verdict_on(claim, trace, scope) for claim in claims]
        if len(verdicts) == 1:
            return verdicts[0]
        return all_of(verdicts, claim=f"all of {len(verdicts)} claims")

    @property
    def _span(self) -> Span:
        if self._end is None:
            raise ExpectationError(f"{self.name} is not over yet: expect outside of its with block")
        return self._recorder.span(self._begin, self._end)


class Wire:
    """Makes recordings of a run.

    Args:
        recorder: where messages come from.
        judge: is told each verdict, and may raise for one that is not PASS.
    """

    def __init__(self, recorder: Recorder, judge: Callable[[Judged], None]) -> None:
        self._recorder = recorder
        self._judge = judge
        self._recordings: list[Recording] = []

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Names of the recordings about which nothing was claimed."""
        return tuple(recording.name for recording in self._recordings if not recording.is_checked)

    def settle(self) -> None:
        """Return when nothing is under way any more, so that what comes next meets nothing of what was before.

        A client has its answer before the last replica is done. On replay, nothing is waited for.

        Raises:
            BackendError: work is not quiet in time.
        """
        self._recorder.settle()

    @contextmanager
    def statement(self, name: str = "") -> Iterator[Recording]:
        """Record what the statements inside cause, in the background too.

        Args:
            name: what reports call it.
        """
        recording = self._recording(name, is_statement=True)
        yield recording
        recording.end()

    @contextmanager
    def recording(
        self, name: str = "", *, until: Claim | None = None, timeout_s: float = UNTIL_TIMEOUT_S
    ) -> Iterator[Recording]:
        """Record everything from here to the end of the block.

        On replay it reaches from the last statement before it to the first one after it.

        Args:
            name: what reports call it.
            until: go on until this holds.
            timeout_s: how long at most.

        Raises:
            BackendError: it does not hold in time; on replay, not in this capture.
        """
        recording = self._recording(name, is_statement=False)
        yield recording
        recording.end()
        if until is not None:
            self._recorder.wait_until(until, lambda: recording.scope_so_far, timeout_s)
            recording.end()

    def _recording(self, name: str, *, is_statement: bool) -> Recording:
        recording = Recording(
            self._recorder,
            # No "statement 1": statements have numbers of their own, those of the capture.
            name or f"recording {len(self._recordings) + 1}",
            is_statement=is_statement,
            judge=self._judge,
        )
        self._recordings.append(recording)
        return recording


def _scope_of(scopes: list[StatementScope]) -> Scope:
    """All messages of some statements, and the time in which more of them could be hidden."""
    numbers = frozenset[int]().union(*(scope.numbers for scope in scopes))
    ends = [
        max(scope.messages[-1].time_ns, scope.statement.ended_ns + RECENT_NS)
        for scope in scopes
        if scope.statement.ended_ns is not None
    ]
    bases = "; ".join(dict.fromkeys(scope.basis_text for scope in scopes))
    return Scope(
        name=bases,
        begin_ns=min(scope.statement.started_ns for scope in scopes),
        end_ns=max(ends) if len(ends) == len(scopes) else None,
        where=lambda message: message.number in numbers or _may_belong_anywhere(message),
    )


def _may_belong_anywhere(message: Message) -> bool:
    """Whether nobody knows what a message belongs to: it could not be decoded, or answers what is not there.

    A second answer to the same request looks like that.
    """
    if message.kind in {Kind.REPLY, Kind.EXCEPTION}:
        return message.request is None
    if message.protocol is Protocol.RPC and message.verb_name in ACKNOWLEDGEMENTS:
        return message.acknowledges is None
    return message.kind is Kind.UNDECODED


def verdict_on(claim: Claim, trace: Trace, scope: Scope) -> Verdict:
    """Hold one claim of any kind against a part of a trace.

    Raises:
        ExpectationError: the claim makes no sense.
    """
    return check(trace, claim, scope=scope) if isinstance(claim, Expectation) else claim.check(trace, scope)


class ReplayRecorder:
    """Messages of a capture; time goes on as statements are replayed.

    Args:
        trace: all messages.
        taken: gives the requests that the scenario's statements were found to be, in order.
    """

    def __init__(self, trace: Trace, taken: Callable[[], tuple[int, ...]]) -> None:
        self._trace = trace
        self._taken = taken

    def mark(self) -> int:
        """Count the statements so far."""
        return len(self._taken())

    def span(self, begin: int, end: int) -> Span:
        """From the answer to the statement before the first to the first request behind the last."""
        taken = self._taken()
        requests = {message.number: message for message in self._trace if message.number in taken}
        begin_ns = end_ns = None
        if begin:
            exchange = self._trace.exchange_of(requests[taken[begin - 1]])
            begin_ns = (exchange.reply or exchange.request).time_ns
        if end < len(taken):
            end_ns = requests[taken[end]].time_ns
        return Span(taken[begin:end], begin_ns, end_ns)

    def trace(self) -> Trace:
        """All messages of the capture."""
        return self._trace

    def settle(self) -> None:
        """Nothing comes any more."""

    def wait_until(self, claim: Claim, scope: Callable[[], Scope], timeout_s: float) -> None:  # noqa: ARG002
        """Nothing comes any more: the capture has to show it already.

        Raises:
            BackendError: it does not.
        """
        verdict = verdict_on(claim, self._trace, scope())
        if not verdict:
            raise BackendError(
                f"the capture ends before what the scenario waits for ({verdict.outcome}):\n{verdict.claim}"
            )

    def wait_for_late(self, holds: Callable[[], bool]) -> None:
        """Nothing comes any more."""

    def eras(self) -> tuple[Era, ...]:
        """One: a capture tells one ring."""
        return (Era(trace=self._trace, scope=WHOLE_TRACE),)

    def end(self) -> None:
        """Nothing to end: the capture is whole."""

    def close(self) -> None:
        """Nothing to give back."""
