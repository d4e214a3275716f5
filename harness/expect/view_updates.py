"""The claim that a view follows its base table: the updates of each write, between the right nodes, as they must be.

For every write that a base replica applied, the view replica paired with it gets the updates that the view's
definition asks for, from that base replica, with the right keys and values, once, and acknowledges them. Nothing else
is sent. An update whose pair is one node is not on the wire: it is listed as local.

What a write changes depends on what the row held before. Where the capture does not show that, the updates
themselves say it: if one base replica deletes a row of the view that was there before, all of them have to. Nothing
else is taken to have been there. Where no update says anything, though the write's outcome hangs on it, the claim is
INCONCLUSIVE.

Source:
    ScyllaDB docs, "Materialized Views", "Secondary Indexes"; Scylla, db/view/view.cc; captures view_life_rf2,
    view_life_rf3, index_rf2, index_rf3 of both lines, and of 2025.1 with tablets.
"""

from dataclasses import dataclass

from harness.errors import ExpectationError
from harness.events.trace import Trace
from harness.expect.finding import Fault, Finding, verdict_of
from harness.expect.inspection import Inspection
from harness.expect.pattern import TableLike
from harness.expect.ready_claim import name_of
from harness.expect.scope import WHOLE_TRACE, Scope
from harness.expect.verdict import Outcome, Verdict, all_of
from harness.expect.view_definition import ViewDefinition
from harness.expect.view_examination import ViewExamination
from harness.expect.view_report import ViewReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewUpdates:
    """The claim; made by ``view_updates``."""

    base: str
    view: str
    is_synchronous: bool | None = None
    """None: as the view is defined."""

    def __str__(self) -> str:
        when = {
            None: "",
            False: ", in the background",
            True: ", before a base replica acknowledges its write",
        }[self.is_synchronous]
        return f"view updates of {self.base} reach {self.view}{when}"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against a trace; within a scope, for the base writes in it.

        Raises:
            ExpectationError: the trace knows no such table or view.
        """
        return self.examine(trace, scope).verdict

    def examine(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> ViewReport:
        """The same, with every pair and every finding.

        Raises:
            ExpectationError: the trace knows no such table or view.
        """
        definition = ViewDefinition.of(trace.schema, self.base, self.view)
        wanted = self.is_synchronous
        is_synchronous = definition.view.is_synchronous if wanted is None else wanted
        examination = ViewExamination(
            definition, trace, scope, claim=str(self), is_synchronous=is_synchronous
        )
        return examination.report()


def view_updates(base: TableLike, view: TableLike, *, synchronous: bool | None = None) -> ViewUpdates:
    """Claim that a materialized view, or the view behind a secondary index, gets its updates.

    Args:
        base: the base table, ``keyspace.table``.
        view: the view, or the index; as text, its keyspace may be left out.
        synchronous: a base replica acknowledges a write only when its view replica has acknowledged the update
            (``synchronous_updates`` of the view); False: updates run in the background; None: as the view is
            defined.

    Raises:
        ExpectationError: the base table lacks its keyspace.
    """
    view_name = view if isinstance(view, str) else name_of(view)
    return ViewUpdates(base=name_of(base) or "", view=view_name or "", is_synchronous=synchronous)


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryViewUpdated:
    """The claim on several views; made by ``every_view_updated``."""

    base: str | None = None
    is_synchronous: bool | None = None

    def __str__(self) -> str:
        return f"view updates of {self.base or 'every table'} reach every view and index"

    def check(self, trace: Trace, scope: Scope = WHOLE_TRACE) -> Verdict:
        """Hold it against a trace; each view with writes to its base table is a part of the verdict.

        Raises:
            ExpectationError: the trace knows no such table, or no view of it.
        """
        found = [
            (f"{table.keyspace}.{table.base}", table.full_name)
            for table in trace.schema.tables
            if table.base is not None and self.base in {None, f"{table.keyspace}.{table.base}"}
        ]
        if not found:
            raise ExpectationError(f"the trace knows no view of {self.base or 'any table'}")
        written = {
            group.table.full_name
            for group in Inspection(trace, scope).write_groups
            if group.table is not None and scope.holds(group.first)
        }
        due = [pair for pair in found if pair[0] in written or self.base is not None]
        if not due:
            text = "no write to a table with a view is to be seen"
            finding = Finding(outcome=Outcome.INCONCLUSIVE, fault=Fault.UNKNOWN, text=text)
            return verdict_of(str(self), [finding], scope=scope.name)
        claims = [view_updates(base, view, synchronous=self.is_synchronous) for base, view in due]
        return all_of([claim.check(trace, scope) for claim in claims], claim=str(self))


def every_view_updated(base: TableLike | None = None, *, synchronous: bool | None = None) -> EveryViewUpdated:
    """Claim that all materialized views and secondary indexes get their updates.

    Args:
        base: of which table; None: of every one.
        synchronous: see ``view_updates``.

    Raises:
        ExpectationError: the table lacks its keyspace.
    """
    return EveryViewUpdated(base=name_of(base), is_synchronous=synchronous)
