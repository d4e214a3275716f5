"""Two runs held against each other, statement by statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.events.trace import Trace
from harness.golden.alignment import aligned
from harness.golden.compare import Difference, flow_differences, pooled_differences
from harness.golden.flows import StatementFlow, statement_flows
from harness.golden.vocabulary import vocabulary_differences, vocabulary_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedStatement:
    """A statement that both runs have."""

    first: StatementFlow
    second: StatementFlow
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two runs have in common, and in what they differ."""

    statements: tuple[ComparedStatement, ...]
    """Without those whose course is chance."""
    contended: tuple[tuple[StatementFlow, StatementFlow], ...]
    """Transactions that others got in between of; their forms are compared, all of them together."""
    contended_differences: tuple[Difference, ...]
    only_first: tuple[StatementFlow, ...]
    only_second: tuple[StatementFlow, ...]
    vocabulary_differences: tuple[Difference, ...]
    """Of all messages, whatever they belong to; empty if not asked for."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All of them."""
        found = [difference for statement in self.statements for difference in statement.differences]
        return (*found, *self.contended_differences, *self.vocabulary_differences)

    @property
    def is_empty(self) -> bool:
        """Whether the runs have nothing in common that could be compared."""
        return not self.statements and not self.contended


def compare_flows(
    first: Sequence[StatementFlow], second: Sequence[StatementFlow], beside: Sequence[Difference] = ()
) -> Comparison:
    """Pair the statements of two runs, and compare each pair.

    Args:
        first: of one run.
        second: of the other.
        beside: differences that were found otherwise.
    """
    pairs = [
        (first[pair.first], second[pair.second])
        for pair in aligned([each.flow for each in first], [each.flow for each in second])
    ]
    # Where some race, the next one finds what they have left.
    is_race = any(flow.is_contended for pair in pairs for _, flow in pair)
    contended = [pair for pair in pairs if is_race and pair[0].statement.is_conditional]
    calm = [pair for pair in pairs if pair not in contended]
    paired = {each.statement.request for each, _ in pairs}, {each.statement.request for _, each in pairs}
    return Comparison(
        statements=tuple(
            ComparedStatement(first=one, second=other, differences=flow_differences(one.flow, other.flow))
            for one, other in calm
        ),
        contended=tuple(contended),
        contended_differences=pooled_differences(
            [one.flow for one, _ in contended], [other.flow for _, other in contended]
        ),
        only_first=tuple(each for each in first if each.statement.request not in paired[0]),
        only_second=tuple(each for each in second if each.statement.request not in paired[1]),
        vocabulary_differences=tuple(beside),
    )


def compare_traces(first: Trace, second: Trace, *, with_vocabulary: bool = False) -> Comparison:
    """Compare two traces.

    Args:
        first: of one run.
        second: of the other.
        with_vocabulary: compare the forms of all messages as well, those beside statements with them.
    """
    beside: tuple[Difference, ...] = ()
    if with_vocabulary:
        beside = vocabulary_differences(vocabulary_of(first), vocabulary_of(second))
    return compare_flows(statement_flows(first), statement_flows(second), beside)
