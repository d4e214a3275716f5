"""CQL texts to statements.

One thing is taken that a real 4.2 refuses as a syntax error: ``USING TIMEOUT``, which came with 4.4. The scylla-driver
and cqlsh of today add it to what they ask about the schema, and could not connect without it.

Source:
    ScyllaDB docs, CQL reference; Scylla, cql3/Cql.g (usingClauseObjective in branches 4.2 and 4.4).
"""

from functools import cache, lru_cache

from lark import Lark, v_args
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError

from harness.backends.simulation.cql import statements as s
from harness.backends.simulation.cql.definition_rules import DefinitionRules
from harness.backends.simulation.cql.modification_rules import ModificationRules
from harness.backends.simulation.cql.relation_rules import RelationRules
from harness.backends.simulation.cql.request_error import RequestError, syntax_error
from harness.backends.simulation.cql.select_rules import SelectRules
from harness.backends.simulation.cql.term_rules import TermRules
from harness.grammar import parser_of

TEXT_CHARACTERS_MAX = 1 << 20


@lru_cache(maxsize=4096)
def parse(text: str) -> s.Statement:
    """Read one statement.

    Raises:
        RequestError: SYNTAX_ERROR: it is no CQL that is understood here, and where; INVALID: it is CQL that is
            not simulated.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        raise syntax_error(f"statement of {len(text)} characters")
    try:
        tree = _parser().parse(text)
        statement = _Builder().transform(tree)
    except UnexpectedInput as error:
        raise _no_alternative(text, error) from None
    except VisitError as error:
        if isinstance(error.orig_exc, RequestError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise syntax_error("statement nested too deeply") from None
    assert isinstance(statement, s.Statement)
    return statement


def _no_alternative(text: str, error: UnexpectedInput) -> RequestError:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return syntax_error(
            f"line {text.count(chr(10)) + 1}:{len(text)} no viable alternative at input '<EOF>'"
        )
    offset = error.pos_in_stream or 0
    rest = text[offset : offset + 60].split()
    if isinstance(error, UnexpectedToken):
        rest = [str(error.token)]
    column = max(error.column - 1, 0)
    return syntax_error(
        f"line {error.line}:{column} no viable alternative at input '{rest[0] if rest else ''}'"
    )


@cache
def _parser() -> Lark:
    return parser_of("harness.backends.simulation.cql", "grammar.lark", maybe_placeholders=True)


@v_args(inline=True)
class _Builder(TermRules, SelectRules, RelationRules, ModificationRules, DefinitionRules):
    """Makes of each rule of the grammar what the method of its name says."""

    def start(self, statement: s.Statement) -> s.Statement:
        return statement
